"""Keeps each member's figures over restarts, in the device's memory.

Rules:
* They are written once an hour, and at once when an audit failed: each write is a change that is backed up.
* A member that is no more in the circle is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_vault.core.storage.figures import Figures, from_json, to_json

if TYPE_CHECKING:
    from piccolo_vault.engine.storage.context import Context

FIGURES_KEY = "members/figures"
_DAY = 86_400
_SAVE_SECONDS = 3_600.0


class KeptFigures:
    """The figures of all members."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._figures: dict[bytes, Figures] | None = None
        self._saved = context.now()
        self._urgent = False

    async def load(self) -> None:
        """Reads them, once. Raises what metadata raises."""
        if self._figures is None:
            self._figures = from_json(await self._context.objects.get_state(FIGURES_KEY))

    def of(self, owner: bytes) -> Figures:
        """Returns a member's; empty ones before they were read."""
        return Figures() if self._figures is None else self._figures.setdefault(owner, Figures())

    def audited(self, owner: bytes, *, good: bool) -> None:
        """Counts a block."""
        self.of(owner).read(self._context.time(), good=good)
        self._urgent |= not good

    async def keep(self) -> None:
        """Takes over what was seen of the members, and writes it down when it is time."""
        await self.load()
        now = self._context.now()
        members = {member.owner_id for member in self._context.peers.circle().members}
        for owner in members:
            self._take(owner, int(now))
        if self._urgent or not 0 <= now - self._saved < _SAVE_SECONDS:
            self._figures = {owner: each for owner, each in (self._figures or {}).items() if owner in members}
            await self._context.objects.put_state(FIGURES_KEY, to_json(self._figures))
            self._saved, self._urgent = now, False

    def _take(self, owner: bytes, now: int) -> None:
        sight, figures = self._context.peers.sight(owner), self.of(owner)
        if sight.looks:
            figures.looked(now // _DAY, sight.looks, sight.answers)
            sight.looks = sight.answers = 0
        if sight.room is not None and sight.away_since is None:
            figures.heard, figures.owner_bytes = now, sight.room.owner_bytes
            figures.offer_bytes, figures.used_bytes = sight.room.offer_bytes, sight.room.used_bytes
            figures.share_bytes = sight.room.share_bytes
