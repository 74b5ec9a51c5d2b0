"""Owners with new words: who may hand a root over, what the old one is worth, how the roster follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.digests import digest
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.device import Device as DeviceRecord
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import Signed, sign
from piccolo_formats.tls import make_certificate

from piccolo_attestation.core import bundle, proposals
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import view_of
from piccolo_attestation.testing import NOW, Owner, first_roster, grown, signed_by, signing_key
from piccolo_attestation.tests.devices import Device, Network, running
from piccolo_attestation.tests.devices import grown as devices_grown

ANA, BEN, CLEO, DAN = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan"))


def words(number: int) -> Kek:
    return Kek(digest("test-key", b"words", bytes([number])))


@dataclass(frozen=True)
class Rotation:
    """An owner's step from one KEK to the next, made by the device of a generation."""

    owner: Owner
    old: Kek
    new: Kek
    generation: int = 1

    def successor(self, vault: SigningKey | None = None) -> bytes:
        record = Successor(
            owner=self.owner.id,
            old_root=self.old.owner_root().public,
            new_root=self.new.owner_root().public,
            kek_epoch=self.generation + 1,
            generation=self.generation,
            time=NOW,
        )
        key = vault or self.owner.key("vault")
        return sign(record, self.old.owner_root(), self.new.owner_root(), key).to_bytes()

    def device(
        self, generation: int = 0, *, keys_of: int = 1, kek: Kek | None = None
    ) -> Signed[DeviceRecord]:
        """The device of the next generation (or another one), with the role keys of an earlier one."""
        kek = kek or self.new
        record = replace(
            self.owner.device_record(keys_of),
            generation=generation or self.generation + 1,
            root=kek.owner_root().public,
            admin=kek.admin().public,
            enrol=make_certificate(kek.enrolment()),
        )
        return sign(record, kek.owner_root())


FIRST = Rotation(BEN, BEN.kek, words(1))
SECOND = Rotation(BEN, words(1), words(2), 2)


def refused(reason: str, what: Callable[[], object]) -> None:
    with pytest.raises(PiccoloError) as error:
        what()
    assert error.value.reason == reason, error.value.message


def rotated() -> TrustedCircle:
    circle = grown(ANA, BEN, CLEO, DAN)
    circle.add_successor(FIRST.successor())
    circle.add_device(FIRST.device().to_bytes())
    return circle


def enrolments(circle: TrustedCircle, owner: Owner = BEN) -> list[bytes]:
    admitted = view_of(circle).admissions
    return [each.certificate for each in admitted if (each.kind, each.owner) == ("enrol", owner.id)]


def test_a_device_hands_its_owner_s_root_over() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    assert circle.add_successor(FIRST.successor())
    assert not circle.add_successor(FIRST.successor())
    assert circle.root(BEN.id) == FIRST.new.owner_root().public
    assert circle.add_device(FIRST.device().to_bytes())
    member = view_of(circle).member(BEN.id)
    assert member is not None
    assert (member.generation, member.root, member.continues) == (2, FIRST.new.owner_root().public, 1)


def test_words_alone_make_no_successor() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    thief = SigningKey(digest("test-key", b"thief"))
    unsigned = sign(
        Successor(
            owner=BEN.id,
            old_root=BEN.kek.owner_root().public,
            new_root=words(1).owner_root().public,
            kek_epoch=2,
            generation=1,
            time=NOW,
        ),
        words(1).owner_root(),
        BEN.key("vault"),
    )
    refused("RECORD_FORGED", lambda: circle.add_successor(FIRST.successor(thief)))
    refused("RECORD_FORGED", lambda: circle.add_successor(FIRST.successor(CLEO.key("vault"))))
    refused("RECORD_FORGED", lambda: circle.add_successor(unsigned.to_bytes()))
    refused("RECORD_FORGED", lambda: circle.add_device(FIRST.device().to_bytes()))
    assert circle.root(BEN.id) == BEN.kek.owner_root().public


def test_a_device_that_was_replaced_hands_nothing_over() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    circle.add_device(BEN.device(2).to_bytes())
    refused("RECORD_OLD", lambda: circle.add_successor(FIRST.successor()))


