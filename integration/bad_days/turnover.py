"""The power goes while a member joins or is taken out: afterwards it is in or out, and everybody says so.

Rules:
* What `bad_days.upheavals` says of joins and removals, and `bad_days.cuts` of power, holds here too.
* A join and a removal take turns. The power of the newcomer or of who goes, of the inviter, of an admin, of
  two of them, or of everything and the cloud goes at some change of the first one's disk.
* What was cut off has happened, or is done again. Then there is one roster, without an alarm, and whoever
  joined stores and reads: nobody is half in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from integration.bad_days.cuts import PowerCut
from integration.bad_days.kills import Act, Harm
from integration.bad_days.owed import Owed
from integration.bad_days.power.disk import Disk
from integration.bad_days.upheavals import Upheavals
from integration.device import Box

_PATIENCE: Final = 4.0
_ONE_SECONDS: Final = 120.0


@dataclass(slots=True)
class Turnover(Upheavals):
    """Rounds on a circle of four, or of five, whose devices and cloud stand on disks that forget."""

    disks: Mapping[str, Disk] = field(default_factory=dict)

    def _acts(self) -> dict[Act, int]:
        return {self._remove_member: 1} if len(self.made.owners) > 4 else {self._join: 1}

    def _harm(self, chance: Random) -> Harm:
        concerned = self._guest or self._goner
        assert concerned
        inviter, admin = (owner.device for owner in self.made.owners[:2])
        everything = [owner.device for owner in self.made.owners]
        boxes: list[Box] = chance.choice(
            [
                [concerned.device],
                [inviter],
                [admin],
                [concerned.device, inviter],
                [inviter, admin],
                [concerned.device, *(box for box in everything if box is not concerned.device)],
            ]
        )
        if len(boxes) > 2:
            boxes.append(self.made.cloud)
        changes = 1 + int(chance.uniform(0, 2 ** chance.randrange(1, 8)))
        return PowerCut(boxes, self.disks, changes, _PATIENCE, str(chance.random()), self.say)

    async def _after(self, act: Act) -> None:
        guest = self._guest
        await super(Turnover, self)._after(act)
        async with asyncio.timeout(_ONE_SECONDS):
            while len(rosters := await self._rosters()) > 1:
                self.say(f"not yet one roster: {sorted(rosters)}")
                await asyncio.sleep(0.5)
        if guest:
            owed = Owed(guest.api)
            await owed.api.reaches_all()
            await owed.put("/mine", b"stored by who just joined")
            await owed.look()

    async def _rosters(self) -> set[tuple[int, str]]:
        told = [await owner.api.circle() for owner in self.made.owners]
        assert not [alarm for circle in told for alarm in circle["alarms"]]
        return {(circle["epoch"], circle["roster_hash"]) for circle in told}
