"""Whom a circle bundle names, for a device that is in no circle yet: who may be asked, and where.

Rules:
* The roster of the highest epoch counts; whether it may is attestation's to judge, later. Until then nothing
  is placed with these members and nothing is believed for their saying it.
* A member's device is that of its highest generation, by the root that the roster names; its addresses are
  those that this device signed last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.records.roster import MemberState, Roster
from piccolo_formats.signed import open_signed

from piccolo_vault.core.circle import Member, Standing
from piccolo_vault.core.keys.bundle import records_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from piccolo_formats.records.codec import Record
    from piccolo_formats.records.roster import Member as RosterMember

R = TypeVar("R", bound="Record")
_VOICES = (MemberState.ACTIVE, MemberState.LEAVING)


@dataclass(frozen=True, slots=True)
class Company:
    """The other members that can be dialled, and how many others have a voice."""

    members: tuple[Member, ...] = ()
    voices: int = 0


def company(bundle: bytes, owner: bytes) -> Company:
    """Returns the company of an owner, nobody when the bundle holds no roster that can be read."""
    records = records_of(bundle)
    rosters = [*_opened(Roster, records.get("roster", ()))]
    if not rosters:
        return Company()
    others = [each for each in max(rosters, key=lambda each: each.epoch).members if each.owner != owner]
    asked = [each for each in others if each.state in _VOICES]
    devices = _devices(records.get("device", ()), {each.owner: each.root for each in asked})
    presences = _presences(records.get("presence", ()), devices)
    found = (_member(each, devices.get(each.owner), presences.get(each.owner)) for each in asked)
    return Company(tuple(member for member in found if member), len(asked))


def _opened(kind: type[R], records: Iterable[bytes]) -> Iterable[R]:
    for data in records:
        try:
            yield open_signed(kind, data).record
        except FormatError:
            continue


def _devices(records: Iterable[bytes], roots: dict[bytes, bytes]) -> dict[bytes, Device]:
    found: dict[bytes, Device] = {}
    for data in records:
        try:
            named = open_signed(Device, data).record
            device = open_device(data, roots.get(named.owner, b"")).record
        except FormatError:
            continue
        known = found.get(device.owner)
        if known is None or device.generation > known.generation:
            found[device.owner] = device
    return found


def _presences(records: Iterable[bytes], devices: dict[bytes, Device]) -> dict[bytes, Presence]:
    found: dict[bytes, Presence] = {}
    for data in records:
        try:
            signed = open_signed(Presence, data)
        except FormatError:
            continue
        said, device = signed.record, devices.get(signed.record.owner)
        if device is None or said.generation != device.generation:
            continue
        known = found.get(said.owner)
        if device.signing.attestation in signed.signers and (known is None or said.seq > known.seq):
            found[said.owner] = said
    return found


def _member(told: RosterMember, device: Device | None, said: Presence | None) -> Member | None:
    if device is None or said is None:
        return None
    return Member(
        owner_id=told.owner,
        name=said.name,
        standing=Standing(told.state.value),
        endpoints=said.endpoints,
        server_certificate=device.tls.fragment_store,
        receipt_key=device.signing.fragment_store,
        generation=device.generation,
        offer_bytes=said.offer,
    )
