"""Heads of owners' backup logs, left here so that a cloud that goes back or forks is found out."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from piccolo_fragment_store.core import heads
from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.heads import Head
from piccolo_fragment_store.engine import statements
from piccolo_fragment_store.engine.claims import Claims
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.ports import Heads, Workers


class KeptHeads:
    """The heads of all owners."""

    def __init__(self, store: Heads, claims: Claims, identity: Identity, workers: Workers) -> None:
        self._store, self._claims, self._identity, self._workers = store, claims, identity, workers
        self._lock = threading.Lock()

    async def keep(self, owner: bytes, head: bytes, device: bytes) -> None:
        """Keeps a head, durably. Raises PiccoloError as `statements.head`; PRECONDITION (FENCED); CONFLICT
        (HEAD_OLDER); FULL (DISK_FULL)."""
        await self._workers.run(self._keep, owner, head, device, self._identity.circle())

    async def get(self, owner: bytes) -> Sequence[Head]:
        """An owner's heads, newest first."""
        return await self._workers.run(self._store.get, owner)

    def _keep(self, owner: bytes, data: bytes, device: bytes, circle: Circle) -> None:
        opened, generation = statements.head(data, device, owner, circle)
        self._claims.fence(owner, generation)
        with self._lock:
            before = list(self._store.get(owner))
            after = heads.keep(before, opened)
            if after != before:
                self._store.put(owner, after)
