"""Rounds in which the circle itself changes: members join and go, words are replaced, folders go for good.

Rules:
* What `bad_days.kills` says of rounds, seeds and what is owed holds here too.
* The circle has four to six members. Whoever joins or goes may be the one who is killed meanwhile. Two of
  three admins take a member out, and none who goes is one of them. Whoever went keeps its device on: a
  recovery waits for all who may have something of the owner's.
* What was cut off is begun anew until it is done, as people do, before the next round.
* An owner has written new words down before giving any back; after a cut it is not known which ones hold, and
  the newest are tried first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Final

from integration.bad_days.kills import Act, Kills, unanswered
from integration.bad_days.promises import NOTHING
from integration.client import ApiError, OperationFailedError
from integration.device import SERVICES, Box
from integration.owner import Owner

_FEWEST, _MOST = 4, 6
_ACT_SECONDS: Final = 30.0  # then somebody whose device was killed has to unlock it first
_CHANGE_SECONDS: Final = 120.0
_STATES: Final = ("leaving", "expelled", "compromised")


@dataclass(slots=True)
class Upheavals(Kills):
    """Rounds on one circle that is never the same for long."""

    _guest: Owner | None = None
    _goner: Owner | None = None
    _bought: int = 0
    _written: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """No device that was bought later has the name of one that went."""
        self._bought = len(self.made.owners)

    def _acts(self) -> dict[Act, int]:
        acts: dict[Act, int] = {**super(Upheavals, self)._acts(), self._new_words: 4, self._clear: 3}
        if len(self.made.owners) < _MOST:
            acts[self._join] = 6
        if len(self.made.owners) > _FEWEST:
            acts[self._remove_member] = 6
        return acts

    async def _before(self, act: Act) -> None:
        await super(Upheavals, self)._before(act)
        if act == self._join:
            self._guest = Owner.of(self.made.new_device(self._bought), self.made.passphrase)
            self._bought += 1
            self.made.owners.append(self._guest)
            await self._guest.start()
            await self._guest.api.set_up()
        if act == self._remove_member:
            self._goner = self.made.owners[-1]

    async def _after(self, act: Act) -> None:
        async with asyncio.timeout(_CHANGE_SECONDS):
            for owner in self.made.owners[1:]:
                await _awake(owner)
            if self._guest:
                await self._joined(self._guest)
                self._guest = None
            if self._goner:
                await self._gone(self._goner)
                self.made.owners.remove(self._goner)
                self.made.gone.append(self._goner)
                self._goner = None

    def _victim(self, chance: Random) -> tuple[Box, tuple[str, ...]]:
        concerned = self._guest or self._goner
        if concerned and chance.randrange(2):
            return concerned.device, chance.choice([SERVICES, *((name,) for name in SERVICES)])
        return super(Upheavals, self)._victim(chance)

    # --- what is done ---

    async def _new_words(self, _: Random) -> None:
        words, asked = await self.api.offered_words()
        self._written.append(words)
        await self.api.finished(await self.api.take_words(words, asked), _ACT_SECONDS)
        self._written.clear()

    async def _clear(self, chance: Random) -> None:
        """Many small files, and most of them gone for good: their packs are sparse, and are compacted."""
        paths = [f"/cleared/{number}" for number in range(16)]
        for path in paths:
            await self.store(path, chance.randbytes(chance.randrange(5_000)))
        for path in chance.sample(paths, k=12):
            self.promises.asked(path, NOTHING)
            await self.api.delete(path, purge=True)
            self.promises.acknowledged(path, NOTHING)

    async def _join(self, _: Random) -> None:
        assert self._guest
        async with asyncio.timeout(_ACT_SECONDS):
            await self._guest.api.join(await self.api.invite())

    async def _remove_member(self, _: Random) -> None:
        assert self._goner
        async with asyncio.timeout(_ACT_SECONDS):
            await self._voted(self._goner)

    async def _recover(self, _: Random) -> None:
        if (await self.api.status())["keys"] != "empty":
            return
        *others, newest = [self.api.words, *self._written]
        for words in (newest, *reversed(others)):
            self.api.words = words
            try:
                await self.api.recover(seconds=_CHANGE_SECONDS)
            except OperationFailedError as refused:
                self.say(f"not these words: {refused}")
            else:
                self._written.clear()
                return

    # --- what must have come of it ---

    async def _joined(self, guest: Owner) -> None:
        """Returns when the circle has a new member."""
        while guest.device.name not in await self._active():
            self.say(f"not yet a member: {await unanswered(self._asked_in(guest))}")
            await asyncio.sleep(0.5)

    async def _asked_in(self, guest: Owner) -> None:
        await _awake(guest)
        async with asyncio.timeout(_ACT_SECONDS):
            await guest.api.join(await self.api.invite())

    async def _gone(self, goner: Owner) -> None:
        """Returns when a member is none any more and nothing of the owner's depends on its device."""
        while goner.device.name in await self._active():
            self.say(f"still a member: {await unanswered(self._voted(goner))}")
            await asyncio.sleep(0.5)
        while self.promises.there() and await self.healed() < 1:  # noqa: ASYNC110 - others repair too
            await asyncio.sleep(0.5)

    async def _voted(self, goner: Owner) -> None:
        members = await self.api.members()
        state = _STATES[int(goner.device.name.rpartition("-")[2]) % len(_STATES)]  # one wish, however often
        owner_id = next(member["owner_id"] for member in members if member["name"] == goner.device.name)
        roster = await self.api.propose_removal(owner_id, state)
        admins = [member["name"] for member in members if member["admin"]]
        for admin in [each for each in self.made.owners if each.device.name in admins][:2]:
            await _awake(admin)
            await admin.api.approve(roster)

    async def _active(self) -> list[str]:
        return [member["name"] for member in await self.api.members() if member["state"] == "active"]


async def _awake(owner: Owner) -> None:
    """Unlocks a device that restarted: it signs nothing before that."""
    try:
        if (await owner.api.status())["keys"] != "locked":
            await owner.api.ask("GET", "/sessions")
            return
    except ApiError as refused:
        if refused.status != HTTPStatus.UNAUTHORIZED:
            raise
    await owner.api.log_in()
