"""What an invitation and its acceptance must say, on both sides.

Rules:
* The joiner believes an introduction only if the invitation in it has the id that the code gives, is signed
  by the attestation role key of an active admin's device, names the server that was dialled, and its roster
  is on the way to the one in force.
* The circle believes an acceptance only if it names this circle, the roster in force and this invitation, and
  the device in it vouches for itself: certificate by the owner root, presence by the device.
* An acceptance never lets in: an owner who is a member already, or a key or certificate that is another's.
"""

from __future__ import annotations

from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.invitations import InvitationCode, InvitationLink
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.records.joining import Acceptance, Invitation
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import Signed, open_signed

from piccolo_attestation.core import judging
from piccolo_attestation.core.judging import judged
from piccolo_attestation.core.trusted_circle import TrustedCircle


@dataclass(frozen=True, slots=True)
class Joiner:
    """Who accepts an invitation, verified: the device and its presence, and the roster the acceptance
    names."""

    invitation_id: bytes
    roster_hash: bytes
    device: Signed[Device]
    presence: Signed[Presence]

    @property
    def owner(self) -> bytes:
        """The joiner's owner_id."""
        return self.device.record.owner


@dataclass(frozen=True, slots=True)
class Introduction:
    """Which circle invites, verified."""

    circle: TrustedCircle
    invitation: Signed[Invitation]
    inviter: Device


def read_invitation(text: str) -> InvitationLink | InvitationCode:
    """Reads what a person typed or scanned. Raises PiccoloError INVALID, INVITATION_UNREADABLE."""
    try:
        if text.strip().lower().startswith("piccolo:"):
            return InvitationLink.parse(text)
        return InvitationCode.parse(text)
    except FormatError as unreadable:
        raise PiccoloError(
            Kind.INVALID,
            "INVITATION_UNREADABLE",
            f"This is no invitation: {unreadable.message}. Copy the link or the 26 characters again.",
        ) from unreadable


def open_introduction(
    invitation: bytes, records: list[bytes], *, code: InvitationCode, fingerprint: bytes
) -> Introduction:
    """Judges what the inviter's device told.

    Args:
        invitation: Signed("invitation").
        records: the circle's rosters and the inviter's device certificate.
        code: the invitation's code, which the joiner holds.
        fingerprint: of the server certificate that was dialled.

    Raises PiccoloError INVITATION_FOREIGN, or as `TrustedCircle` does.
    """
    circle, _ = TrustedCircle.from_bundle(records)
    signed = open_invitation(circle, invitation)
    if signed.record.invitation_id != code.invitation_id():
        raise _foreign("The device that answered speaks of another invitation.")
    if signed.record.fingerprint != fingerprint:
        raise _foreign("The invitation names another device than the one that answered.")
    return Introduction(circle, signed, circle.holders(signed.record.by)[0].device.record)


def open_invitation(circle: TrustedCircle, data: bytes) -> Signed[Invitation]:
    """An invitation that an active admin of this circle made.

    Its expiry is for the inviting device to judge, when the acceptance comes: times inform, and other devices
    have other clocks. Raises PiccoloError INVITATION_FOREIGN or RECORD_FORGED.
    """
    with judged("The invitation"):
        signed = open_signed(Invitation, data)
    said = signed.record
    if said.circle != circle.circle_id or not circle.follows(said.roster):
        raise _foreign("The invitation is of another circle.")
    member = circle.head.record.member(said.by)
    if member is None or member.admin is None or member.state is not MemberState.ACTIVE:
        raise _foreign("Who made the invitation is not an admin of the circle.")
    keys = {holder.device.record.signing.attestation for holder in circle.holders(said.by)}
    if not keys & signed.signers:
        raise judging.forged("The invitation is not signed by the device of the admin that it names.")
    return signed


def open_acceptance(record: bytes) -> Joiner:
    """The joiner of an acceptance's record. Raises PiccoloError RECORD_FORGED or RECORD_MALFORMED."""
    with judged("The acceptance"):
        said = Acceptance.from_record(record)
        device = open_device(said.device)
        presence = open_signed(Presence, said.presence, [device.record.signing.attestation])
    here, there = device.record, presence.record
    if (here.circle, here.owner, here.generation) != (there.circle, there.owner, there.generation):
        raise judging.forged("The acceptance's presence is not of the device that accepts.")
    return Joiner(said.invitation_id, said.roster, device, presence)


def unsealed(acceptance: bytes) -> bytes:
    """The record in an acceptance, its MAC unseen: only the inviting device can check that."""
    with judged("The acceptance"):
        value = cbor.decode(acceptance)
    match value:
        case [bytes() as record, bytes()]:
            return record
    raise PiccoloError(Kind.INVALID, "RECORD_MALFORMED", "This is not an acceptance.")


def check_joiner(circle: TrustedCircle, joiner: Joiner) -> None:
    """Raises PiccoloError unless the joiner may become a member: RECORD_FOREIGN, JOINER_CLASHES or
    EPOCH_MOVED."""
    device = joiner.device.record
    if device.circle != circle.circle_id:
        raise judging.foreign("The acceptance is for another circle.")
    _check_new(circle, device)
    if joiner.roster_hash != circle.head.record_hash():
        raise epoch_moved()


def epoch_moved() -> PiccoloError:
    """What was proposed rests on a roster that is not in force (any more)."""
    return PiccoloError(
        Kind.CONFLICT, "EPOCH_MOVED", "The circle's roster has moved on meanwhile; it is proposed anew."
    )


def _check_new(circle: TrustedCircle, device: Device) -> None:
    for member in circle.head.record.members:
        if member.owner == device.owner:
            if member.state is MemberState.ACTIVE:
                raise _clash("This owner is a member already.")
            if member.enrol != device.enrol:
                raise _clash("This owner was a member under another enrolment certificate.")
        elif device.enrol == member.enrol or member.admin == device.admin:
            raise _clash("The joining device names a key that is another member's.")
    mine = certificates_of(device)
    for member in circle.head.record.members:
        if member.owner == device.owner:
            continue
        others = {
            cert for holder in circle.holders(member.owner) for cert in certificates_of(holder.device.record)
        }
        if mine & (others | {member.enrol}) or device.enrol in others:
            raise _clash("The joining device names a certificate that is another member's.")


def certificates_of(device: Device) -> set[bytes]:
    """The TLS certificates of a device's roles."""
    return {device.tls.fragment_store, device.tls.vault, device.tls.attestation}


def _clash(message: str) -> PiccoloError:
    return PiccoloError(Kind.DENIED, "JOINER_CLASHES", message)


def _foreign(message: str) -> PiccoloError:
    return PiccoloError(
        Kind.DENIED, "INVITATION_FOREIGN", f"{message} Ask for a new invitation, and do not use this one."
    )
