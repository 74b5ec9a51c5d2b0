"""An owner or an admin whose device lies about roots: nobody stands still, what was believed loads again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import open_signed, sign

from piccolo_attestation.core import kept, proposals
from piccolo_attestation.core.roots import Roots
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import view_of
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.testing import NOW, FakeFiles, Owner, grown, signed_by
from piccolo_attestation.tests.test_roots import ANA, BEN, CLEO, DAN, Rotation, refused, words

FIRST, OTHER, THIRD = (Rotation(BEN, BEN.kek, words(number)) for number in (1, 2, 3))


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fails what would go on for ever."""

    def over(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def told(circle: TrustedCircle, rotation: Rotation) -> TrustedCircle:
    """The circle after the owner's device has handed its root over, and the next has come."""
    circle.merge([rotation.successor(), rotation.device().to_bytes()])
    return circle


def test_a_root_that_was_left_behind_does_not_come_back() -> None:
    there, back = Rotation(BEN, BEN.kek, words(1), 1), Rotation(BEN, words(1), BEN.kek, 2)
    circle = told(grown(ANA, BEN, CLEO, DAN), there)
    with within(20):
        again = back.successor(BEN.key("vault", 1))
        refused("RECORD_OLD", lambda: circle.add_successor(again))
        circle.merge([again, back.device(3).to_bytes()])
        assert circle.root(BEN.id) == words(1).owner_root().public


def test_the_epoch_of_the_words_rises_with_each_root() -> None:
    circle = told(grown(ANA, BEN, CLEO, DAN), FIRST)
    second = Rotation(BEN, words(1), words(2), 2)
    record = open_signed(Successor, second.successor()).record
    roots = second.old.owner_root(), second.new.owner_root()
    stale = sign(replace(record, kek_epoch=2), *roots, BEN.key("vault"))
    refused("RECORD_OLD", lambda: circle.add_successor(stale.to_bytes()))


def test_a_line_of_roots_ends_even_when_it_comes_back_to_where_it_began() -> None:
    there, back = Rotation(BEN, BEN.kek, words(1), 1), Rotation(BEN, words(1), BEN.kek, 2)
    member = grown(ANA, BEN).head.record.member(BEN.id)
    assert member is not None
    held = [open_signed(Successor, each) for each in (there.successor(), back.successor())]
    with within(20):
        assert set(Roots(held).line(member)) == {kek.owner_root().public for kek in (BEN.kek, words(1))}


def renewed(rotation: Rotation, *signers: Owner) -> bytes:
    """The roster that names the new root, over these admins' signatures."""
    circle = told(grown(ANA, BEN, CLEO, DAN), rotation)
    return signed_by(proposals.renew(circle, BEN.id), *signers).to_bytes()


def frozen(*rotations: Rotation) -> TrustedCircle:
    """A circle whose admin lied to several others: each believes another roster of one epoch."""
    circle = grown(ANA, BEN, CLEO, DAN)
    for rotation in rotations:
        told(circle, rotation)
        circle.merge([rotation.successor(), renewed(rotation, ANA, BEN)])
    return circle


ORDERS = ((FIRST, OTHER), (OTHER, FIRST), (FIRST, OTHER, THIRD), (THIRD, OTHER, FIRST), (OTHER, THIRD, FIRST))


@pytest.mark.parametrize("rotations", ORDERS)
def test_a_frozen_circle_loads_again_as_it_was(rotations: tuple[Rotation, ...]) -> None:
    circle = frozen(*rotations)
    assert circle.frozen_epoch == 5
    again, refusals = TrustedCircle.from_bundle(circle.records())
    assert [each.error.message for each in refusals] == []
    assert view_of(again) == view_of(circle)
    assert again.frozen_epoch == 5
    assert again.hashes() == circle.hashes()


async def test_a_device_in_a_frozen_circle_starts_again() -> None:
    files = FakeFiles()
    identity = await Identity.open(files, bytes)
    identity.certificate = DAN.device()
    state = kept.Circle(records=tuple(frozen(FIRST, OTHER).records()), unsettled=False)
    await files.save("circle", state.to_record())
    assert Circle(files, identity, lambda: NOW).trusted.frozen_epoch == 5


def test_who_hears_of_both_rosters_at_once_believes_neither() -> None:
    heard = grown(ANA, BEN, CLEO, DAN)
    heard.merge(frozen(FIRST, OTHER).records())
    assert heard.frozen_epoch == 5
    assert heard.head.record.epoch == 4
    assert view_of(heard) == view_of(frozen(FIRST, OTHER))


def everything() -> tuple[bytes, ...]:
    """What lying owners and admins can say of one circle."""
    base = grown(ANA, BEN, CLEO, DAN)
    said = [
        record for each in (FIRST, OTHER, THIRD) for record in (each.successor(), each.device().to_bytes())
    ]
    said += [renewed(each, ANA, CLEO) for each in (FIRST, OTHER)]
    said += [Rotation(BEN, words(1), words(4), 2).successor(BEN.key("vault", 1))]
    said += [FIRST.device(generation, keys_of=generation).to_bytes() for generation in (3, 4)]
    said += [BEN.device(2).to_bytes(), BEN.presence(5).to_bytes(), DAN.device(2).to_bytes()]
    gone = proposals.remove(base, CLEO.id, MemberState.EXPELLED, NOW)
    joined = proposals.admit(base, Owner.named("eve").joiner(base.head.record_hash()), ANA.id, NOW)
    said += [signed_by(each, ANA, BEN).to_bytes() for each in (gone, joined)]
    return (*said, Owner.named("eve").device().to_bytes())


SAID = everything()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, len(SAID) - 1), min_size=1, max_size=4), max_size=8))
def test_every_state_that_was_accepted_loads_again(bundles: list[list[int]]) -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    for each in bundles:
        circle.merge(SAID[index] for index in each)
    again, refusals = TrustedCircle.from_bundle(circle.records())
    assert [each.error.message for each in refusals] == []
    assert view_of(again) == view_of(circle)
