"""The audit log's entries about what people do through the gateway.

Rules:
* The log is never trimmed, so of strangers (who is not let in, or only follows a link) it holds what was done
  and which guesses were wrong, and nothing that costs them nothing. Of all others it holds everything.
* An entry that cannot be written is told to the journal, and undoes nothing: the act is done already.
"""

from __future__ import annotations

import logging
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_gateway.core.access import Actor
from piccolo_gateway.ports.memory import Audit

# What a stranger cannot bring about as often as he likes: guesses are slowed, and so are a link's downloads.
_OF_STRANGERS: Final = frozenset(
    {
        "ok",
        "PASSPHRASE_WRONG",
        "FACTOR_WRONG",
        "CLAIM_CODE_WRONG",
        "SHARE_PASSWORD_WRONG",
    }
)
_LONGEST: Final = 1024
_log = logging.getLogger(__name__)


class Trail:
    """Writes what was done, by whom, and how it ended."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def note(self, actor: Actor, action: str, subject: str, failed: PiccoloError | None) -> None:
        """Adds an entry; a stranger's failures that are no guesses are left out."""
        outcome = "ok" if failed is None else failed.reason
        if not actor.scopes and outcome not in _OF_STRANGERS:
            return
        try:
            await self._audit.append(actor.name, action, subject[:_LONGEST], outcome)
        except PiccoloError as lost:
            told = fields(actor=actor.name, action=action, outcome=outcome, reason=lost.reason)
            _log.error("an audit entry was lost", extra=told)
