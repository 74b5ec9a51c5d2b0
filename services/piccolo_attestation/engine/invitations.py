"""Invitations of this device: made, told, accepted, revoked, over.

Rules:
* Only an admin's device invites. An invitation is good once, for 24 hours at most, by this device's clock.
* It belongs to the first owner who accepts it; another one is told that it is used. Its owner may accept
  again, as often as the roster moves on meanwhile, also after its time: it was in time once. It is remembered
  as long as it is proposed to let its owner in, whatever the clock says.
* Who came in and never heard so comes with the very device that the circle knows, by any good invitation.
* The code is the secret. It stays in the state folder, outside of any backup, until the invitation is over;
  logs and lists name the invitation by its id.
* The certificate that the code gives stays admitted for a week after the end, so that whoever comes late is
  told why in words, instead of a handshake that fails.
* With a cloud, the signed invitation is left in the mailbox that the code opens; if the cloud is away, later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.invitations import InvitationCode, InvitationLink
from piccolo_formats.records.joining import Invitation
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import sign
from piccolo_formats.tls import certificate_fingerprint, make_certificate

from piccolo_attestation.core import joining, judging, kept
from piccolo_attestation.core.judging import judged
from piccolo_attestation.core.kept import InvitationState as State
from piccolo_attestation.core.proposals import not_admin
from piccolo_attestation.core.view import Admission
from piccolo_attestation.engine.changes import whole, within
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.ports import Accepted, Clock, Files, Introduced, Mailbox, Random

LIFETIME = 24 * 3600
_REMEMBERED = 7 * 24 * 3600
_MOST_OPEN = 100
_FILE = "invitations"
_log = logging.getLogger(__name__)
_All: TypeAlias = "dict[bytes, kept.Invitation]"


@dataclass(frozen=True, slots=True)
class Made:
    """A new invitation: `code` and `link` are told once. `expires` in seconds since 1970."""

    id: bytes
    code: str
    link: str
    expires: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An invitation as its maker sees it: "open", "accepted", "used", "expired" or "revoked"."""

    id: bytes
    note: str
    expires: int
    state: str
    owner: bytes | None


