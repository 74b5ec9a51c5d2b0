"""Tells the owner of each member: figures, and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError

from piccolo_vault.core.storage import notices
from piccolo_vault.core.storage.attention import Known, Words, words_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.records.keeping import Notice

    from piccolo_vault.core.circle import Member
    from piccolo_vault.core.storage.figures import Figures
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.figures import KeptFigures
    from piccolo_vault.engine.storage.moving import Mover


@dataclass(frozen=True, slots=True)
class MemberReport:
    """One member, as the owner is told of it."""

    member: Member
    away_since: float | None
    figures: Figures
    notices: Sequence[Notice]
    beyond_bytes: int
    damaged: int
    stuck: bool
    words: Words


class Members:
    """Reports on members."""

    def __init__(self, context: Context, figures: KeptFigures, mover: Mover) -> None:
        self._context, self._figures, self._mover = context, figures, mover

    async def report(self) -> list[MemberReport]:
        """Returns all members of the circle, in the roster's order; none before there is a circle.

        Raises PiccoloError while attestation has not told of it yet, and what metadata raises.
        """
        try:
            members = self._context.peers.circle().members
        except PiccoloError as alone:
            if alone.reason == "NO_CIRCLE":
                return []
            raise
        await self._figures.load()
        return [self._report(member) for member in members]

    def _report(self, member: Member) -> MemberReport:
        context, sight = self._context, self._context.peers.sight(member.owner_id)
        figures, room, now = self._figures.of(member.owner_id), sight.room, context.now()
        told = room.notices if room else ()
        in_force = notices.in_force(member, context.keyring.owner_id(), told, now)
        known = Known(
            name=member.name,
            standing=member.standing,
            away_since=sight.away_since,
            full=sight.full,
            damaged=len(room.damaged) if room else 0,
            notices=in_force,
            beyond_bytes=room.beyond_bytes if room else 0,
            stuck=self._mover.is_stuck(member.owner_id),
            figures=figures,
        )
        return MemberReport(
            member,
            sight.away_since,
            figures,
            in_force,
            known.beyond_bytes,
            known.damaged,
            known.stuck,
            words_for(known, now),
        )
