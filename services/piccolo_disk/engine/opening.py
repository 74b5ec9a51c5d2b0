"""The data partition, opened by the words after a boot that could not.

Rules:
* Nothing is changed before the key has opened it and its file system was found sound.
* Services that keep something never see both: they stop before the partition takes the place of what was in
  memory, and start after.
* The answer is given before the services stop: whoever asked is one of them.
* That the TPM cannot be bound is no failure: the words open it again next time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_disk.core.answers import Answer
from piccolo_disk.ports.disk import Luks
from piccolo_disk.ports.host import Host

_log = logging.getLogger(__name__)


class Opening:
    """Opens the partition, and puts it to use."""

    def __init__(self, luks: Luks, host: Host) -> None:
        self._luks, self._host = luks, host

    async def open(self, key: bytes, answer: Callable[[Answer], None]) -> None:
        """Answers OPENED, NONE, UNSET, WRONG or DAMAGED, once. Raises PiccoloError."""
        refused = await self._opened(key)
        answer(refused or Answer.OPENED)
        if refused is None:
            await self._put_to_use(key)

    async def _opened(self, key: bytes) -> Answer | None:
        if self._host.state() != "degraded" or not self._luks.there():
            return Answer.NONE
        if self._luks.is_open():
            return Answer.DAMAGED
        if not await self._luks.slots():
            return Answer.UNSET
        if not await self._luks.open(key):
            return Answer.WRONG
        if await self._host.sound():
            return None
        await self._luks.close()
        return Answer.DAMAGED

    async def _put_to_use(self, key: bytes) -> None:
        await self._host.stop()
        try:
            await self._host.take()
            self._host.tell_opened()
            await self._bind(key)
        finally:
            await self._host.start()

    async def _bind(self, key: bytes) -> None:
        try:
            bound = await self._luks.bind(key)
        except PiccoloError as failed:
            _log.warning("the TPM does not open the data next time", extra=fields(why=failed.message))
            return
        _log.info("the data was opened by the words", extra=fields(bound=bound))
