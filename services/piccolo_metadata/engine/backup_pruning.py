"""Deletes the oldest chains of the backup log, so that it does not grow for ever.

Rules:
* Only the locator key's own signature deletes, never a delegate's; it is not here. So the vault is told what
  to sign, and brings the signature.
* Nothing goes before all that stands in for it was read from the cloud: every header up to the head follows
  the one before, and the chain that becomes the oldest is there byte for byte. Each chain is read once so,
  when the one before it goes.
* Who was fenced, or sees another log than it wrote, deletes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError

from piccolo_metadata.core.ages import Age
from piccolo_metadata.core.backup_points import restorable
from piccolo_metadata.core.backup_records import Position
from piccolo_metadata.core.backup_retention import BASES, Bases, no_bases
from piccolo_metadata.engine.backup_bodies import Bodies, BrokenBodyError
from piccolo_metadata.engine.backup_ledger import load
from piccolo_metadata.engine.backup_log import Survey, header_at
from piccolo_metadata.engine.backup_ports import Access, EmptiedLog, Files
from piccolo_metadata.engine.backup_words import forked
from piccolo_metadata.ports import Outbox

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pruning:
    """What the owner's words are to sign: that a log loses what came before an entry; 0: nothing is to go."""

    locator: bytes = b""
    before: int = 0
    nonce: bytes = b""


class Pruner:
    """Prunes the log of one memory."""

    def __init__(self, outbox: Outbox, cloud: EmptiedLog, files: Files, age: Callable[[], Age]) -> None:
        """Prune through this cloud; `age` tells the memory's age now."""
        self._outbox, self._cloud, self._age = outbox, cloud, age
        self._bodies = Bodies(cloud, files, outbox.work_folder)

    async def begin(self) -> Pruning:
        """Returns what is to be signed, after all that stays was found whole.

        Raises PiccoloError DATA_LOSS (CHAIN_BROKEN, FORK), and as the cloud answers.
        """
        standing, age = await load(self._outbox), self._age()
        position = standing.position
        idle = position is None or not position.seq or standing.delegation is None
        if idle or position is None or standing.fence is not None or not self._cloud.configured:
            return Pruning()
        base = position.base or await self._base_of_claim(standing.access, position)
        bases = await self._noted(position.locator, base, age)
        before = bases.first_needed(age.seconds) if age.may_give_up else 0
        if not before or before <= (await self._cloud.head(standing.access)).first:
            return Pruning()
        await self._is_whole(standing.access, position, before)
        return Pruning(position.locator, before, await self._cloud.challenge())

    async def prune(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        """Deletes the entries before one; returns how many went. Raises PiccoloError as the cloud refuses."""
        gone = await self._cloud.drop(locator, before, nonce, signature)
        _log.info("old backups are deleted", extra=fields(before=before, entries=gone))
        return gone

    async def _base_of_claim(self, access: Access, position: Position) -> int:
        """The newest snapshot, where the newest entry is a claim; 0: there is none.

        A full log takes no snapshot after its claim before something went.
        """
        claim = await header_at(self._cloud, access, position.seq)
        if claim is None or claim.record_hash() != position.hash:
            raise forked(position.seq, "is another one than it was")
        return claim.header.base

    async def _noted(self, locator: bytes, base: int, age: Age) -> Bases:
        kept = await self._outbox.local(BASES)
        try:
            known = Bases.from_record(kept) if kept else no_bases()
        except FormatError:
            _log.warning("when the snapshots were made cannot be read; they count as new")
            known = no_bases()
        bases = known.seen(locator, base, age.seconds)
        bases = bases.since(bases.first_needed(age.seconds))
        if bases != known:
            await self._outbox.set_local({BASES: bases.to_record()})
        return bases

    async def _is_whole(self, access: Access, position: Position, first: int) -> None:
        survey = Survey(self._cloud, access, first)
        await survey.extend()
        if survey.broken is not None:
            raise _still_needed(int(survey.broken.details["seq"]), "it does not follow the one before")
        own = survey.at(position.seq)
        if own is None or own.hash != position.hash:
            raise forked(position.seq, "is another one than it was")
        try:
            await self._bodies.check(
                access, [each for each in restorable(survey.points) if each.base == first]
            )
        except BrokenBodyError as broken:
            raise _still_needed(broken.seq, str(broken)) from broken


def _still_needed(seq: int, why: str) -> PiccoloError:
    return PiccoloError(
        Kind.DATA_LOSS,
        "CHAIN_BROKEN",
        f"Backups older than 30 days stay at the cloud, because a newer one is broken at entry {seq}: {why}.",
        {"seq": str(seq)},
    )
