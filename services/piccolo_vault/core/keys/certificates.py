"""What the owner's keys sign about this device: certificate, claim, delegation, the first roster.

All of it is made here and nowhere else; there is no "sign these bytes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import device_record
from piccolo_formats.device_record import check_device_keys, open_device
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.lineage import follow, open_successor
from piccolo_formats.records.backup import Delegation, Head
from piccolo_formats.records.device import Device, SigningKeys, TlsCertificates
from piccolo_formats.records.generations import Claim
from piccolo_formats.records.roster import AttestationPolicy, Member, MemberState, Policy, Roster
from piccolo_formats.signed import countersign, open_signed, sign
from piccolo_formats.tls import make_certificate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from piccolo_formats.kek import Kek
    from piccolo_formats.signed import Signed

    from piccolo_vault.core.keys.records import OwnerRecord

NO_CIRCLE = bytes(16)
"""The circle named by the certificate of an owner who is in none: valid nowhere, but it can be claimed."""

Keys = tuple[bytes, bytes]
"""A role's public keys: Ed25519, DER certificate; empty where the role has none."""

ROLES = ("vault", "metadata", "fragment-store", "attestation")
TLS_ROLES = ("fragment-store", "vault", "attestation")


def device_certificate(
    kek: Kek, owner: OwnerRecord, roles: Mapping[str, Keys], *, circle: bytes, name: str, time: int
) -> Signed[Device]:
    """Returns the owner root's word for this device, of the owner record's generation.

    `roles` must name all of ROLES; `time` in seconds since 1970. Raises PiccoloError INTERNAL
    (ROLE_KEYS_WRONG) for keys that are not fit for use, or are used twice.
    """
    record = Device(
        circle=circle,
        owner=owner.owner,
        root=owner.root,
        admin=kek.admin().public,
        enrol=make_certificate(kek.enrolment()),
        generation=owner.generation,
        name=name,
        signing=SigningKeys(
            vault=roles["vault"][0],
            metadata=roles["metadata"][0],
            fragment_store=roles["fragment-store"][0],
            attestation=roles["attestation"][0],
        ),
        tls=TlsCertificates(
            fragment_store=roles["fragment-store"][1],
            vault=roles["vault"][1],
            attestation=roles["attestation"][1],
        ),
        ak=None,
        created=time,
    )
    try:
        check_device_keys(record)
        return sign(record, kek.owner_root())
    except FormatError as refused:
        raise PiccoloError(
            Kind.INTERNAL,
            "ROLE_KEYS_WRONG",
            f"This device's processes told keys that cannot be certified: {refused.message}. Restart the "
            "device.",
        ) from refused


def device_name(name: str) -> str:
    """Returns a device's name without blanks around it; raises PiccoloError INVALID (DEVICE_NAME)."""
    try:
        return device_record.device_name(name)
    except FormatError as refused:
        raise PiccoloError(
            Kind.INVALID, "DEVICE_NAME", f"The name was not taken: {refused.message}. Choose another one."
        ) from refused


def same_keys(device: Device, roles: Mapping[str, Keys]) -> bool:
    """Whether the certificate names exactly these role keys."""
    signing = (device.signing.vault, device.signing.metadata, device.signing.fragment_store)
    tls = (device.tls.vault, device.tls.fragment_store, device.tls.attestation)
    return (*signing, device.signing.attestation) == (
        roles["vault"][0],
        roles["metadata"][0],
        roles["fragment-store"][0],
        roles["attestation"][0],
    ) and tls == (roles["vault"][1], roles["fragment-store"][1], roles["attestation"][1])


def own_certificate(data: bytes, owner: OwnerRecord, successors: Sequence[bytes] = ()) -> Signed[Device]:
    """Opens a certificate that is to be this owner's; raises PiccoloError DENIED (CERTIFICATE_FOREIGN).

    With successors it may be of a root that they lead to from the one that is known here.
    """
    try:
        root = open_signed(Device, data).record.root
        chain = follow(owner.owner, owner.root, [open_successor(each) for each in successors])
        signed = open_device(data, root if root in {each.record.new_root for each in chain} else owner.root)
    except (AuthenticationError, FormatError) as refused:
        raise _foreign(refused.message) from refused
    if signed.record.owner != owner.owner:
        raise _foreign("it names another owner")
    return signed


def kept_certificate(device: bytes) -> Signed[Device]:
    """Opens this device's own certificate as it was kept, whichever of its owner's roots has signed it."""
    return open_device(device, open_signed(Device, device).record.root)


def generation_of(device: bytes | None) -> int:
    """Returns the generation of a certificate of this owner's that the circle holds; 0 for none."""
    return kept_certificate(device).record.generation if device else 0


def device_claim(kek: Kek, device: Signed[Device], time: int) -> Signed[Claim]:
    """Returns the owner root's claim that this certificate is its device from its generation on."""
    record = device.record
    claim = Claim(
        circle=record.circle,
        owner=record.owner,
        generation=record.generation,
        device=device.record_hash(),
        time=time,
    )
    return sign(claim, kek.owner_root())


def log_delegation(kek: Kek, backup_key: bytes, generation: int) -> bytes:
    """Returns the locator's word that metadata's key appends to the backup log for this generation."""
    locator = kek.locator()
    record = Delegation(
        locator=locator.public, generation=generation, key=backup_key, backup=kek.backup().public
    )
    return sign(record, locator).to_bytes()


def countersigned_head(kek: Kek, head: bytes, backup_key: bytes, generation: int) -> bytes:
    """Returns the head of the log with the locator's signature added.

    Raises PiccoloError DENIED (HEAD_WRONG) unless metadata signed it for this owner's log and generation.
    """
    locator = kek.locator()
    try:
        signed = open_signed(Head, head, required=[backup_key])
    except (AuthenticationError, FormatError) as refused:
        raise _wrong_head(refused.message) from refused
    if signed.record.locator != locator.public or signed.record.generation > generation:
        raise _wrong_head("it is of another log, or of a newer device")
    return countersign(signed, locator).to_bytes()


def first_roster(kek: Kek, owner: OwnerRecord, *, at_risk: bool, time: int) -> bytes:
    """Returns the roster of epoch 1 of the circle that the certificate names: this owner, its only admin.

    Raises PiccoloError DENIED (CERTIFICATE_FOREIGN).
    """
    circle = own_certificate(owner.device or b"", owner).record.circle
    founder = Member(
        number=0,
        owner=owner.owner,
        root=owner.root,
        admin=kek.admin().public,
        enrol=make_certificate(kek.enrolment()),
        state=MemberState.ACTIVE,
        since=time,
        invited_by=None,
        recovered=0,
    )
    policy = Policy(attestation=AttestationPolicy.OFF, at_risk=at_risk)
    roster = Roster(circle=circle, epoch=1, previous=None, policy=policy, members=(founder,))
    return sign(roster, kek.admin()).to_bytes()


def _foreign(why: str) -> PiccoloError:
    return PiccoloError(
        Kind.DENIED, "CERTIFICATE_FOREIGN", f"The device certificate is not this owner's: {why}."
    )


def _wrong_head(why: str) -> PiccoloError:
    return PiccoloError(Kind.DENIED, "HEAD_WRONG", f"The head of the backup log is not signed: {why}.")
