"""Whom a circle bundle names, for a device that is in no circle yet: who may be asked, and where.

Rules:
* The roster of the highest epoch counts; whether it may is attestation's to judge, later. Until then nothing
  is placed with these members and nothing is believed for their saying it.
* A member's device is that of its highest generation, by the root that the roster names or one that succeeds
  it; its addresses are those that this device signed last.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.lineage import follow, open_successor
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.records.roster import MemberState, Roster
from piccolo_formats.signed import open_signed

from piccolo_vault.core.circle import Member, Standing
from piccolo_vault.core.keys.bundle import said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from piccolo_formats.records.roster import Member as RosterMember

    from piccolo_vault.core.keys.bundle import Said

_VOICES = (MemberState.ACTIVE, MemberState.LEAVING)


@dataclass(frozen=True, slots=True)
class Company:
    """The other members that can be dialled, and how many others have a voice."""

    members: tuple[Member, ...] = ()
    voices: int = 0


def company(bundle: bytes, owner: bytes) -> Company:
    """Returns the company of an owner, nobody when the bundle holds no roster that can be read."""
    records = said(bundle)
    roster = _newest(records)
    if roster is None:
        return Company()
    asked = [each for each in roster.members if each.owner != owner and each.state in _VOICES]
    devices = _devices(records, _roots(records, asked))
    presences = _presences(records, devices)
    found = (_member(each, devices.get(each.owner), presences.get(each.owner)) for each in asked)
    return Company(tuple(member for member in found if member), len(asked))


def _newest(records: Sequence[Said]) -> Roster | None:
    rosters = (each for each in records if each.kind == "roster")
    for each in sorted(rosters, key=lambda each: each.epoch, reverse=True):
        try:
            return open_signed(Roster, each.data).record
        except FormatError:
            continue
    return None


def _roots(records: Sequence[Said], members: Sequence[RosterMember]) -> dict[bytes, set[bytes]]:
    """Each member's roots, by the roster and the successors since."""
    opened = []
    for each in records:
        if each.kind == "successor":
            with suppress(FormatError):
                opened.append(open_successor(each.data))
    return {
        each.owner: {each.root, *(step.record.new_root for step in follow(each.owner, each.root, opened))}
        for each in members
    }


def _devices(records: Sequence[Said], roots: Mapping[bytes, set[bytes]]) -> dict[bytes, Device]:
    found: dict[bytes, Device] = {}
    for each in records:
        if each.kind != "device" or each.owner not in roots:
            continue
        try:
            device = open_signed(Device, each.data).record
            if device.owner != each.owner or device.root not in roots[device.owner]:
                continue
            open_device(each.data, device.root)
        except FormatError:
            continue
        known = found.get(device.owner)
        if known is None or device.generation > known.generation:
            found[device.owner] = device
    return found


def _presences(records: Sequence[Said], devices: Mapping[bytes, Device]) -> dict[bytes, Presence]:
    found: dict[bytes, Presence] = {}
    for each in records:
        device = devices.get(each.owner)
        if each.kind != "presence" or device is None:
            continue
        try:
            told = open_signed(Presence, each.data, required=[device.signing.attestation]).record
        except FormatError:
            continue
        known = found.get(told.owner)
        if told.generation == device.generation and (known is None or told.seq > known.seq):
            found[told.owner] = told
    return found


def _member(told: RosterMember, device: Device | None, where: Presence | None) -> Member | None:
    if device is None or where is None:
        return None
    return Member(
        owner_id=told.owner,
        name=where.name,
        standing=Standing(told.state.value),
        endpoints=where.endpoints,
        server_certificate=device.tls.fragment_store,
        receipt_key=device.signing.fragment_store,
        generation=device.generation,
        offer_bytes=where.offer,
    )