class Invitations:
    """The invitations that this device made."""

    def __init__(
        self,
        files: Files,
        circle: Circle,
        identity: Identity,
        proposals: Proposals,
        mailbox: Mailbox | None,
        clock: Clock,
        random: Random,
    ) -> None:
        self._files, self._circle, self._identity = files, circle, identity
        self._proposals, self._mailbox = proposals, mailbox
        self._clock, self._random = clock, random
        self._lock = asyncio.Lock()
        self._all: _All = {}
        if content := files.load(_FILE):
            for each in kept.read(kept.Invitations, content).invitations:
                self._all[each.id] = each

    async def make(self, note: str, lifetime: int) -> Made:
        """Invites somebody; `lifetime` in seconds, 0 for the longest.

        Raises PiccoloError DENIED (NOT_ADMIN), PRECONDITION (CIRCLE_FROZEN), EXHAUSTED
        (TOO_MANY_INVITATIONS).
        """
        await self.prune()
        self._check_may_invite()
        code = InvitationCode(self._random(InvitationCode.SIZE))
        server = self._identity.roles["fragment-store"].tls
        record = Invitation(
            circle=self._circle.trusted.circle_id,
            roster=self._circle.trusted.head.record_hash(),
            invitation_id=code.invitation_id(),
            by=self._circle.owner,
            endpoint=self._identity.endpoint,
            fingerprint=certificate_fingerprint(server),
            expires=self._clock() + min(lifetime or LIFETIME, LIFETIME),
        )
        made = kept.Invitation(
            id=record.invitation_id,
            code=code.reveal(),
            signed=sign(record, self._identity.own.signing).to_bytes(),
            certificate=make_certificate(code.tls_key()),
            note=note,
            expires=record.expires,
            state=State.OPEN,
            owner=None,
            mailed=False,
        )
        await self._edit(lambda before: {**before, made.id: made})
        await self.mail()
        link = InvitationLink(code, record.endpoint, record.fingerprint).text()
        _log.info(
            "invitation made", extra=fields(invitation=record.invitation_id.hex(), expires=record.expires)
        )
        return Made(record.invitation_id, code.text(), link, record.expires)

    def listing(self) -> list[Listed]:
        """All that are remembered, newest first."""
        return [
            Listed(id_, each.note, each.expires, self._state(each), each.owner)
            for id_, each in reversed(self._all.items())
        ]

    def admissions(self) -> list[Admission]:
        """The certificates by which joiners call."""
        return [Admission(each.certificate, "invited", b"") for each in self._all.values()]

    async def revoke(self, invitation_id: bytes) -> None:
        """Ends an invitation. Raises PiccoloError NOT_FOUND (NO_SUCH_INVITATION), PRECONDITION
        (INVITATION_USED)."""
        if invitation_id not in self._all:
            raise PiccoloError(Kind.NOT_FOUND, "NO_SUCH_INVITATION", "This device made no such invitation.")

        def revoked(each: kept.Invitation) -> kept.Invitation:
            if each.state is State.USED:
                raise PiccoloError(
                    Kind.PRECONDITION,
                    "INVITATION_USED",
                    "Somebody has joined by this invitation; remove the member instead.",
                )
            return replace(each, state=State.REVOKED, code=b"")

        await self._change(invitation_id, revoked)
        await self._proposals.withdraw(self._all[invitation_id].signed)

    def introduce(self, certificate: bytes) -> Introduced:
        """Tells a joiner which circle invites it. Raises PiccoloError in words when the invitation is
        over."""
        each = self._of(certificate)
        if each.state is not State.USED:  # its owner may still have to hear that it is in
            self._check_alive(each)
        mine = self._circle.trusted.holders(self._circle.owner)
        return Introduced(each.signed, [*self._circle.trusted.rosters(), mine[0].device.to_bytes()])

    async def accept(self, certificate: bytes, acceptance: bytes, patience: float) -> Accepted:
        """Takes an acceptance, and waits at most `patience` seconds until the roster names the joiner or
        moves.

        Raises PiccoloError DENIED (INVITATION_USED, RECORD_FOREIGN, RECORD_FORGED, JOINER_CLASHES) or
        PRECONDITION (INVITATION_EXPIRED, INVITATION_REVOKED).
        """
        joiner = await self._bound(certificate, acceptance)
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while True:
            changed = self._circle.changes.waiter()
            if self._is_member(joiner.owner):
                await self.note_joined()
                return Accepted(joined=True, records=self._circle.trusted.records())
            if joiner.roster_hash != self._circle.trusted.head.record_hash():
                return Accepted(joined=False, records=self._circle.trusted.rosters())
            invitation = self._of(certificate)
            self._check_alive(invitation)
            await self._proposals.admit(joiner, acceptance, invitation.signed)
            if loop.time() >= until:
                return Accepted(joined=False, records=self._circle.trusted.rosters())
            await within(changed, until - loop.time())

    async def note_joined(self) -> None:
        """Marks as used the invitations by which somebody has joined."""
        for each in list(self._all.values()):
            if each.state is State.ACCEPTED and each.owner and self._is_member(each.owner):
                await self._change(each.id, lambda each: replace(each, state=State.USED, code=b""))

    async def run(self) -> None:
        """Keeps the list until cancelled: what was used, what is over, what is to be mailed yet."""
        while True:
            moved = self._circle.moves.waiter()
            try:
                if self._circle.view is not None:
                    await self.note_joined()
                    await self.prune()
                    await self.mail()
            except PiccoloError as failed:  # a full disk; what is due stays due
                _log.warning("invitations not kept", extra=fields(reason=failed.reason, why=failed.message))
            await within(moved, 300.0)

    async def mail(self) -> None:
        """Leaves open invitations in their mailboxes, if there is a cloud and it answers."""
        for each in list(self._all.values()):
            if self._mailbox is None or each.mailed or self._state(each) != State.OPEN:
                continue
            code = InvitationCode(each.code)
            try:
                async with asyncio.timeout(10):
                    await self._mailbox.drop(
                        code.mailbox_address(), code.seal_message(each.signed, self._random)
                    )
            except (PiccoloError, TimeoutError) as away:
                _log.warning(
                    "mailbox not reached: this code works as a link only, for now",
                    extra=fields(why=str(away)),
                )
                return
            await self._change(each.id, lambda each: replace(each, mailed=True))

    async def prune(self) -> None:
        """Forgets codes that are over, and a week later the invitations."""
        now = self._clock()
        proposed = {each.evidence.invitation for each in self._proposals.current()}
        for each in list(self._all.values()):
            if each.state is State.ACCEPTED and each.signed in proposed:
                continue
            if now >= each.expires + _REMEMBERED:
                await self._change(each.id, lambda _: None)
            elif now >= each.expires and each.code and each.state is State.OPEN:
                await self._change(
                    each.id, lambda each: replace(each, code=b"") if each.owner is None else each
                )

    async def _bound(self, certificate: bytes, acceptance: bytes) -> joining.Joiner:
        """The joiner, once the invitation is known to be its own."""
        id_ = self._of(certificate).id
        joiner = joining.open_acceptance(joining.unsealed(acceptance))
        if joiner.device.record.circle != self._circle.trusted.circle_id:
            raise judging.foreign("The acceptance is for another circle.")

        def bound(each: kept.Invitation) -> kept.Invitation:
            if each.owner != joiner.owner or each.state is State.REVOKED:
                self._check_alive(each)
            if each.owner not in (None, joiner.owner):
                raise _used()
            if each.state is State.USED:  # its owner, who shows the code's certificate and asks once more
                return each
            with judged("The acceptance"):
                InvitationCode(each.code).open_acceptance(acceptance)
            known = each.owner == joiner.owner or self._is_known(joiner)
            came_in = known and self._is_member(joiner.owner)
            if not came_in and joiner.roster_hash == self._circle.trusted.head.record_hash():
                joining.check_joiner(self._circle.trusted, joiner)
            return replace(each, state=State.ACCEPTED, owner=joiner.owner)

        await self._change(id_, bound)
        return joiner

    def _check_may_invite(self) -> None:
        self._circle.check_current()
        me = self._circle.me
        if not me.admin or me.state is not MemberState.ACTIVE:
            raise not_admin("Only an admin's device can invite; ask an admin of the circle.")
        if frozen := self._circle.trusted.frozen_epoch:
            raise judging.frozen(frozen)
        if sum(self._state(each) == State.OPEN for each in self._all.values()) >= _MOST_OPEN:
            raise PiccoloError(
                Kind.EXHAUSTED,
                "TOO_MANY_INVITATIONS",
                f"{_MOST_OPEN} invitations are open; revoke some first.",
            )

    def _is_member(self, owner: bytes) -> bool:
        member = self._circle.trusted.head.record.member(owner)
        return member is not None and member.state is MemberState.ACTIVE

    def _is_known(self, joiner: joining.Joiner) -> bool:
        holders = self._circle.trusted.holders(joiner.owner)
        return any(each.device.record_hash() == joiner.device.record_hash() for each in holders)

    def _state(self, each: kept.Invitation) -> str:
        expired = each.state is State.OPEN and self._clock() >= each.expires
        return "expired" if expired else each.state.value

    def _check_alive(self, each: kept.Invitation) -> None:
        state = self._state(each)
        if state == "expired":
            raise PiccoloError(
                Kind.PRECONDITION, "INVITATION_EXPIRED", "The invitation is over; ask for a new one."
            )
        if state == State.REVOKED:
            raise PiccoloError(
                Kind.PRECONDITION, "INVITATION_REVOKED", "The invitation was revoked; ask for a new one."
            )
        if state == State.USED:
            raise _used()

    def _of(self, certificate: bytes) -> kept.Invitation:
        for each in self._all.values():
            if each.certificate == certificate:
                return each
        raise PiccoloError(
            Kind.DENIED, "INVITATION_FOREIGN", "This device made no such invitation; ask for a new one."
        )

    async def _change(self, id_: bytes, change: Callable[[kept.Invitation], kept.Invitation | None]) -> None:
        """Changes an invitation as it is at that moment; None forgets it."""

        def changed(before: _All) -> _All:
            after = change(before[id_]) if id_ in before else None
            return {
                key: new for key, each in before.items() if (new := after if key == id_ else each) is not None
            }

        await self._edit(changed)

    async def _edit(self, edit: Callable[[_All], _All]) -> None:
        async def edited() -> None:
            async with self._lock:
                after = edit(self._all)
                if after == self._all:
                    return
                await self._files.save(_FILE, kept.Invitations(invitations=tuple(after.values())).to_record())
                self._all = after
            self._circle.changes.tell()

        await whole(edited())


def _used() -> PiccoloError:
    return PiccoloError(
        Kind.DENIED, "INVITATION_USED", "Somebody else has used this invitation; ask for a new one."
    )
