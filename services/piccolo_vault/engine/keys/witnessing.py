"""Asks the members, before anything is claimed, whether the cloud showed the whole backup.

That the log cannot be read again is the cloud's silence only when metadata, which reads it, answers what it
knows without the cloud. One that ended meanwhile is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.keys.certificates import log_delegation
from piccolo_vault.core.keys.company import company
from piccolo_vault.core.keys.owner import FIRST_GENERATION
from piccolo_vault.core.keys.witnesses import Log, Witness, judge, places_of_interest, read_head
from piccolo_vault.engine.keys.generations import enrolment_identity
from piccolo_vault.ports.backups import MEMORY_AWAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.kek import Kek

    from piccolo_vault.core.circle import Member
    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.core.keys.witnesses import Verdict
    from piccolo_vault.ports.backups import Backups
    from piccolo_vault.ports.promises import DialIdentity
    from piccolo_vault.ports.witnesses import Witnesses

_SECONDS = 20.0
_AT_ONCE = 32
_TRIES = 3
_log = logging.getLogger(__name__)


class Witnessing:
    """Judges a restored memory's log by the members' word."""

    def __init__(self, witnesses: Witnesses, backups: Backups) -> None:
        self._witnesses, self._backups = witnesses, backups

    async def judge(self, kek: Kek, owner: OwnerRecord, bundle: bytes) -> Verdict:
        """Returns how the log stands; raises PiccoloError when metadata is away."""
        others = company(bundle, owner.owner)
        identity, room = enrolment_identity(kek), asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as asking:
            answers = [
                asking.create_task(self._ask(member, identity, owner, room)) for member in others.members
            ]
        told = [answer for each in answers if (answer := each.result()) is not None]
        verdict = judge(await self._log(kek, told), told, others.voices)
        _log.info("the members were asked about the backup", extra=fields(finding=verdict.finding))
        return verdict

    async def _ask(
        self, member: Member, identity: DialIdentity, owner: OwnerRecord, room: asyncio.Semaphore
    ) -> Witness | None:
        try:
            async with room, asyncio.timeout(_SECONDS):
                pairs = await self._witnesses.heads(member, identity)
        except (PiccoloError, TimeoutError) as failed:
            _log.info("no word about the backup", extra=fields(member=member.name, why=str(failed)))
            return None
        heads = [read_head(head, device, owner) for head, device in pairs]
        if None in heads:
            _log.warning(
                "a head that is not of this log, or that nobody of ours signed",
                extra=fields(member=member.name),
            )
        return Witness(member.name, tuple(head for head in heads if head))

    async def _log(self, kek: Kek, told: Sequence[Witness]) -> Log:
        """What the cloud shows, as far as it is needed and can be proven.

        Raises PiccoloError MEMORY_AWAY when it is not the cloud that fails.
        """
        key = await self._backups.backup_key()
        delegation = log_delegation(kek, key, FIRST_GENERATION)
        log = await self._backups.trace(delegation, ())
        wanted = places_of_interest(log, told)
        for left in reversed(range(_TRIES)):
            try:
                return await self._backups.trace(delegation, wanted)
            except PiccoloError as failed:
                _log.warning("the log cannot be read again", extra=fields(reason=failed.reason, left=left))
                log = await self._backups.trace(delegation, ())
                ended = failed.reason == MEMORY_AWAY and failed.kind is not Kind.TIMEOUT
                if ended and not left:
                    raise
                if not ended:
                    break
        return replace(log, withheld=True)
