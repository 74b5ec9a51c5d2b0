"""What follows a recovery: no burying on the new device, no writing on the old one. Both outlive a restart.

Rules:
* A fence is believed when metadata says so (it read the owner's own log), or when the owner root signed it: a
  claim, or a device certificate of a higher generation that is not this device's. It is never lifted.
* After a recovery burying waits for `reconciled`, or for 45 days on the smaller of two clocks: the wall's,
  and the time that this process ran. So a clock that jumps cannot end it early; one that was ahead at the
  recovery, and stands before it now, counts as if it had run with the process. Who was not heard by then is
  asked all the same when it comes back.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError

from piccolo_vault.core.keys.custody import damaged
from piccolo_vault.core.keys.fence import fence_words, fenced
from piccolo_vault.core.keys.records import FenceRecord, RestoredRecord
from piccolo_vault.core.keys.succession import read_claim
from piccolo_vault.engine.keys.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable

    from piccolo_vault.core.compared import Compared
    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.core.keys.succession import Draft
    from piccolo_vault.ports.custody import Clock, StateFiles

FENCE_FILE, RESTORED_FILE = "fence", "restored"
QUIET_SECONDS = 45 * 86_400
_TICK = 3600.0
_log = logging.getLogger(__name__)


class Fence:
    """Whether a newer device took over.

    `pending` tells the step to a new generation that this device itself is about to take: the keepers may
    show its claim before it is done.
    """

    def __init__(self, files: StateFiles, pending: Callable[[OwnerRecord], Draft | None]) -> None:
        self._files, self._pending = files, pending
        content = files.load(FENCE_FILE)
        try:
            self._record = None if content is None else FenceRecord.from_record(content)
        except FormatError as broken:
            raise damaged(f"{FENCE_FILE} cannot be read") from broken
        self.changed = Pulse()

    @property
    def words(self) -> str:
        """Who took over and when; empty while nobody did."""
        return fence_words(self._record) if self._record else ""

    @property
    def up(self) -> bool:
        """Whether this device may write no more."""
        return self._record is not None

    def check(self) -> None:
        """Raises PiccoloError DENIED (FENCED) once a newer device took over."""
        if self._record is not None:
            raise fenced(self._record)

    def raise_for_claim(self, claim: bytes, owner: OwnerRecord) -> bool:
        """Takes a claim that a keeper or the log showed; returns whether it fences this device."""
        said = read_claim(claim, owner)
        if said is None or said.generation <= owner.generation:
            return False
        draft = self._pending(owner)
        if draft is not None and said.device == draft.device.record_hash():
            return False
        return self._raise(said.generation, said.time, None)

    def raise_for(self, *, generation: int = 0, time: int = 0, name: str | None = None) -> bool:
        """Takes what is known to be so; a fence that is up learns what it did not know yet."""
        return self._raise(generation, time, name)

    def _raise(self, generation: int, time: int, name: str | None) -> bool:
        known = self._record
        if known is not None and generation >= known.generation:
            name = name or (known.name if generation == known.generation else None)
            time = time or (known.time if generation == known.generation else 0)
        elif known is not None:
            generation, time, name = known.generation, known.time, known.name
        record = FenceRecord(generation=generation, time=time, name=name)
        if record != known:
            self._files.save(FENCE_FILE, record.to_record())
            self._record = record
            _log.warning("a newer device took over", extra=fields(generation=generation))
            self.changed.fire()
        return True


class Quiet:
    """The time after a recovery in which nothing is buried.

    `compared` is set once those members that answered were asked for what is newer than the backup; `told` is
    then what came of it, and `progress` before how far it is.
    """

    def __init__(self, files: StateFiles, clock: Clock) -> None:
        self._files, self._clock = files, clock
        self._since = clock.running()
        self._record = self._read()
        self.compared = asyncio.Event()
        self.told: Compared | None = None
        self.progress, self.moved = (0, 0), Pulse()

    def begin(self) -> None:
        """A recovery has ended."""
        self.compared.clear()
        self.told, self.progress = None, (0, 0)
        self._save(RestoredRecord(time=int(self._clock.wall()), running=0))

    def comparing(self, done: int, total: int) -> None:
        """So many unknown objects were brought back, of so many."""
        self.progress = (done, total)
        self.moved.fire()

    def end_asking(self, told: Compared) -> None:
        """The members that answered were asked once."""
        self.told = told
        self.compared.set()
        self.moved.fire()

    def end(self) -> None:
        """Every inventory was reconciled."""
        if self._record is not None:
            self._files.remove(RESTORED_FILE)
            self._record = None
            _log.info("the inventories are reconciled; nobody is left to be asked")

    @property
    def waits(self) -> bool:
        """Whether some inventory was not reconciled yet."""
        return self._record is not None

    @property
    def over(self) -> bool:
        """Whether burying is allowed."""
        if self._record is None:
            return True
        running = self._running(self._record)
        return min(self._clock.wall() - self._began(self._record), running) >= QUIET_SECONDS

    async def run(self) -> None:
        """Keeps, every hour, how long this device has run since the recovery."""
        while True:
            await asyncio.sleep(_TICK)
            if self._record is not None:
                self._tick(self._record)

    def _tick(self, record: RestoredRecord) -> None:
        try:
            self._save(RestoredRecord(time=self._began(record), running=int(self._running(record))))
        except PiccoloError as failed:
            _log.warning("the running time was not kept", extra=fields(reason=failed.reason))

    def _began(self, record: RestoredRecord) -> int:
        wall = int(self._clock.wall())
        return record.time if wall >= record.time else max(wall - int(self._running(record)), 0)

    def _running(self, record: RestoredRecord) -> float:
        return record.running + self._clock.running() - self._since

    def _save(self, record: RestoredRecord) -> None:
        self._files.save(RESTORED_FILE, record.to_record())
        self._record, self._since = record, self._clock.running()

    def _read(self) -> RestoredRecord | None:
        content = self._files.load(RESTORED_FILE)
        if content is None:
            return None
        try:
            return RestoredRecord.from_record(content)
        except FormatError:
            # Unknown is quiet: from now on.
            _log.warning("when this device was recovered is unreadable; the quiet time begins anew")
            return RestoredRecord(time=int(self._clock.wall()), running=0)
