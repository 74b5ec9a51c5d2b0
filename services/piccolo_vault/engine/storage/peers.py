"""What this device knows of its circle's members: who answers, how fast, who has room.

Rules:
* A member that cannot be reached is away from the first failed call on, and back with the first that
  succeeds. Since when is kept across restarts: a week of absence must not begin anew with each.
* Who is away is asked again before a write is refused for the lack of it: once, and for a while if it fell
  silent lately.
* A member that is full is left out of new placements, and one that was slow lately as long as it is not
  needed for the promise; both are still read from.
* A compromised member is never dialled; one that left or was expelled still gives back what it has.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage.placement import Candidate
from piccolo_vault.core.storage.receipts import Expected, check_receipt
from piccolo_vault.engine.storage.distrust import Distrust
from piccolo_vault.engine.storage.nursery import gather

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from piccolo_vault.core.circle import Circle, Member
    from piccolo_vault.ports.keepers import Keeper, Keepers, Room
    from piccolo_vault.ports.keyring import Aftermath, CircleSource
    from piccolo_vault.ports.objects import Objects

T = TypeVar("T")
AWAY_KEY = "members/away"
_SMOOTHING = 0.2
_SLOW_SECONDS = 30.0
_LATELY_SECONDS = 60.0
_AGAIN_SECONDS = 0.2
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sight:
    """What is known of one member.

    Times: `away_since` of the wall clock, `avoid_until` of the event loop's. `room` is what its keeper said
    last, `wanted` what it had no room for since; `looks` and `answers` count since somebody took them
    (engine/storage/figures.py).
    """

    away_since: float | None = None
    avoid_until: float = 0.0
    availability: float = 1.0
    latency: float = 0.0
    rate: float = 50e6
    free_bytes: int | None = None
    owner_bytes: int = 0
    full: bool = False
    room: Room | None = None
    wanted: int = 0
    looks: int = 0
    answers: int = 0


class Peers:
    """The members as their keepers show themselves."""

    def __init__(
        self,
        source: CircleSource,
        keepers: Keepers,
        objects: Objects,
        now: Callable[[], float],
        aftermath: Aftermath,
    ) -> None:
        self._source, self._keepers, self._objects, self._now = source, keepers, objects, now
        self._aftermath = aftermath
        self._sights: dict[bytes, Sight] = {}
        self._written: dict[str, int] = {}
        self.changed = asyncio.Event()
        self.distrust = Distrust()
        self._asking, self._asked_at = asyncio.Lock(), -math.inf

    async def load(self) -> None:
        """Reads who was away when this process last ran."""
        stored = await self._objects.get_state(AWAY_KEY)
        try:
            found = json.loads(stored) if stored else {}
            away = {bytes.fromhex(owner): float(since) for owner, since in found.items()}
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            _log.warning("who was away cannot be read; all patience begins anew")
            return
        self._written = found
        for owner_id, since in away.items():
            # a time that is still to come was written down by a clock that was ahead
            self.sight(owner_id).away_since = min(since, self._now())

    async def save(self) -> None:
        """Writes who is away, if that changed."""
        away = {
            owner.hex(): int(sight.away_since)
            for owner, sight in self._sights.items()
            if sight.away_since is not None
        }
        if away.keys() != self._written.keys():
            await self._objects.put_state(AWAY_KEY, json.dumps(away, sort_keys=True).encode())
            self._written = away

    def clock_stepped(self, seconds: float) -> None:
        """The wall clock was set by so much: nobody has been away for longer or shorter because of that."""
        for sight in self._sights.values():
            if sight.away_since is not None:
                sight.away_since += seconds
        self._written = {}

    def circle(self) -> Circle:
        """Returns the circle. Raises PiccoloError NO_CIRCLE."""
        return self._source.current()

    def member(self, owner_id: bytes) -> Member:
        """Returns a member that may be dialled. Raises PiccoloError UNAVAILABLE, KEEPER_GONE."""
        member = self.circle().member(owner_id)
        if member is None or member.standing is Standing.COMPROMISED:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "KEEPER_GONE",
                "A keeper is no member of the circle any more.",
                {"keeper": owner_id.hex()},
            )
        return member

    def sight(self, owner_id: bytes) -> Sight:
        """Returns what is known of a member."""
        return self._sights.setdefault(owner_id, Sight())

    def name(self, owner_id: bytes) -> str:
        """Returns a member's name for a person."""
        member = self.circle().member(owner_id)
        return member.name if member else f"a former member ({owner_id[:4].hex()})"

    def is_gone(self, owner_id: bytes) -> bool:
        """Returns whether nobody of that id can be asked any more."""
        member = self.circle().member(owner_id)
        return member is None or member.standing is Standing.COMPROMISED

    def is_away(self, owner_id: bytes) -> bool:
        """Returns whether the member did not answer when last asked, or cannot be asked."""
        return self.is_gone(owner_id) or self.sight(owner_id).away_since is not None

    def away(self) -> dict[bytes, float]:
        """Returns the members of the circle that do not answer, and since when."""
        return {
            member.owner_id: since
            for member in self.circle().members
            if (since := self.sight(member.owner_id).away_since) is not None
        }

    def devices(self) -> int:
        """Returns N: the devices of the circle that count, this one included."""
        return 1 + sum(member.standing is Standing.ACTIVE for member in self.circle().members)

    def candidates(
        self, fragment_bytes: int = 0, *, without: Iterable[bytes] = (), anyhow: bool = False
    ) -> list[Candidate]:
        """Returns the members that may get a new fragment of that size now.

        `anyhow`: also those that are full or were slow lately, to tell what is in the way.
        Raises PiccoloError UNAVAILABLE, MEMBERS_UNHEARD after a restore, as long as the roster may be an
        old one.
        """
        circle = self.circle()
        if circle.unheard:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "MEMBERS_UNHEARD",
                f"After the restore {circle.unheard} more members must be heard before anything is stored.",
            )
        left_out, found = frozenset(without), []
        for member in circle.members:
            sight = self.sight(member.owner_id)
            free = member.offer_bytes if sight.free_bytes is None else sight.free_bytes
            fit = member.standing is Standing.ACTIVE and member.owner_id not in left_out
            if not fit or sight.away_since is not None:
                continue
            has_room = not sight.full and free >= fragment_bytes
            if anyhow or (has_room and not self._avoided(sight)):
                found.append(Candidate(member.owner_id, free, sight.availability))
            elif not has_room:
                sight.wanted = max(sight.wanted, fragment_bytes)
        return found

    def targets(self, fragment_bytes: int, *, without: Iterable[bytes]) -> list[Candidate]:
        """Returns the members that may get a fragment: who was slow lately is better than nobody."""
        ready = self.candidates(fragment_bytes, without=without)
        known = {each.owner_id for each in ready}
        slow = self.candidates(without={*without, *known}, anyhow=True)
        return ready + [
            each for each in slow if each.free_bytes >= fragment_bytes and not self.sight(each.owner_id).full
        ]

    def _avoided(self, sight: Sight) -> bool:
        return sight.avoid_until > asyncio.get_running_loop().time()

    def by_speed(self, owners: Iterable[bytes], size: int) -> list[bytes]:
        """Returns the members that can be asked, the one that likely brings `size` bytes first in front."""
        ready = [owner for owner in owners if not self.is_gone(owner)]
        return sorted(ready, key=lambda owner: (self.is_away(owner), self.expected_seconds(owner, size)))

    def expected_seconds(self, owner_id: bytes, size: int) -> float:
        """Returns how long the member likely takes for `size` bytes."""
        sight = self.sight(owner_id)
        return sight.latency + size / sight.rate

    async def ask(self, owner_id: bytes, work: Callable[[Keeper], Awaitable[T]], seconds: float) -> T:
        """Asks a member and notes how that went.

        Raises what the keeper raises; PiccoloError TIMEOUT, KEEPER_SLOW after `seconds`.
        """
        keeper = self._keepers.keeper(self.member(owner_id))
        try:
            async with asyncio.timeout(seconds):
                result = await work(keeper)
        except TimeoutError as late:
            slow = self._slow(owner_id, seconds)
            raise slow from late
        except PiccoloError as error:
            self.failed(owner_id, error)
            raise
        self.answered(owner_id)
        return result

    def keeper(self, owner_id: bytes) -> Keeper:
        """Returns a member's keeper, for streams; their outcome is told by `answered` and `failed`."""
        return self._keepers.keeper(self.member(owner_id))

    def answered(self, owner_id: bytes) -> None:
        """Notes that a member answered."""
        sight = self.sight(owner_id)
        if sight.away_since is not None:
            sight.away_since = None
            _log.info("member is back", extra=fields(member=self.name(owner_id)))
            self.changed.set()

    def failed(self, owner_id: bytes, error: PiccoloError) -> None:
        """Notes how a call to a member failed. A keeper's own refusal is an answer."""
        sight = self.sight(owner_id)
        if error.kind is Kind.UNAVAILABLE:
            self._is_away(owner_id, error)
            return
        if error.reason == "FENCED" and "claim" in error.details:
            self._fenced(error.details["claim"])
        if error.kind is Kind.FULL:
            sight.full = True
        elif error.kind in (Kind.TIMEOUT, Kind.INTERNAL, Kind.EXHAUSTED):
            sight.avoid_until = asyncio.get_running_loop().time() + _SLOW_SECONDS
        if error.kind is not Kind.TIMEOUT:
            self.answered(owner_id)

    def take_receipt(self, receipt: bytes, owner_id: bytes, expected: Expected, *, committed: bool) -> None:
        """Checks a receipt. Whoever gave one that does not hold is not believed by its word of the fragment.

        Raises PiccoloError INTERNAL, RECEIPT_WRONG; UNAVAILABLE, KEEPER_GONE.
        """
        member = self.member(owner_id)
        try:
            check_receipt(receipt, member, expected, committed=committed)
        except PiccoloError:
            self.distrust.add(expected.fragment_id)
            raise

    def measured(self, owner_id: bytes, size: int, seconds: float) -> None:
        """Notes that a member took `seconds` to bring `size` bytes."""
        sight = self.sight(owner_id)
        latency = max(0.0, seconds - size / sight.rate)
        sight.latency += _SMOOTHING * (latency - sight.latency)
        if size > 65_536:
            sight.rate += _SMOOTHING * (size / max(seconds, 1e-4) - sight.rate)

    async def look(self, owner_id: bytes, seconds: float) -> Room | None:
        """Asks a member how it is; None when it does not answer, which makes it away."""
        sight = self.sight(owner_id)
        sight.looks += 1
        try:
            room = await self.ask(owner_id, lambda keeper: keeper.room(sight.wanted), seconds)
        except PiccoloError as error:
            if error.kind in (Kind.TIMEOUT, Kind.UNAVAILABLE):
                self._is_away(owner_id, error)
            sight.availability *= 1 - _SMOOTHING / 10
            return None
        sight.availability += (1 - sight.availability) * _SMOOTHING / 10
        sight.full, sight.free_bytes, sight.owner_bytes = room.full, room.free_bytes, room.owner_bytes
        sight.room, sight.answers, sight.wanted = room, sight.answers + 1, 0
        return room

    async def until_heard(self, seconds: float) -> None:
        """Waits after a restore, for so long at most, until as many members were heard as must be."""
        try:
            async with asyncio.timeout(seconds):
                while self.circle().unheard:
                    await self._source.changed()
        except TimeoutError:
            return

    async def any_back(self, seconds: float) -> bool:
        """Asks those who are away, and for so long at most those who fell silent lately; returns whether one
        of them is back.

        Of several who wait at once one does the asking; who comes shortly after asks once.
        """
        clock, now, away = asyncio.get_running_loop().time, self._now(), self.away()
        came, lately = clock(), [owner for owner, since in away.items() if now - since < _LATELY_SECONDS]
        async with self._asking:
            until = clock() + (seconds if clock() - self._asked_at > seconds else 0.0)
            if self._asked_at < came:
                await self._look_at(away, seconds)
            while lately and all(map(self.is_away, away)) and clock() < until:
                await asyncio.sleep(_AGAIN_SECONDS)
                await self._look_at(lately, seconds)
        return not all(map(self.is_away, away))

    async def _look_at(self, owners: Iterable[bytes], seconds: float) -> None:
        self._asked_at = asyncio.get_running_loop().time()
        await gather({n: partial(self.look, owner, seconds) for n, owner in enumerate(owners)})

    def _fenced(self, claim: str) -> None:
        """A keeper shows the claim of a newer device of this owner.

        Whether it holds is the keys' to judge.
        """
        try:
            self._aftermath.fenced_by(bytes.fromhex(claim))
        except ValueError:
            return

    def _is_away(self, owner_id: bytes, error: PiccoloError) -> None:
        sight = self.sight(owner_id)
        if sight.away_since is None:
            sight.away_since = self._now()
            _log.warning("member is away", extra=fields(member=self.name(owner_id), why=error.message))
            self.changed.set()

    def _slow(self, owner_id: bytes, seconds: float) -> PiccoloError:
        error = PiccoloError(
            Kind.TIMEOUT, "KEEPER_SLOW", f"{self.name(owner_id)} did not answer within {seconds:g} seconds."
        )
        self.failed(owner_id, error)
        return error