def test_a_device_that_was_cut_off_hands_nothing_over() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    gone = proposals.remove(circle, BEN.id, MemberState.COMPROMISED, NOW)
    circle.add_roster(signed_by(gone, ANA, CLEO).to_bytes())
    refused("RECORD_FORGED", lambda: circle.add_successor(FIRST.successor()))


def test_the_old_words_vouch_for_nothing_and_enter_nowhere_afterwards() -> None:
    circle = rotated()
    for generation in (2, 3, 99):
        late = FIRST.device(generation, keys_of=3, kek=BEN.kek).to_bytes()
        refused("RECORD_OLD", lambda late=late: circle.add_device(late))  # type: ignore[misc]
    assert enrolments(circle) == [make_certificate(FIRST.new.enrolment())]
    again = Rotation(BEN, BEN.kek, words(9)).successor()
    refused("RECORD_OLD", lambda: circle.add_successor(again))


def test_until_its_device_is_known_a_new_root_enters_nowhere_and_neither_does_the_old() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    circle.add_successor(FIRST.successor())
    assert enrolments(circle) == []


def test_the_roster_names_the_new_keys_and_nothing_else() -> None:
    circle = rotated()
    assert proposals.renewals(circle) == [BEN.id]
    roster = proposals.renew(circle, BEN.id)
    member = roster.member(BEN.id)
    assert member is not None
    assert (member.root, member.admin, member.enrol) == (
        FIRST.new.owner_root().public,
        FIRST.new.admin().public,
        make_certificate(FIRST.new.enrolment()),
    )
    proposals.check_renewal(circle, roster, BEN.id)
    more = replace(roster, members=(*roster.members[:-1], replace(roster.members[-1], admin=None, since=1)))
    refused("PROPOSAL_WRONG", lambda: proposals.check_renewal(circle, more, BEN.id))
    # the old admin key still counts for this step, and no more after it
    assert circle.add_roster(signed_by(roster, ANA, BEN).to_bytes())
    assert proposals.renewals(circle) == []
    assert enrolments(circle) == [member.enrol]
    gone = proposals.remove(circle, DAN.id, MemberState.EXPELLED, NOW)
    refused("RECORD_FORGED", lambda: circle.add_roster(signed_by(gone, ANA, BEN).to_bytes()))


def test_a_roster_changes_no_root_without_a_successor() -> None:
    circle, rosters = grown(ANA, BEN, CLEO, DAN), rotated()
    roster = signed_by(proposals.renew(rosters, BEN.id), ANA, CLEO).to_bytes()
    refused("RECORD_EARLY", lambda: circle.add_roster(roster))
    changed, _ = circle.merge([roster, FIRST.successor()])
    assert changed
    assert circle.root(BEN.id) == FIRST.new.owner_root().public


def test_a_member_that_was_away_believes_the_roster_about_a_device_it_never_saw() -> None:
    circle = rotated()
    circle.add_roster(signed_by(proposals.renew(circle, BEN.id), ANA, CLEO).to_bytes())
    circle.add_successor(SECOND.successor())
    circle.add_device(SECOND.device().to_bytes())
    circle.add_roster(signed_by(proposals.renew(circle, BEN.id), ANA, CLEO).to_bytes())
    for generation in range(4, 9):  # so that the devices which made the successors are forgotten
        circle.add_device(SECOND.device(generation, keys_of=generation).to_bytes())
    again, refusals = TrustedCircle.from_bundle(bundle.decode(bundle.encode(circle.records())))
    assert not refusals
    assert view_of(again) == view_of(circle)


def test_the_roster_decides_between_old_words_heard_first_and_new_ones() -> None:
    stolen = FIRST.device(7, keys_of=7, kek=BEN.kek).to_bytes()
    here, there = rotated(), grown(ANA, BEN, CLEO, DAN)
    there.add_device(stolen)
    refused("RECORD_OLD", lambda: there.add_successor(FIRST.successor()))
    here.add_roster(signed_by(proposals.renew(here, BEN.id), ANA, CLEO).to_bytes())
    there.merge(here.records())
    here.merge(there.records())
    assert view_of(here) == view_of(there)
    assert here.root(BEN.id) == FIRST.new.owner_root().public


