"""The recovery slot of this device's data partition, so that the words open it when the TPM does not.

Rules:
* The key is derived from the KEK ("disk"), in memory, and given to root's part only; nothing of it is kept.
* Whenever the device is unlocked under a KEK that this process has not seen to, the slot is: at setup, after
  a recovery, under new words, and after an unlock, which costs little where it is there already.
* Opening needs no owner here: whoever has the words has the right, and a device that could not open its data
  knows of none.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.disk import DiskAnswer, not_opened
from piccolo_vault.core.keys.owner import read_words

if TYPE_CHECKING:
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.ports.disk import Disk

_RETRY = 60.0
_SEEN_TO = {DiskAnswer.ENROLLED, DiskAnswer.KEPT, DiskAnswer.NONE}
_log = logging.getLogger(__name__)


class DiskSlot:
    """Keeps the slot, and opens the partition by it."""

    def __init__(self, custody: Custody, disk: Disk) -> None:
        self._custody, self._disk = custody, disk
        self._of: tuple[bytes, int] | None = None

    async def open(self, words: str) -> None:
        """Opens the partition; this process is ended soon after.

        Raises PiccoloError INVALID (WORDS_..., DISK_WORDS_WRONG), PRECONDITION (DISK_NOT_CLOSED,
        DISK_NO_WORDS), DATA_LOSS (DISK_DAMAGED), UNAVAILABLE (DISK_AWAY, DISK_BUSY, DISK_FAILED).
        """
        answer = await self._disk.open(read_words(words).disk())
        if answer is not DiskAnswer.OPENED:
            raise not_opened(answer)
        _log.info("the words opened the data; the services start anew on it")

    async def run(self) -> None:
        """Sees to the slot whenever that may be needed."""
        while True:
            changed = asyncio.ensure_future(self._custody.changed.wait())
            try:
                pause = None if await self._see_to_it() else _RETRY
                await asyncio.wait((changed,), timeout=pause)
            finally:
                changed.cancel()

    async def _see_to_it(self) -> bool:
        if self._custody.stage is not Stage.UNLOCKED:
            return True
        owner = self._custody.owner()
        if self._of == (of := (owner.owner, owner.epoch)):
            return True
        try:
            answer = await self._disk.enrol(self._custody.kek().disk())
        except PiccoloError as failed:
            _log.warning("the words do not open the disk yet", extra=fields(why=failed.reason))
            return False
        if answer in _SEEN_TO:
            self._of = of
            _log.info("the disk's recovery slot was seen to", extra=fields(answer=answer))
        else:
            _log.error("the words do not open the disk", extra=fields(answer=answer))
        return answer in _SEEN_TO
