"""A second copy of the circle's records in the device's memory, because that travels in the owner's backup.

Rules:
* The copy in the state folder is the one that counts here; this one is for a blank device. So the memory may
  be away for as long as it likes, and is brought up to date when it is back.
* Where others say they are may change often, and others hold it too: for that alone the copy is brought up
  to date once an hour.
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
HOUR = 3600.0
_GATHER, _LONGEST = 0.5, 60.0
_log = logging.getLogger(__name__)


class Remembering:
    """Keeps the memory's copy like the circle."""

    def __init__(self, circle: Circle, memory: Memory, jitter: Jitter, hour: float = HOUR) -> None:
        """`hour`: seconds between copies when others have only told where they are."""
        self._circle, self._memory, self._jitter, self._hour = circle, memory, jitter, hour
        self._copied: set[bytes] | None = None
        self._lasting: frozenset[object] = frozenset()
        self._due = 0.0

    async def run(self) -> None:
        """Works until cancelled."""
        pause, loop = 1.0, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_GATHER)  # a joining circle changes several times in a second
            changed = self._circle.changes.waiter()
            try:
                await self.look(loop.time())
            except PiccoloError as away:
                _log.info("memory not reached", extra=fields(reason=away.reason, why=away.message))
                await asyncio.sleep(pause * (0.5 + self._jitter()))
                pause = min(2 * pause, _LONGEST)
                continue
            pause = 1.0
            await first(changed, seconds=self.left(loop.time()))

    def left(self, now: float) -> float | None:
        """The seconds until the copy must be brought up to date; None when it is. `now` in seconds."""
        if self._circle.view is None or self._copied == self._circle.trusted.hashes():
            return None
        return max(0.0, self._due - now)

    async def look(self, now: float) -> None:
        """Brings the copy up to date, if it is worth it. Raises as `once`."""
        if self._circle.view is None:
            return
        hashes, lasting = self._circle.trusted.hashes(), _lasting(self._circle)
        if self._copied is None or lasting != self._lasting or (hashes != self._copied and now >= self._due):
            await self.once()
            self._copied, self._lasting, self._due = hashes, lasting, now + self._hour

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


def _lasting(circle: Circle) -> frozenset[object]:
    """What the copy must have soon: all but where other devices are that have told it before."""
    trusted = circle.trusted
    others = [each.owner for each in trusted.head.record.members if each.owner != circle.owner]
    known = [each for owner in others for each in (*trusted.holders(owner), *trusted.replaced(owner))]
    spoke = {
        (each.device.record.signing.attestation, each.generation): each.presence
        for each in known
        if each.presence
    }
    passing = {presence.record_hash() for presence in spoke.values()}
    return frozenset((*spoke, *(hash_ for hash_ in trusted.hashes() if hash_ not in passing)))


def values(data: bytes) -> dict[str, bytes]:
    """The values that hold a bundle, by key."""
    if len(data) <= PIECE:
        return {KEY: data}
    return {
        f"{KEY}/{number:04}": data[number * PIECE : (number + 1) * PIECE]
        for number in range(-(-len(data) // PIECE))
    }
