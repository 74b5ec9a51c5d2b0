"""The circle as attestation tells it, in this service's own words.

Rules:
* Attestation has judged the roster and the device records; here they are only read.
* A certificate that is not one of a role's is left out: gRPC takes each admitted certificate for a CA.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from google.protobuf.message import DecodeError
from piccolo.attestation.v1 import circle_pb2 as wire
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats import tls
from piccolo_formats.errors import FormatError
from piccolo_formats.records.device import Device
from piccolo_formats.records.roster import Roster
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.core.circle import Admission, CallerKind, Circle, Owner, Standing

_STANDINGS: Final = MappingProxyType(
    {
        wire.MEMBER_STATE_ACTIVE: Standing.ACTIVE,
        wire.MEMBER_STATE_LEAVING: Standing.LEAVING,
        wire.MEMBER_STATE_EXPELLED: Standing.EXPELLED,
        wire.MEMBER_STATE_COMPROMISED: Standing.COMPROMISED,
    }
)
_SHARING: Final = (wire.MEMBER_STATE_ACTIVE, wire.MEMBER_STATE_LEAVING)
_log = logging.getLogger(__name__)


def read_circle(data: bytes) -> Circle:
    """The circle of a serialized Circle message. Raises PiccoloError INVALID, CIRCLE_UNREADABLE."""
    try:
        return to_circle(wire.Circle.FromString(data))
    except DecodeError as torn:
        raise _unreadable(str(torn)) from torn


def to_circle(told: wire.Circle) -> Circle:
    """The circle of a message. Raises PiccoloError INVALID, CIRCLE_UNREADABLE."""
    own = next((member.generation for member in told.members if member.self), 0)
    return Circle(
        id=told.circle_id,
        self_owner=told.owner_id,
        self_generation=own,
        members=sum(member.state in _SHARING for member in told.members),
        owners=dict(_owners(told)),
        admissions={each.certificate: _admission(each) for each in told.admissions if _is_usable(each)},
    )


def _owners(told: wire.Circle) -> Iterator[tuple[bytes, Owner]]:
    if not told.roster:
        return
    try:
        roster = open_signed(Roster, told.roster).record
    except FormatError as wrong:
        raise _unreadable(wrong.message) from wrong
    devices = {member.owner_id: member for member in told.members}
    for member in roster.members:
        known = devices.get(member.owner)
        generation = known.generation if known else 0
        standing = Standing(member.state.value)
        root = known.root if known and known.root else member.root  # what was kept before says nothing of it
        continues, claim = (known.continues, known.claim) if known else (0, b"")
        yield member.owner, Owner(root, generation, _vault_key(known), standing, continues, claim)


def _vault_key(member: wire.Member | None) -> bytes:
    if member is None or not member.device:
        return b""
    try:
        return open_signed(Device, member.device).record.signing.vault
    except FormatError as wrong:
        told = fields(owner=member.owner_id.hex(), reason=wrong.reason)
        _log.warning("a member's device record cannot be read", extra=told)
        return b""


def _admission(told: wire.Admission) -> Admission:
    kinds = {str(kind): kind for kind in CallerKind}
    return Admission(
        certificate=told.certificate,
        kind=kinds.get(told.kind, CallerKind.UNKNOWN),
        owner=told.owner_id,
        role=told.role,
        generation=told.generation,
        standing=_STANDINGS.get(told.state, Standing.UNKNOWN),
        replaced=told.replaced,
    )


def _is_usable(told: wire.Admission) -> bool:
    try:
        tls.check_certificate(told.certificate)
    except FormatError as wrong:
        _log.error(
            "an admitted certificate is not a role's; it is left out",
            extra=fields(owner=told.owner_id.hex(), reason=wrong.reason),
        )
        return False
    return True


def _unreadable(why: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "CIRCLE_UNREADABLE", f"What attestation told cannot be read: {why}.")
