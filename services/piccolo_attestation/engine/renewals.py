"""How often the roster follows one owner's new words.

Vaults sign such a roster without a person, and every roster is kept for ever. So an owner gets three at once,
for somebody may write words down wrong, and one a day from then on; meanwhile its roots run ahead of the
roster. Counted is what came into force while this process ran: clocks can be set.
"""

from __future__ import annotations

from piccolo_formats.records.roster import Roster

DAY = 24 * 3600.0
_AT_ONCE = 3


class Renewals:
    """What the rosters named of late."""

    def __init__(self, day: float = DAY) -> None:
        """`day`: in seconds of running time."""
        self._span = _AT_ONCE * day
        self._roots: dict[bytes, bytes] = {}
        self._named: dict[bytes, list[float]] = {}

    def may(self, roster: Roster, owner: bytes, now: float) -> bool:
        """Whether new words of this owner may be named, after the roster in force; `now` in seconds."""
        self._see(roster, now)
        return len(self._named.get(owner, ())) < _AT_ONCE

    def _see(self, roster: Roster, now: float) -> None:
        for member in roster.members:
            if self._roots.get(member.owner, member.root) != member.root:
                self._named.setdefault(member.owner, []).append(now)
            self._roots[member.owner] = member.root
        named = {
            owner: [time for time in times if now - time < self._span] for owner, times in self._named.items()
        }
        self._named = {owner: times for owner, times in named.items() if times}
