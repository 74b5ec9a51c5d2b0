"""Sealed stripes of packs, kept in memory for a while: a pack's files are often read one after the other.

Rules:
* Only ciphertext is kept, so that a locked vault has nothing to forget here; a pack never changes, so
  nothing in
  here gets old.
* Who wants a stripe that is on its way waits for it instead of asking again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_vault.engine.storage.fetch import Source


class StripeCache:
    """The stripes used last, up to `limit` bytes."""

    def __init__(self, bring: Callable[[Source, range], Awaitable[list[bytes]]], limit: int) -> None:
        self._bring, self._limit = bring, limit
        self._kept: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._coming: dict[tuple[bytes, int], asyncio.Future[None]] = {}
        self._size = 0

    async def get(self, source: Source, stripes: range) -> bytes:
        """Returns the stripes, joined. Raises what bringing them raises."""
        object_id = source.layout.object_id
        keys = [(object_id, stripe) for stripe in stripes]
        while waits := {self._coming[key] for key in keys if key in self._coming}:
            await asyncio.wait(waits)
        lacking = [key[1] for key in keys if key not in self._kept]
        if not lacking:
            return b"".join(self._use(key) for key in keys)
        # taken before the wait, in which they may be dropped
        have = {key: self._use(key) for key in keys if key in self._kept}
        have |= await self._fill(source, range(lacking[0], lacking[-1] + 1))
        return b"".join(have[key] for key in keys)

    async def _fill(self, source: Source, stripes: range) -> dict[tuple[bytes, int], bytes]:
        keys = [(source.layout.object_id, stripe) for stripe in stripes]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._coming.update(dict.fromkeys(keys, done))
        try:
            brought = dict(zip(keys, await self._bring(source, stripes), strict=True))
        finally:
            for key in keys:
                del self._coming[key]
            done.set_result(None)
        for key, stripe in brought.items():
            self._keep(key, stripe)
        return brought

    def _use(self, key: tuple[bytes, int]) -> bytes:
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: tuple[bytes, int], stripe: bytes) -> None:
        self._size += len(stripe) - len(self._kept.pop(key, b""))
        self._kept[key] = stripe
        while self._size > self._limit:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)
