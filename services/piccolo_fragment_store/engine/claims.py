"""Promises to device generations, and the fences that they are to older ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from piccolo_fragment_store.core import fences
from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.fences import Claiming, Promised
from piccolo_fragment_store.engine import statements
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.ports import Promises, Trust, Workers


@dataclass(frozen=True, slots=True)
class Answer:
    """Signed("promise"), or Signed("claim") of the one that was promised instead."""

    promise: bytes = b""
    fenced_by: bytes = b""


class Claims:
    """One promise per owner."""

    def __init__(self, promises: Promises, identity: Identity, trust: Trust, workers: Workers) -> None:
        self._promises, self._identity = promises, identity
        self._trust, self._workers = trust, workers
        self._lock = threading.Lock()

    async def claim(
        self, owner: bytes, claim: bytes, device: bytes, successors: Sequence[bytes] = ()
    ) -> Answer:
        """Promises to serve a device, unless another one of its generation or a newer one was promised.

        `successors` lead to the root that vouches for it, where the owner has new words.

        Raises PiccoloError as `statements.claim`; FULL (DISK_FULL); UNAVAILABLE when attestation cannot admit
        the device now: then the promise stands, and asking again is all that is needed.
        """
        circle = self._identity.circle()
        answer, generation = await self._workers.run(self._judge, owner, claim, device, successors, circle)
        if answer.promise and generation > circle.owners[owner].generation:
            await self._trust.adopt(device, claim, successors)
        return answer

    def fence(self, owner: bytes, generation: int) -> None:
        """Lets a mutation pass. Raises PiccoloError PRECONDITION, FENCED."""
        fences.check(self._promises.get(owner), generation)

    def is_current(self, owner: bytes, generation: int) -> bool:
        """Whether no newer device of this owner was promised."""
        promised = self._promises.get(owner)
        return promised is None or generation >= promised.generation

    def _judge(
        self, owner: bytes, claim: bytes, device: bytes, successors: Sequence[bytes], circle: Circle
    ) -> tuple[Answer, int]:
        claimed, named = statements.claim(claim, device, successors, owner, circle)
        generation = claimed.generation
        with self._lock:
            promised = self._promises.get(owner)
            verdict = fences.judge(promised, generation, named.record_hash())
            if verdict is Claiming.FENCED and promised is not None:
                return Answer(fenced_by=promised.claim), generation
            if verdict is Claiming.PROMISE:
                self._promises.put(owner, Promised(generation, named.record_hash(), claim))
        return Answer(promise=self._identity.promise(claimed)), generation
