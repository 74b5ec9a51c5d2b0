"""The audit log's entries about what people do through the gateway.

An entry that cannot be written is told to the journal, and undoes nothing: the act is done already.
"""

from __future__ import annotations

import logging
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_gateway.core.access import Actor
from piccolo_gateway.ports.memory import Audit

# Anybody could fill the log with them.
_CHEAP: Final = frozenset(
    {
        "LOGIN_NEEDED",
        "TOKEN_UNKNOWN",
        "PASSPHRASE_DELAY",
        "TOO_MANY_LOGINS",
        "TOO_MANY_TRIES",
        "CHALLENGE_OVER",
        "PROOF_INVALID",
        "CLAIM_NOT_LOCAL",
        "CLAIM_CODE_MISSING",
        "SEALED_WRONG",
        "SEALED_MALFORMED",
        "SHARE_OVER",
        "SHARE_PASSWORD_DELAY",
    }
)
_LONGEST: Final = 1024
_log = logging.getLogger(__name__)


class Trail:
    """Writes what was done, by whom, and how it ended."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def note(self, actor: Actor, action: str, subject: str, failed: PiccoloError | None) -> None:
        """Adds an entry; failures that cost a stranger nothing are left out."""
        outcome = "ok" if failed is None else failed.reason
        if outcome in _CHEAP:
            return
        try:
            await self._audit.append(actor.name, action, subject[:_LONGEST], outcome)
        except PiccoloError as lost:
            told = fields(actor=actor.name, action=action, outcome=outcome, reason=lost.reason)
            _log.error("an audit entry was lost", extra=told)