@cache
def history() -> tuple[TrustedCircle, tuple[bytes, ...]]:
    circle = rotated()
    circle.add_successor(SECOND.successor())
    circle.add_device(SECOND.device().to_bytes())
    roster = proposals.renew(circle, BEN.id)
    circle.add_roster(signed_by(roster, ANA, CLEO).to_bytes())
    return circle, tuple(circle.records())


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(len(history()[1]))))
def test_two_rotations_in_a_row_are_understood_in_any_order(order: list[int]) -> None:
    circle, records = history()
    heard = TrustedCircle(first_roster(ANA).to_bytes())
    changed = True
    while changed:
        changed = False
        for index in order:
            changed |= heard.merge([records[index]])[0]
    # record by record the roster's word is not proven before its successors are known by their devices
    heard.merge(records)
    assert view_of(heard) == view_of(circle)


async def rotate(device: Device, rotation: Rotation) -> None:
    """What a vault does: the successor, and the next generation's certificate with the same keys."""
    before = device.certified().record
    record = replace(
        before,
        generation=rotation.generation + 1,
        root=rotation.new.owner_root().public,
        admin=rotation.new.admin().public,
        enrol=make_certificate(rotation.new.enrolment()),
    )
    successor = rotation.successor(VAULTS[device.endpoint])
    device.new_keks.append(rotation.new)
    await device.circle.install(sign(record, rotation.new.owner_root()).to_bytes(), [successor])


VAULTS: dict[str, SigningKey] = {}


@pytest.fixture
def four() -> tuple[Network, list[Device]]:
    network = Network()
    people = [Owner.named(name) for name in ("ana", "ben", "cleo", "dan")]
    group = [Device(owner, network, f"{owner.name}.box:1") for owner in people]
    for device in group:
        VAULTS[device.endpoint] = signing_key(f"{device.endpoint}/1/vault")
    return network, group


async def test_the_admins_devices_name_new_keys_without_a_person(four: tuple[Network, list[Device]]) -> None:
    _, (ana, ben, cleo, dan) = four
    async with running(ana, ben, cleo, dan) as works:
        await devices_grown([ana, ben, cleo, dan])
        await works.stop(cleo)  # one of three admins is away
        await rotate(dan, Rotation(dan.owner, dan.owner.kek, words(5)))
        new = words(5).owner_root().public

        def named(device: Device) -> bool:
            member = device.circle.trusted.head.record.member(dan.owner.id)
            return member is not None and member.root == new

        for device in (ana, ben, dan):
            await device.until(lambda it=device: named(it))  # type: ignore[misc]
        await works.start(cleo)
        await cleo.until(lambda: named(cleo))
        assert cleo.circle.trusted.root(dan.owner.id) == new


@pytest.mark.parametrize("rotated_one", [0, 1])
async def test_who_joins_later_follows_the_rosters_past_new_words(
    four: tuple[Network, list[Device]], rotated_one: int
) -> None:
    """The inviter's own words, or another member's."""
    _, (*group, dan) = four
    async with running(*group, dan):
        await devices_grown(group)
        device = group[rotated_one]
        await rotate(device, Rotation(device.owner, device.owner.kek, words(5)))
        new = words(5).owner_root().public

        def named() -> bool:
            return group[0].circle.trusted.head.record.member(device.owner.id).root == new  # type: ignore[union-attr]

        await group[0].until(named)
        async with asyncio.timeout(60):
            await dan.join((await group[0].invite()).link)
        assert dan.circle.trusted.root(device.owner.id) == new


async def test_a_device_knows_its_new_certificate_after_a_restart(four: tuple[Network, list[Device]]) -> None:
    _, (ana, ben, _, _) = four
    async with running(ana, ben) as works:
        await devices_grown([ana, ben])
        await rotate(ben, Rotation(ben.owner, ben.owner.kek, words(6)))
        await works.start(ben)
        assert ben.identity.certificate is not None
        assert ben.identity.certificate.record.generation == 2
        assert not ben.circle.fenced
