"""What a circle believes: nothing forged, nothing replayed, and the same in whatever order it was heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats import cbor
from piccolo_formats.records.roster import MemberState, Roster
from piccolo_formats.signed import countersign, open_signed, sign

from piccolo_attestation.core import bundle, proposals
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import CircleView, view_of
from piccolo_attestation.testing import CIRCLE, NOW, Owner, first_roster, grown, signed_by

ANA, BEN, CLEO, DAN, EVE = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan", "eve"))
STRANGER = Owner.named("stranger")


def joined(circle: TrustedCircle, owner: Owner, inviter: Owner = ANA, now: int = NOW) -> Roster:
    return proposals.admit(circle, owner.joiner(circle.head.record_hash()), inviter.id, now)


def refused(reason: str, what: Callable[[], object]) -> None:
    with pytest.raises(PiccoloError) as error:
        what()
    assert error.value.reason == reason, error.value.message


@cache
def history() -> tuple[TrustedCircle, tuple[bytes, ...]]:
    """A circle of five with a removal, a replaced device, one whose replacement is silent yet, and newer
    presences; and every record there ever was."""
    circle = grown(ANA, BEN, CLEO, DAN, EVE)
    old = circle.records()
    circle.merge(
        [
            BEN.device(2).to_bytes(),
            BEN.claim(2).to_bytes(),
            BEN.presence(1, 2).to_bytes(),
            CLEO.presence(2).to_bytes(),
            CLEO.presence(3).to_bytes(),
            EVE.presence(2).to_bytes(),
            EVE.device(2).to_bytes(),
            EVE.device(4).to_bytes(),
            EVE.claim(4).to_bytes(),
        ]
    )
    gone = proposals.remove(circle, DAN.id, MemberState.EXPELLED, NOW)
    circle.merge([signed_by(gone, ANA, CLEO).to_bytes()])
    return circle, tuple(dict.fromkeys([*old, *circle.records(), CLEO.presence(2).to_bytes()]))


@cache
def attacks() -> tuple[bytes, ...]:
    """Records that must never change a view."""
    circle, records = history()
    outsider = replace(STRANGER.device_record(), owner=BEN.id, generation=9)
    stolen = replace(joined(grown(ANA, BEN, CLEO, DAN), EVE), epoch=9)
    alone = joined(grown(ANA, BEN, CLEO, DAN), STRANGER)
    return (
        first_roster(STRANGER).to_bytes(),
        signed_by(alone, ANA).to_bytes(),  # one of three admins
        signed_by(stolen, ANA, BEN).to_bytes(),  # an epoch that follows nothing
        sign(joined(circle, STRANGER), STRANGER.kek.admin(), EVE.kek.admin()).to_bytes(),  # no admin at all
        sign(outsider, STRANGER.kek.owner_root()).to_bytes(),  # another's device, by one's own root
        STRANGER.device().to_bytes(),
        sign(replace(ANA.presence(9).record, owner=BEN.id), ANA.key("attestation")).to_bytes(),
        sign(replace(ANA.claim(1).record, generation=7), ANA.kek.owner_root()).to_bytes(),
        EVE.device(1, circle=bytes(16)).to_bytes(),
        *(data[:-1] for data in records),  # cut
        *(data[:-1] + bytes([data[-1] ^ 1]) for data in records),  # another signature
    )


def heard(records: list[bytes]) -> CircleView:
    """The view of someone who hears records one by one, again and again until nothing is new."""
    circle = TrustedCircle(first_roster(ANA).to_bytes())
    changed = True
    while changed:
        changed = False
        for record in records:
            changed |= circle.merge([record])[0]
    return view_of(circle)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(len(history()[1]))), st.data())
def test_any_order_and_repetition_converges(order: list[int], data: st.DataObject) -> None:
    circle, records = history()
    chosen = [records[index] for index in order]
    junk = data.draw(
        st.lists(st.tuples(st.integers(0, len(chosen)), st.sampled_from(attacks())), max_size=12)
    )
    for place, record in junk:
        chosen.insert(place, record)
    assert heard(chosen) == view_of(circle)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(attacks()), max_size=20), st.binary(max_size=80))
def test_forged_replayed_and_cut_records_change_nothing(junk: list[bytes], noise: bytes) -> None:
    circle, records = history()
    before = view_of(circle)
    changed, _ = circle.merge([*junk, noise, cbor.encode([noise, []]), *records])
    assert not changed
    assert view_of(circle) == before


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.integers(0, len(history()[1]) - 1)), min_size=2, max_size=4))
def test_peers_that_exchange_what_the_other_lacks_agree(parts: list[set[int]]) -> None:
    circle, records = history()
    peers = [TrustedCircle(first_roster(ANA).to_bytes()) for _ in range(len(parts) + 1)]
    for peer, part in zip(peers, [*parts, set(range(len(records)))], strict=True):
        peer.merge(records[index] for index in part)
    for _ in range(len(peers)):
        for one in peers:
            for other in peers:
                one.merge(other.missing(hash_[:16] for hash_ in one.hashes()))
    assert all(view_of(peer) == view_of(circle) for peer in peers)


def test_a_bundle_rebuilds_the_circle() -> None:
    circle, _ = history()
    again, refusals = TrustedCircle.from_bundle(bundle.decode(bundle.encode(reversed(circle.records()))))
    assert view_of(again) == view_of(circle)
    assert not refusals
    refused("RECORD_EARLY", lambda: TrustedCircle.from_bundle(circle.records()[1:]))


def test_a_roster_needs_the_majority_of_the_admins_before_it() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    roster = joined(circle, EVE)
    refused("RECORD_FORGED", lambda: circle.add_roster(signed_by(roster, BEN).to_bytes()))
    refused("RECORD_FORGED", lambda: circle.add_roster(signed_by(roster, BEN, DAN, EVE).to_bytes()))
    assert circle.add_roster(signed_by(roster, BEN, CLEO).to_bytes())


def test_two_thirds_of_the_owner_roots_stand_in_for_lost_admins() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    roster = joined(circle, EVE)
    roots = [owner.kek.owner_root() for owner in (ANA, BEN, CLEO, DAN)]
    refused("RECORD_FORGED", lambda: circle.add_roster(sign(roster, *roots[:2]).to_bytes()))
    assert circle.add_roster(sign(roster, *roots[1:]).to_bytes())


def test_an_epoch_is_not_skipped_and_an_old_one_not_replayed() -> None:
    circle = grown(ANA, BEN, CLEO)
    later = grown(ANA, BEN, CLEO, DAN, EVE)
    refused("RECORD_EARLY", lambda: circle.add_roster(later.head.to_bytes()))
    early = signed_by(joined(grown(ANA, BEN), STRANGER), ANA, BEN)
    refused("RECORD_OLD", lambda: later.add_roster(early.to_bytes()))
    assert not later.add_roster(later.records()[1])  # known, and in its place


def test_two_valid_rosters_of_one_epoch_freeze_the_circle() -> None:
    base = grown(ANA, BEN, CLEO)
    one, other = (signed_by(joined(base, owner), ANA, BEN).to_bytes() for owner in (DAN, EVE))
    views = []
    for order in ((one, other), (other, one), (other, one, one, other)):
        circle = base.copy()
        for record in order:
            circle.add_roster(record)
        circle.merge([DAN.device().to_bytes(), EVE.device().to_bytes()])
        views.append(view_of(circle))
        follower = proposals.admit(base, STRANGER.joiner(base.head.record_hash()), ANA.id, NOW)
        with pytest.raises(PiccoloError, match="twice"):
            proposals.admit(circle, STRANGER.joiner(circle.head.record_hash()), ANA.id, NOW)
        third = signed_by(replace(follower, epoch=5), ANA, BEN).to_bytes()
        refused("CIRCLE_FROZEN", lambda taken=circle, record=third: taken.add_roster(record))  # type: ignore[misc]
    assert views[0] == views[1] == views[2]
    assert "epoch 4" in views[0].frozen
    assert views[0].roster_hash == base.head.record_hash()
    assert {member.owner for member in views[0].members} == {ANA.id, BEN.id, CLEO.id}


def test_a_former_admin_cannot_undo_what_came_after_it() -> None:
    circle = grown(ANA, BEN, CLEO)
    before = view_of(circle)
    alone = TrustedCircle(first_roster(ANA).to_bytes())
    rival = signed_by(joined(alone, STRANGER), ANA)  # valid in its time: Ana was the only admin of epoch 1
    refused("RECORD_OLD", lambda: circle.add_roster(rival.to_bytes()))
    alone.add_roster(rival.to_bytes())
    longer = signed_by(joined(alone, EVE), ANA, STRANGER)
    refused("RECORD_OLD", lambda: circle.add_roster(rival.to_bytes()))
    refused("RECORD_EARLY", lambda: grown(ANA).add_roster(longer.to_bytes()))
    assert view_of(circle) == before


def test_a_device_is_replaced_by_a_higher_generation_only() -> None:
    circle = grown(ANA, BEN)
    assert circle.add_device(BEN.device(3).to_bytes())
    refused("RECORD_OLD", lambda: circle.add_device(BEN.device(2).to_bytes()))
    refused("RECORD_EARLY", lambda: circle.add_presence(BEN.presence(1, 4).to_bytes()))
    refused("RECORD_EARLY", lambda: circle.add_claim(BEN.claim(4).to_bytes()))
    assert circle.add_presence(BEN.presence(1, 3).to_bytes())
    refused("RECORD_OLD", lambda: circle.add_presence(BEN.presence(9, 1).to_bytes()))
    assert not circle.add_presence(BEN.presence(1, 3).to_bytes())
    assert circle.add_presence(BEN.presence(4, 3).to_bytes())
    refused("RECORD_OLD", lambda: circle.add_presence(BEN.presence(3, 3).to_bytes()))


def test_a_device_that_has_not_spoken_yet_is_looked_for_where_the_one_before_it_was() -> None:
    """It may be the same box, which lost a key: it speaks only when a majority promised to serve it."""
    circle = grown(ANA, BEN)
    assert circle.add_presence(BEN.presence(2, 1).to_bytes())
    assert circle.add_device(BEN.device(3).to_bytes())
    member = view_of(circle).member(BEN.id)
    assert member is not None
    assert (member.generation, member.endpoints, member.offer) == (3, ("ben.example:7002",), 1002)
    assert member.server_certificate == BEN.device_record(3).tls.fragment_store  # it must show that one
    assert circle.add_presence(BEN.presence(3, 1).to_bytes())  # it moves before it takes over
    assert circle.add_presence(BEN.presence(1, 3).to_bytes())
    member = view_of(circle).member(BEN.id)
    assert member is not None
    assert (member.generation, member.endpoints) == (3, ("ben.example:7001",))
    assert circle.add_device(BEN.device(4).to_bytes())
    said = view_of(circle).member(BEN.id)
    assert said is not None
    assert said.endpoints == ("ben.example:7001",)


def test_devices_of_one_generation_stand_side_by_side_until_the_next() -> None:
    made = [BEN.device(2, created=NOW + number).to_bytes() for number in range(10)]
    views = []
    for order in (made, made[::-1], made[2:] + made[:2]):
        circle = grown(ANA, BEN)
        circle.merge(order)
        circle.merge([BEN.device(1).to_bytes()])
        assert len(circle.holders(BEN.id)) == 8
        views.append(view_of(circle))
    assert views[0] == views[1] == views[2]
    assert "generation 2" in views[0].alarms[0].words
    circle.add_device(BEN.device(3).to_bytes())
    assert not view_of(circle).alarms


def test_a_replaced_device_is_let_in_as_one_to_hear_who_replaced_it() -> None:
    orders = ([2, 3, 5, 4], [5, 4, 3, 2], [3, 5, 2, 4])
    views = []
    for order in orders:
        circle = grown(ANA, BEN)
        circle.merge(BEN.device(generation).to_bytes() for generation in order[:2])
        circle.merge(BEN.device(generation).to_bytes() for generation in order[2:])
        views.append(view_of(circle))
        mine = [a for a in view_of(circle).admissions if a.owner == BEN.id]
        assert [(a.role, a.generation, a.replaced) for a in mine] == [
            ("", 5, False),
            ("vault", 5, False),
            ("attestation", 5, False),
            ("vault", 4, True),
            ("attestation", 4, True),
            ("vault", 3, True),
            ("attestation", 3, True),
            ("vault", 2, True),
            ("attestation", 2, True),
            ("vault", 1, True),
            ("attestation", 1, True),
        ]
    assert views[0] == views[1] == views[2]


def test_a_certificate_acts_for_one_owner() -> None:
    circle = grown(ANA, BEN, CLEO)
    stolen = ANA.device_record().tls.vault
    record = replace(CLEO.device_record(2), tls=replace(CLEO.device_record(2).tls, vault=stolen))
    circle.add_device(sign(record, CLEO.kek.owner_root()).to_bytes())
    view = view_of(circle)
    assert [a.owner for a in view.admissions if a.certificate == stolen] == [ANA.id]
    assert "another member's" in view.alarms[0].words
    as_enrol = replace(BEN.device_record(2), tls=replace(BEN.device_record(2).tls, vault=CLEO.enrol))
    circle.add_device(sign(as_enrol, BEN.kek.owner_root()).to_bytes())
    assert [a.owner for a in view_of(circle).admissions if a.certificate == CLEO.enrol] == [CLEO.id]


def test_a_device_cannot_name_other_owner_keys_than_the_roster() -> None:
    circle = grown(ANA, BEN)
    for record in (
        replace(BEN.device_record(2), enrol=STRANGER.enrol),
        replace(BEN.device_record(2), admin=STRANGER.kek.admin().public),
    ):
        signed = sign(record, BEN.kek.owner_root()).to_bytes()
        refused("RECORD_FORGED", lambda data=signed: circle.add_device(data))  # type: ignore[misc]


def test_who_is_cut_off_comes_back_with_the_next_generation_only() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    cut = proposals.remove(circle, DAN.id, MemberState.COMPROMISED, NOW)
    circle.add_roster(signed_by(cut, ANA, BEN).to_bytes())
    mine = [a for a in view_of(circle).admissions if a.owner == DAN.id]
    assert [(a.kind, a.state) for a in mine] == [("enrol", MemberState.COMPROMISED)]
    circle.add_device(DAN.device(2).to_bytes())
    mine = [a for a in view_of(circle).admissions if a.owner == DAN.id]
    assert [(a.role, a.state) for a in mine] == [
        ("", MemberState.ACTIVE),
        ("vault", MemberState.ACTIVE),
        ("attestation", MemberState.ACTIVE),
    ]


def test_who_is_expelled_still_gets_its_own() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    circle.add_roster(
        signed_by(proposals.remove(circle, DAN.id, MemberState.EXPELLED, NOW), ANA, BEN).to_bytes()
    )
    states = {a.role: a.state for a in view_of(circle).admissions if a.owner == DAN.id}
    assert states == dict.fromkeys(("", "vault", "attestation"), MemberState.EXPELLED)


def last(**change: object) -> Callable[[Roster], Roster]:
    """Changes the last member of a roster."""
    return lambda roster: replace(
        roster,
        members=(*roster.members[:-1], replace(roster.members[-1], **change)),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda roster: replace(roster, members=roster.members[:-1]),
        lambda roster: replace(roster, circle=bytes(16)),
        last(enrol=STRANGER.enrol),
        last(enrol=ANA.enrol),
        last(number=9),
        last(state=MemberState.LEAVING),
        last(admin=STRANGER.kek.admin().public),
    ],
)
def test_the_admins_together_cannot_sign_nonsense(change: Callable[[Roster], Roster]) -> None:
    circle = grown(ANA, BEN, CLEO)
    roster = replace(circle.head.record, epoch=4, previous=circle.head.record_hash())
    with pytest.raises(PiccoloError):
        circle.add_roster(signed_by(change(roster), ANA, BEN, CLEO).to_bytes())
    assert circle.add_roster(signed_by(roster, ANA, BEN, CLEO).to_bytes())


def test_a_bundle_may_hold_junk_beside_its_first_roster_and_more_signatures_on_it() -> None:
    circle = grown(ANA, BEN, CLEO)
    honest = circle.records()
    first = open_signed(Roster, honest[0])
    more = countersign(first, CLEO.key("attestation")).to_bytes()
    unfounded = sign(first.record, CLEO.key("attestation")).to_bytes()
    unsigned: list[cbor.Value] = []
    signed: list[cbor.Value] = [[bytes(32), bytes(64)]]
    junk = [
        cbor.encode([cbor.encode({"type": "roster", key: 1}), signatures])
        for key in ("generation", "epoch")
        for signatures in (unsigned, signed)
    ]
    for told in ([*honest, more], [more, *honest], [unfounded, *junk, *honest], [*honest, *junk, unfounded]):
        again, _ = TrustedCircle.from_bundle(told)
        assert view_of(again) == view_of(circle)
    for told in (honest[1:], [*junk, unfounded], [*honest, first_roster(BEN).to_bytes()]):
        refused("RECORD_EARLY", lambda it=told: TrustedCircle.from_bundle(it))  # type: ignore[misc]


def test_a_first_roster_is_one_active_admin_who_signed_it() -> None:
    good = first_roster(ANA).record
    two = grown(ANA, BEN).head.record
    for roster, signer in (
        (good, BEN),
        (replace(two, epoch=1, previous=None), ANA),
        (replace(good, members=(replace(good.members[0], number=1),)), ANA),
    ):
        with pytest.raises(PiccoloError):
            TrustedCircle(signed_by(roster, signer).to_bytes())
    assert TrustedCircle(first_roster(ANA).to_bytes()).circle_id == CIRCLE
