"""Coming in by an invitation: whom it is from, and waiting until the roster names this device.

Rules:
* A link names the inviter's address and pins its certificate. With a code alone both are in the cloud's
  mailbox, sealed to the code; what others left there does not open.
* Nothing that the inviter's device tells is believed before it was judged (core.joining).
* The acceptance is bound to the roster in force. When that moved on, this device learns the new one and
  accepts again. Between answers it waits in a call, not in sleep; only an unreachable inviter is tried again
  after a pause.
* The circle is entered when its roster, judged here, names this device's owner.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError
from piccolo_formats.invitations import InvitationCode, InvitationLink
from piccolo_formats.records.device import Device
from piccolo_formats.records.joining import Acceptance, Invitation
from piccolo_formats.signed import Signed, open_signed

from piccolo_attestation.core import joining, judging
from piccolo_attestation.core.joining import Introduction
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.engine.circle import Circle, no_certificate
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.ports import Inviter, Inviters, Jitter, Mailbox

_TRIES = 4
_LONGEST_PAUSE = 5.0
_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """An invitation that was read, and whom it is from."""

    code: InvitationCode
    inviter: Inviter
    introduction: Introduction

    @property
    def circle(self) -> TrustedCircle:
        """The circle as the inviter's device told it, judged."""
        return self.introduction.circle


class Joining:
    """The joiner's side of an invitation."""

    def __init__(
        self, circle: Circle, identity: Identity, inviters: Inviters, mailbox: Mailbox | None, jitter: Jitter
    ) -> None:
        self._circle, self._identity = circle, identity
        self._inviters, self._mailbox, self._jitter = inviters, mailbox, jitter

    async def open(self, text: str) -> Opened:
        """Reads an invitation and asks its maker's device.

        Raises PiccoloError INVALID (INVITATION_UNREADABLE), NOT_FOUND (INVITATION_NOT_FOUND), DENIED
        (INVITATION_FOREIGN, INVITATION_USED), PRECONDITION (INVITATION_EXPIRED, INVITATION_REVOKED,
        NO_MAILBOX) or UNAVAILABLE (INVITER_AWAY).
        """
        read = joining.read_invitation(text)
        if isinstance(read, InvitationLink):
            code, inviter = read.code, Inviter(read.endpoint, read.fingerprint)
        else:
            code, inviter = read, await self._look_up(read)
        told = await self._reach(partial(self._inviters.introduce, inviter, code))
        introduction = joining.open_introduction(
            told.invitation, told.records, code=code, fingerprint=inviter.fingerprint
        )
        return Opened(code, inviter, introduction)

    async def join(self, text: str, admin: bytes, enrol: bytes) -> None:
        """Accepts an invitation; returns when this device is in the circle, else runs until it is cancelled.

        `admin` and `enrol` are what the device certificate says of them. Raises PiccoloError as `open`;
        PRECONDITION (NO_CERTIFICATE, CERTIFICATE_MISMATCH, NO_ENDPOINT, IN_A_CIRCLE), DENIED (JOINER_CLASHES,
        RECORD_FOREIGN).
        """
        opened = await self.open(text)
        device = self._certificate(opened.circle.circle_id, admin, enrol)
        if self._circle.view is not None and self._circle.view.circle == opened.circle.circle_id:
            return
        roster = opened.circle.head.record_hash()
        while True:
            acceptance = Acceptance(
                invitation_id=opened.code.invitation_id(),
                roster=roster,
                device=device.to_bytes(),
                presence=self._circle.presence(1).to_bytes(),
            )
            sealed = opened.code.seal_acceptance(acceptance)
            accept = partial(self._inviters.accept, opened.inviter, opened.code, sealed)
            answer = await self._reach(accept, tries=None)
            circle, _ = TrustedCircle.from_bundle(answer.records)
            if not circle.follows(opened.introduction.invitation.record.roster):
                raise judging.foreign("The inviter's device told of another circle than it invited to.")
            if answer.joined:
                await self._circle.enter(circle)
                return
            roster = circle.head.record_hash()

    def _certificate(self, circle: bytes, admin: bytes, enrol: bytes) -> Signed[Device]:
        certificate = self._circle.check_ready()
        if certificate.record.circle != circle:
            raise no_certificate()
        if (certificate.record.admin, certificate.record.enrol) != (admin, enrol):
            raise PiccoloError(
                Kind.PRECONDITION,
                "CERTIFICATE_MISMATCH",
                "The device certificate in force names other keys of its owner than this request.",
            )
        return certificate

    async def _look_up(self, code: InvitationCode) -> Inviter:
        if self._mailbox is None:
            raise PiccoloError(
                Kind.PRECONDITION,
                "NO_MAILBOX",
                "This device knows no cloud, so a code alone does not say whom to ask. Use the link.",
            )
        for message in await self._mailbox.collect(code.mailbox_address()):
            try:
                said = open_signed(Invitation, code.open_message(message)).record
            except FormatError:
                continue  # anybody may leave anything in a box
            if said.invitation_id == code.invitation_id():
                return Inviter(said.endpoint, said.fingerprint)
        raise PiccoloError(
            Kind.NOT_FOUND,
            "INVITATION_NOT_FOUND",
            "Nobody left an invitation for this code. Check the code, or use the link; it may be over, too.",
        )

    async def _reach(self, ask: Callable[[], Awaitable[T]], tries: int | None = _TRIES) -> T:
        """An answer of the inviter's device, which may just be restarting; None tries for ever."""
        pause = 0.25
        while True:
            try:
                return await ask()
            except PiccoloError as failed:
                tries = None if tries is None else tries - 1
                if failed.kind not in (Kind.UNAVAILABLE, Kind.TIMEOUT) or tries == 0:
                    raise
                _log.info("inviter not reached", extra=fields(reason=failed.reason, why=failed.message))
            await asyncio.sleep(pause * (0.5 + self._jitter()))
            pause = min(2 * pause, _LONGEST_PAUSE)
