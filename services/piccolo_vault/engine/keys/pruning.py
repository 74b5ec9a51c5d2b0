"""Lets the backup log lose, once a day, what is older than anybody needs.

Rules:
* What may go, and that all which stays is whole, is metadata's to find out; that it may go is the words' to
  say. So only an unlocked device does this, and it signs for the log of its own words only.
* A device that was replaced, or whose words are being replaced, deletes nothing.
* It waits a day after a failure too: what was read back for nothing may have been a gigabyte.
* What went stands in the audit log, and so does why nothing can.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.rotation import dropping

if TYPE_CHECKING:
    from piccolo_vault.engine.keys.aftermath import Fence
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.roles import Neighbours

_EVERY = 86_400.0
_ACTION = "vault.backup.pruned"
_log = logging.getLogger(__name__)


class Pruning:
    """Runs for as long as the process does."""

    def __init__(self, custody: Custody, fence: Fence, neighbours: Neighbours) -> None:
        self._custody, self._fence = custody, fence
        self._backups, self._remembers = neighbours.backups, neighbours.remembers
        self._told = ""

    async def run(self) -> None:
        """Prunes after each unlock, and once a day from then on."""
        unlocks, due = -1, 0.0
        clock = asyncio.get_running_loop().time
        while True:
            changed = asyncio.ensure_future(self._custody.changed.wait())
            try:
                pause = None
                if self._may():
                    if unlocks != self._custody.unlocks or clock() >= due:
                        unlocks = self._custody.unlocks
                        await self.attempt()
                        due = clock() + _EVERY
                    pause = max(due - clock(), 0.0)
                await asyncio.wait((changed,), timeout=pause)
            finally:
                changed.cancel()

    async def attempt(self) -> None:
        """Prunes what may go, and tells why it cannot."""
        try:
            await self._prune()
        except PiccoloError as failed:
            news = failed.kind is Kind.DATA_LOSS and self._told != failed.message
            if news and await self._note(failed.reason, {"why": failed.message}):
                self._told = failed.message
            _log.warning("old backups stay", extra=fields(reason=failed.reason, why=failed.message))

    async def _prune(self) -> None:
        asked = await self._backups.begin_pruning()
        if not asked.before or not self._may():
            return
        kek = self._custody.kek()
        if asked.locator != kek.locator().public:
            return  # the log of words that were replaced meanwhile
        gone = await self._backups.prune(asked, dropping(kek, asked.before, asked.nonce))
        await self._note("ok", {"before": asked.before, "entries": gone})

    def _may(self) -> bool:
        rotating = self._custody.rotation is not None or self._custody.former is not None
        return self._custody.stage is Stage.UNLOCKED and not self._fence.up and not rotating

    async def _note(self, outcome: str, details: dict[str, object]) -> bool:
        subject = self._custody.owner().owner.hex()
        try:
            await self._remembers.audit(_ACTION, subject, outcome, json.dumps(details))
        except PiccoloError as failed:
            _log.warning("not in the audit log", extra=fields(outcome=outcome, reason=failed.reason))
            return False
        return True
