"""A second copy of the circle's records in the device's memory, because that travels in the owner's backup.

Rules:
* The copy in the state folder is the one that counts here; this one is for a blank device. So the memory may
  be away for as long as it likes, and is brought up to date when it is back.
* It is the bundle as one value, `bundle`, as long as that fits; a larger one is cut into `bundle/0000`, ...,
  to be joined in the order of the keys.
"""

from __future__ import annotations

import asyncio
import logging

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_attestation.core import bundle
from piccolo_attestation.engine.changes import first
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.ports import Jitter, Memory

KEY = "bundle"
PIECE = 768 * 1024
_GATHER, _LONGEST = 0.5, 60.0
_log = logging.getLogger(__name__)


class Remembering:
    """Keeps the memory's copy like the circle."""

    def __init__(self, circle: Circle, memory: Memory, jitter: Jitter) -> None:
        self._circle, self._memory, self._jitter = circle, memory, jitter

    async def run(self) -> None:
        """Works until cancelled."""
        pause = 1.0
        while True:
            await asyncio.sleep(_GATHER)  # a joining circle changes several times in a second
            changed = self._circle.changes.waiter()
            try:
                await self.once()
            except PiccoloError as away:
                _log.info("memory not reached", extra=fields(reason=away.reason, why=away.message))
                await asyncio.sleep(pause * (0.5 + self._jitter()))
                pause = min(2 * pause, _LONGEST)
                continue
            pause = 1.0
            await first(changed, seconds=None)

    async def once(self) -> None:
        """Brings the copy up to date. Raises PiccoloError UNAVAILABLE while the memory is away."""
        if self._circle.view is None:
            return
        wanted = values(bundle.encode(self._circle.trusted.records()))
        present = await self._memory.load()
        put = {key: data for key, data in wanted.items() if present.get(key) != data}
        remove = sorted(key for key in present if key.split("/")[0] == KEY and key not in wanted)
        if put or remove:
            await self._memory.store(put, remove)


def values(data: bytes) -> dict[str, bytes]:
    """The values that hold a bundle, by key."""
    if len(data) <= PIECE:
        return {KEY: data}
    return {
        f"{KEY}/{number:04}": data[number * PIECE : (number + 1) * PIECE]
        for number in range(-(-len(data) // PIECE))
    }
