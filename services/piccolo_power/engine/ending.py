"""How the device ends.

Rules of a reset:
* The mark comes first, the keys go next, then the device restarts. Without the mark the device is as it was;
  with it, each start destroys the keys and makes the partition anew before anything reads it. So power may go
  at any moment.
* Once the mark is there, there is no way back: keys that could not be destroyed now are left to the start.
* Only what holds /var is reset. Whoever sets up a device in memory, because nothing opened its data, must not
  destroy that data, which is somebody else's (docs/adr/0037); where there is none, a restart forgets all.
"""

from __future__ import annotations

import logging

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_power.core.answers import Answer
from piccolo_power.core.asked import Act
from piccolo_power.ports.host import Host
from piccolo_power.ports.partition import Partition

_log = logging.getLogger(__name__)


class Ending:
    """Ends the device, in one of three ways."""

    def __init__(self, partition: Partition, host: Host) -> None:
        self._partition, self._host = partition, host

    async def end(self, act: Act) -> Answer:
        """ENDING, CLOSED or NONE. Raises PiccoloError, also when a reset is marked and cannot restart."""
        refused = await self._forget() if act is Act.RESET else None
        if refused is None:
            await (self._host.shut_down() if act is Act.SHUTDOWN else self._host.restart())
        return refused or Answer.ENDING

    async def _forget(self) -> Answer | None:
        state = self._host.state()
        if state == "degraded":
            return Answer.CLOSED if self._partition.there() else None
        if state not in ("sealed", "opened"):
            return Answer.NONE
        await self._partition.mark()
        try:
            await self._partition.erase()
        except PiccoloError as failed:
            _log.warning("the keys are destroyed at the next start only", extra=fields(why=failed.message))
        return None
