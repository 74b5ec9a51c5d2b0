"""Counts wrong passphrases and makes the next one wait.

Rules:
* A guess is counted, durably, before it is looked at: ending the process in the middle gains nothing.
* The delay is counted on a clock that cannot be set. After a restart it begins anew in full, so a restart
  only ever lengthens it.
* A disk that takes no write does not lock the owner out: then the count is kept in memory.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError

from piccolo_vault.core.keys.delay import delay_after
from piccolo_vault.core.keys.records import Tries

if TYPE_CHECKING:
    from piccolo_vault.ports.custody import Clock, StateFiles

FILE = "tries"
_log = logging.getLogger(__name__)


class Guesses:
    """The passphrases that were tried in a row."""

    def __init__(self, files: StateFiles, clock: Clock) -> None:
        self._files, self._clock = files, clock
        self._failures = self._read()
        self._until = clock.running() + delay_after(self._failures)

    @property
    def left(self) -> float:
        """Seconds until the next passphrase is looked at; 0: now."""
        return max(0.0, self._until - self._clock.running())

    def begin(self) -> None:
        """Counts a guess; raises PiccoloError EXHAUSTED (PASSPHRASE_DELAY) when it comes too early."""
        if (left := self.left) > 0:
            raise PiccoloError(
                Kind.EXHAUSTED,
                "PASSPHRASE_DELAY",
                f"That was too early after a wrong passphrase. Wait {math.ceil(left)} s and try again.",
                {"retry_after": f"{left:.3f}"},
            )
        self._count(self._failures + 1)
        self._until = self._clock.running() + delay_after(self._failures)

    def wrong(self) -> PiccoloError:
        """Returns the error of a wrong passphrase; the delay begins now."""
        seconds = delay_after(self._failures)
        self._until = self._clock.running() + seconds
        _log.warning("wrong passphrase", extra=fields(failures=self._failures, retry_after=seconds))
        return PiccoloError(
            Kind.UNAUTHENTICATED,
            "PASSPHRASE_WRONG",
            "This is not the passphrase. Check capital letters and the keyboard's language.",
            {"retry_after": f"{seconds:.3f}"},
        )

    def right(self) -> None:
        """Forgets the failures."""
        self._count(0)
        self._until = self._clock.running()

    def _count(self, failures: int) -> None:
        self._failures = failures
        try:
            self._files.save(FILE, Tries(failures=failures).to_record())
        except PiccoloError as failed:
            _log.warning("tries are counted in memory only", extra=fields(reason=failed.reason))

    def _read(self) -> int:
        content = self._files.load(FILE)
        try:
            return Tries.from_record(content).failures if content is not None else 0
        except FormatError:
            _log.warning("the count of wrong passphrases is unreadable and begins at the longest delay")
            return 16
