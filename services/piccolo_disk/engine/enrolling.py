"""The words' slot of the data partition.

Rules:
* Only while that partition is what holds /var: words of an owner in memory never take the place of those that
  open what is on the disk.
* The new slot is there before an old one goes; a power cut in between leaves both, and the next time ends it.
"""

from __future__ import annotations

from piccolo_disk.core.answers import Answer
from piccolo_disk.ports.disk import Luks
from piccolo_disk.ports.host import Host


class Enrolling:
    """Sees to it that one key opens the partition, beside the TPM."""

    def __init__(self, luks: Luks, host: Host) -> None:
        self._luks, self._host = luks, host

    async def enrol(self, key: bytes) -> Answer:
        """ENROLLED, KEPT or NONE. Raises PiccoloError."""
        if self._host.state() not in ("sealed", "opened"):
            return Answer.NONE
        own = await self._own(key)
        answer = Answer.KEPT if own else Answer.ENROLLED
        if not own:
            await self._luks.add(key)
            own = await self._own(key)
        for slot in await self._luks.slots():
            if own and slot not in own:
                await self._luks.remove(slot)
        return answer

    async def _own(self, key: bytes) -> set[int]:
        return {slot for slot in await self._luks.slots() if await self._luks.opens(key, slot)}
