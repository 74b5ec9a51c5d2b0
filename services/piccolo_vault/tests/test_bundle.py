"""The circle bundle in the backup, in one piece or in many, and torn."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats import cbor
from piccolo_formats.kek import Kek
from piccolo_formats.records.device import Presence
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.roster import AttestationPolicy, Policy, Roster
from piccolo_formats.signed import sign

from piccolo_vault.core.keys.bundle import joined, last_device, last_name
from piccolo_vault.core.keys.company import Company, company
from piccolo_vault.core.keys.owner import owner_of
from piccolo_vault.tests.circle_fakes import FakeOwner, member

ANA, BEN = FakeOwner("Ana", bytes(16)), FakeOwner("Ben", bytes(16))
RECORDS = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=40)


def cut(bundle: bytes, size: int) -> dict[str, bytes]:
    """The bundle in pieces, as attestation keeps a large one."""
    starts = range(0, len(bundle), size)
    return {f"bundle/{number:04}": bundle[at : at + size] for number, at in enumerate(starts)}


@given(RECORDS, st.integers(1, 500))
def test_however_it_was_cut_it_is_joined(records: list[bytes], size: int) -> None:
    bundle = cbor.encode(list(records))
    pieces = cut(bundle, size)
    assert joined(pieces) == joined(dict(reversed(pieces.items()))) == bundle
    assert joined({"bundle": bundle}) == bundle
    assert joined(pieces | {"bundler": b"x", "bundle/x": b"y", "bundle/00000": b"z"}) == bundle


@given(RECORDS, RECORDS, st.integers(1, 500), st.data())
def test_of_a_change_under_way_what_can_be_read_counts(
    old: list[bytes], new: list[bytes], size: int, data: st.DataObject
) -> None:
    before, pieces = cbor.encode(list(old)), cut(cbor.encode(list(new)), size)
    written = dict(list(pieces.items())[: data.draw(st.integers(0, len(pieces) - 1))])
    assert joined(written | {"bundle": before}) == before
    assert joined(pieces | {"bundle": before}) == cbor.encode(list(new))


def test_what_cannot_be_read_is_nothing() -> None:
    for values in ({}, {"bundle": b""}, {"bundle": b"no CBOR"}, {"bundle": cbor.encode("text")}):
        assert joined(values) == b""
    assert joined({"bundle/0001": cbor.encode([b"second half"])[3:]}) == b""


def test_the_owners_newest_device_is_found_among_hundreds() -> None:
    records = [BEN.device.to_bytes()] * 400 + [ANA.device.to_bytes()] + [BEN.device.to_bytes()] * 400
    bundle = cbor.encode(list(records))
    assert last_device(joined(cut(bundle, 10_000)), ANA.owner) == ANA.device.record
    assert last_device(bundle, owner_of(FakeOwner("Eve", bytes(16)).kek, ask=())) is None


def roster(epoch: int, *owners: FakeOwner) -> bytes:
    """A roster of these owners, signed by the first."""
    policy = Policy(attestation=AttestationPolicy.OFF, at_risk=False)
    members = tuple(member(n, each.device.record, admin=n == 0) for n, each in enumerate(owners))
    previous = bytes(32) if epoch > 1 else None
    made = Roster(circle=bytes(16), epoch=epoch, previous=previous, policy=policy, members=members)
    return sign(made, owners[0].kek.admin()).to_bytes()


def test_the_company_is_that_of_the_newest_roster_by_its_members_own_word() -> None:
    eve, cleo = FakeOwner("Eve", bytes(16)), FakeOwner("Cleo", bytes(16))
    forged = sign(replace(BEN.presence("evil:1").record, seq=9), eve.keys["attestation"]).to_bytes()
    records = [
        roster(1, BEN, eve),
        roster(3, BEN, ANA, cleo),
        roster(2, BEN, ANA, eve),
        *(each.device.to_bytes() for each in (ANA, BEN, eve, cleo)),
        *(each.presence(f"{each.name}:1").to_bytes() for each in (ANA, BEN, eve)),
        forged,
        b"rubbish",
    ]
    for order in (records, records[::-1]):
        found = company(cbor.encode(list(order)), ANA.owner.owner)
        assert found.voices == 2  # Cleo's device has told no address
        assert [(each.name, each.endpoints) for each in found.members] == [("Ben", ("Ben:1",))]
        assert found.members[0].server_certificate == BEN.device.record.tls.fragment_store
    assert company(b"no CBOR", ANA.owner.owner) == company(cbor.encode([]), ANA.owner.owner) == Company()


def test_a_member_with_new_words_is_found_before_the_roster_names_them() -> None:
    new = Kek(bytes([7]) * 32)
    root = new.owner_root()
    step = Successor(
        owner=BEN.owner.owner,
        old_root=BEN.owner.root,
        new_root=root.public,
        kek_epoch=2,
        generation=1,
        time=1,
    )
    successor = sign(step, BEN.kek.owner_root(), root, BEN.keys["vault"]).to_bytes()
    device = sign(replace(BEN.device.record, root=root.public, generation=2), root).to_bytes()
    where = sign(replace(BEN.presence("Ben:2").record, generation=2), BEN.keys["attestation"]).to_bytes()
    told = [roster(1, BEN, ANA), BEN.device.to_bytes(), device, where]
    assert company(cbor.encode(list(told)), ANA.owner.owner).members == ()
    found = company(cbor.encode([*told, successor]), ANA.owner.owner)
    assert [each.endpoints for each in found.members] == [("Ben:2",)]


def test_a_device_is_called_what_it_told_last_in_its_own_words() -> None:
    device = ANA.device.record

    def told(seq: int, name: str, by: FakeOwner = ANA, generation: int = 1) -> bytes:
        presence = Presence(
            circle=device.circle,
            owner=device.owner,
            generation=generation,
            seq=seq,
            name=name,
            endpoints=(),
            offer=0,
        )
        return sign(presence, by.keys["attestation"]).to_bytes()

    assert last_name(cbor.encode([ANA.device.to_bytes()]), device) == "Ana"
    records = [told(2, "Attic"), told(1, "Ana"), told(3, "Thief", by=BEN), told(4, "Before", generation=2)]
    assert last_name(cbor.encode(list(records)), device) == "Attic"
