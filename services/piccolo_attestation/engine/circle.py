"""The circle of this device: what is believed, kept and told.

Rules:
* A change is judged on a copy, made durable, and only then believed and told.
* The records of the circle are the only source; the view is made of them.
* This device says what it is and where (`speaking`), and listens to the others at a pace (`presences`).
* After a restore the circle is *unsettled* until a majority of the other members was heard: an old roster
  could re-admit somebody. Until then this device neither places nor signs anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import Signed, open_signed

from piccolo_attestation.core import kept, proposals, succession
from piccolo_attestation.core.judging import foreign, judged
from piccolo_attestation.core.trusted_circle import Refusal, TrustedCircle
from piccolo_attestation.core.view import CircleView, Member, view_of
from piccolo_attestation.engine.changes import Changes, whole, within
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.engine.presences import Presences
from piccolo_attestation.engine.speaking import Speaking
from piccolo_attestation.ports import Clock, Files, Peer

_FILE = "circle"
_VOICES = (MemberState.ACTIVE, MemberState.LEAVING)
_LAST_SECOND = 253_402_300_799  # of the year 9999: times in records may be any number
_TOLD = 8
_LONG = 64
PACE = 60.0
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Circle:
    """The circle of this device, or that it is in none."""

    def __init__(self, files: Files, identity: Identity, clock: Clock, pace: float = PACE) -> None:
        """`pace`: seconds between two presences of one device that are written down."""
        self.changes = Changes()
        self.moves = Changes()
        self._kept_back = Changes()
        self._speaking, self._presences = Speaking(identity), Presences(pace)
        self._files, self._identity, self._clock = files, identity, clock
        self._lock = asyncio.Lock()
        self._heard: dict[bytes, int] = {}
        self._trusted: TrustedCircle | None = None
        self._view: CircleView | None = None
        self._unsettled = False
        if content := files.load(_FILE):
            state = kept.read(kept.Circle, content)
            self._trusted, refusals = TrustedCircle.from_bundle(state.records)
            self._view, self._unsettled = view_of(self._trusted), state.unsettled
            _tell(refusals, "the state folder")
            # what was taken once holds for ever; to go on without it would be to go back
            if identity.certificate is None or any(each.type == "roster" for each in refusals):
                raise kept.damage("a part of what it knew of the circle is missing")

    @property
    def view(self) -> CircleView | None:
        """The circle at this moment; None when this device is in none."""
        return self._view

    @property
    def trusted(self) -> TrustedCircle:
        """The circle's records: to look at. Raises PiccoloError NOT_FOUND, NO_CIRCLE."""
        if self._trusted is None:
            raise no_circle()
        return self._trusted

    @property
    def owner(self) -> bytes:
        """This device's owner_id. Raises PiccoloError NOT_FOUND, NO_CIRCLE before there is a certificate."""
        return self._device().owner

    @property
    def me(self) -> Member:
        """This device's owner as a member. Raises PiccoloError NOT_FOUND, NO_CIRCLE."""
        member = self._view.member(self.owner) if self._view else None
        if member is None:
            raise no_circle()
        return member

    @property
    def heard(self) -> dict[bytes, int]:
        """When each member was last heard by this process, seconds since 1970."""
        return self._heard

    @property
    def unheard(self) -> int:
        """Other members that are still to be heard after a restore; 0 when all is well."""
        if not self._unsettled:
            return 0
        others = self._others()
        wanted = succession.majority(len(others)) if others else 0
        return max(0, wanted - sum(member.owner in self._heard for member in others))

    @property
    def fenced(self) -> str:
        """That a newer device of this owner took over, in words; empty when none did."""
        mine = self._identity.certificate
        holders = self._trusted.holders(self.owner) if self._trusted and mine else ()
        if mine is None or not holders or holders[0].generation <= mine.record.generation:
            return ""
        newest, claim = holders[0], holders[0].claim
        time = min(claim.record.time if claim else newest.device.record.created, _LAST_SECOND)
        since = datetime.fromtimestamp(time, UTC)
        return (
            f"{newest.name!r} (generation {newest.generation}) took over from this device "
            f"(generation {mine.record.generation}) on {since:%Y-%m-%d at %H:%M} UTC."
        )

    def check_current(self) -> None:
        """Raises PiccoloError PRECONDITION, FENCED when a newer device of this owner took over."""
        if self.fenced:
            raise PiccoloError(Kind.PRECONDITION, "FENCED", f"{self.fenced} Use that one.")

    def peers(self) -> list[Peer]:
        """The other members' devices that can be dialled."""
        return [
            Peer(member.owner, member.endpoints, member.server_certificate)
            for member in self._others()
            if member.endpoints and member.server_certificate
        ]

    async def found(self, roster: bytes) -> None:
        """Starts a circle. The same roster again is no change.

        Raises PiccoloError PRECONDITION (IN_A_CIRCLE, NO_CERTIFICATE, NO_ENDPOINT), or as `TrustedCircle`
        does.
        """
        trusted = TrustedCircle(roster)
        await whole(self._begin(trusted, unsettled=False))

    async def enter(self, trusted: TrustedCircle) -> None:
        """Takes this device into a circle whose roster names it. Raises as `found`."""
        await whole(self._begin(trusted, unsettled=False))

    async def rejoin(self, records: Sequence[bytes], device: bytes) -> None:
        """Takes this device back into its circle after a restore, before any peer was heard.

        Raises PiccoloError as `found` and as `Identity.judge`.
        """
        trusted, refusals = TrustedCircle.from_bundle(records)
        _tell(refusals, "the restored bundle")
        self._check_free(trusted)
        signed = self._identity.judge(device, None, trusted.root)
        trusted.add_device(device)
        if self._trusted is not None:
            self._trusted.copy().add_device(device)
        await self._identity.install(signed)
        await whole(self._begin(trusted, unsettled=True))

    async def install(self, device: bytes, successors: Sequence[bytes] = ()) -> None:
        """Puts a certificate of this device in force, and tells the circle when there is one.

        `successors` lead to the root that signed it, where that is a new one.
        """
        if self._trusted is None:
            await self._identity.install(self._identity.judge(device, None))
            return
        trusted = self._trusted.copy()
        await _aside(len(successors), partial(trusted.merge, successors))
        signed = self._identity.judge(device, trusted.circle_id, trusted.root)
        trusted.add_device(device)
        await self._identity.install(signed)
        await self.take([*successors, device])

    async def adopt(self, device: bytes, claim: bytes, successors: Sequence[bytes] = ()) -> None:
        """Admits a newer generation of a member's device, by its owner root's word alone.

        `successors` lead to that root from the one known here. Raises PiccoloError as
        `TrustedCircle.add_device` does; NO_CIRCLE.
        """
        trusted = self.trusted.copy()
        await _aside(len(successors), partial(trusted.merge, successors))
        new = trusted.add_device(device)
        if claim:
            trusted.add_claim(claim)
        await self.take([*successors, device, *([claim] if claim else [])])
        if new:
            with judged("The device certificate"):
                record = open_signed(Device, device).record
            _log.warning(
                "device replaced", extra=fields(owner=record.owner.hex(), generation=record.generation)
            )

    async def take(self, records: Iterable[bytes]) -> bool:
        """Takes what holds of these records; returns whether anything changed. NO_CIRCLE when in none."""
        return await whole(self._take(list(records)))

    async def announce(self) -> None:
        """Tells the circle where this device is, if it has not been told so yet."""
        if self._trusted is not None:
            await self.take([])

    async def run(self) -> None:
        """Takes what was kept back when it is time, until cancelled."""
        while True:
            changed = self._kept_back.waiter()
            left = self._presences.left(asyncio.get_running_loop().time())
            if left is None:
                await changed.wait()
            elif not left or not await within(changed, left):
                try:
                    await self.take([])
                except PiccoloError as failed:  # a full disk
                    told = fields(reason=failed.reason, why=failed.message)
                    _log.warning("presences not kept", extra=told)
                    await within(changed, PACE)

    async def rename(self, name: str) -> None:
        """Calls this device otherwise, and tells the circle.

        Raises PiccoloError NOT_FOUND (NO_CIRCLE), INVALID (DEVICE_NAME), PRECONDITION (FENCED).
        """
        self.check_current()
        if self._trusted is None:
            raise no_circle()
        await self._identity.rename(self._device(), name)
        await self.announce()

    async def hear(self, owner: bytes) -> None:
        """Notes that a member was heard just now."""
        self._heard[owner] = self._clock()
        if self._unsettled and not self.unheard:
            await whole(self._settle())

    def _others(self) -> list[Member]:
        members = self._view.members if self._view else ()
        return [m for m in members if m.owner != self.owner and m.state in _VOICES]

    def _device(self) -> Device:
        if self._identity.certificate is None:
            raise no_circle()
        return self._identity.certificate.record

    async def _begin(self, trusted: TrustedCircle, *, unsettled: bool) -> None:
        async with self._lock:
            self._check_free(trusted)
            if self._trusted is not None:
                known, trusted = trusted, self._trusted.copy()
                trusted.merge(known.records())
                unsettled = self._unsettled
            certificate = self.check_ready()
            if trusted.head.record.member(certificate.record.owner) is None:
                raise foreign("The roster does not name this device's owner.")
            trusted.copy().add_device(certificate.to_bytes())
            trusted = self._speaking.spoken(None, trusted)
            await self._keep(trusted, unsettled=unsettled)
        _log.info("in a circle", extra=fields(epoch=trusted.head.record.epoch, unsettled=unsettled))

    def _check_free(self, trusted: TrustedCircle) -> None:
        if self._trusted is not None and self._trusted.circle_id != trusted.circle_id:
            raise PiccoloError(Kind.PRECONDITION, "IN_A_CIRCLE", "This device is in another circle already.")

    def check_ready(self) -> Signed[Device]:
        """This device's certificate, if it has all that a member must have.

        Raises PiccoloError PRECONDITION (NO_CERTIFICATE, NO_ENDPOINT).
        """
        if self._identity.certificate is None:
            raise no_certificate()
        if not self._identity.endpoint:
            raise PiccoloError(
                Kind.PRECONDITION,
                "NO_ENDPOINT",
                "The fragment-store has not told yet where peers reach this device. Start it, and try again.",
            )
        return self._identity.certificate

    async def _take(self, records: list[bytes]) -> bool:
        async with self._lock:
            before = self.trusted
            trusted = before.copy()
            judge = partial(self._judge, trusted, records, asyncio.get_running_loop().time())
            refusals, listened = await _aside(len(records), judge)
            trusted = self._speaking.spoken(before, trusted)
            _tell(refusals, "a bundle")
            changed = trusted.hashes() != before.hashes()
            if changed:
                await self._keep(trusted, unsettled=self._unsettled)
            self._presences = listened
            self._kept_back.tell()
            return changed

    def _judge(
        self, trusted: TrustedCircle, records: list[bytes], now: float
    ) -> tuple[list[Refusal], Presences]:
        due, listened = self._presences.sift(trusted, records, self.owner, now)
        return trusted.merge(due)[1], listened

    async def _keep(self, trusted: TrustedCircle, *, unsettled: bool) -> None:
        state = kept.Circle(records=tuple(trusted.records()), unsettled=unsettled)
        await self._files.save(_FILE, state.to_record())
        before, renewals = self._view, proposals.renewals(self._trusted) if self._trusted else []
        self._trusted, self._unsettled = trusted, unsettled
        self._view = self._speaking.alarmed(view_of(trusted))
        if before is None or before.roster_hash != self._view.roster_hash:
            _log.info(
                "roster in force", extra=fields(epoch=self._view.epoch, members=len(self._view.members))
            )
            self.moves.tell()
        elif proposals.renewals(trusted) != renewals:
            self.moves.tell()
        for alarm in _alarms(self._view):
            if before is None or alarm not in _alarms(before):
                _log.error("circle alarm", extra=fields(alarm=alarm))
        self.changes.tell()

    async def _settle(self) -> None:
        async with self._lock:
            if self._trusted is not None and self._unsettled and not self.unheard:
                await self._keep(self._trusted, unsettled=False)
                _log.info("settled: a majority of the members was heard")

    def presence(self, seq: int) -> Signed[Presence]:
        """What this device says of itself now. Raises PiccoloError NO_CIRCLE before there is a
        certificate."""
        return self._speaking.presence(self._device(), seq)


async def _aside(count: int, judge: Callable[[], T]) -> T:
    """Judges so many records, which others brought; thousands must not keep the process from all else."""
    return await asyncio.to_thread(judge) if count > _LONG else judge()


def no_circle() -> PiccoloError:
    """This device is in no circle."""
    return PiccoloError(
        Kind.NOT_FOUND, "NO_CIRCLE", "This device is in no circle yet: found one, or accept an invitation."
    )


def no_certificate() -> PiccoloError:
    """This device has no certificate for the circle at hand."""
    return PiccoloError(
        Kind.PRECONDITION,
        "NO_CERTIFICATE",
        "This device has no certificate for the circle yet: the vault makes it.",
    )


def _tell(refusals: list[Refusal], source: str) -> None:
    for refusal in refusals[:_TOLD]:
        _log.warning(
            "record refused",
            extra=fields(
                source=source,
                type=refusal.type,
                reason=refusal.error.reason,
                why=refusal.error.message,
                refused=len(refusals),
            ),
        )


def _alarms(view: CircleView) -> list[str]:
    return [words for words in (view.frozen, *(each.words for each in view.alarms)) if words]
