"""The chain of an owner's roots: what leads where, and what does not."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise

import pytest

from piccolo_formats import cbor
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.former import Former, lost_former, open_former, seal_former
from piccolo_formats.kek import Kek, owner_id
from piccolo_formats.lineage import follow, lead_to, open_successor, owner_by
from piccolo_formats.records.generations import Successor
from piccolo_formats.signed import open_signed, sign

KEKS = [Kek(bytes([number]) * 32) for number in range(1, 5)]
OWNER = owner_id(KEKS[0].owner_root().public)


def record(number: int, owner: bytes = OWNER) -> Successor:
    """From the KEK of that number to the next."""
    old, new = KEKS[number].owner_root(), KEKS[number + 1].owner_root()
    return Successor(
        owner=owner, old_root=old.public, new_root=new.public, kek_epoch=number + 2, generation=1, time=1
    )


def step(number: int, owner: bytes = OWNER) -> bytes:
    return sign(record(number, owner), KEKS[number].owner_root(), KEKS[number + 1].owner_root()).to_bytes()


def test_the_newest_root_is_found_from_the_first() -> None:
    assert owner_by(KEKS[0].owner_root().public, []) == (OWNER, 1)
    assert owner_by(KEKS[3].owner_root().public, [step(0), step(1), step(2)]) == (OWNER, 4)


@pytest.mark.parametrize(
    "lineage",
    [
        [step(1), step(2)],  # not from the first
        [step(0), step(2)],  # a gap
        [step(0), step(1)],  # to another root
        [step(0, bytes(32)), step(1, bytes(32)), step(2, bytes(32))],  # another owner's
        [step(2), step(1), step(0)],  # out of order
    ],
)
def test_a_chain_that_does_not_lead_there_is_refused(lineage: list[bytes]) -> None:
    with pytest.raises(AuthenticationError):
        owner_by(KEKS[3].owner_root().public, lineage)


def test_both_roots_must_have_signed() -> None:
    for signer in (KEKS[0].owner_root(), KEKS[1].owner_root()):
        with pytest.raises(AuthenticationError):
            open_successor(sign(record(0), signer).to_bytes())


def test_a_chain_never_ends_where_it_was() -> None:
    back = replace(record(0), old_root=record(0).new_root, new_root=record(0).old_root)
    loop = sign(back, KEKS[0].owner_root(), KEKS[1].owner_root())
    chain = follow(OWNER, KEKS[0].owner_root().public, [open_signed(Successor, step(0)), loop])
    assert len(chain) == 1


def test_the_way_to_a_root_is_found_among_all_that_others_tell() -> None:
    stolen = KEKS[1].owner_root()  # earlier words that a stranger has
    other = Kek(bytes([9]) * 32).owner_root()
    before = replace(record(0), old_root=other.public)
    after = replace(record(1), new_root=other.public)
    made_up = [sign(before, other, stolen).to_bytes(), sign(after, stolen, other).to_bytes()]
    steps = [step(0), step(1), step(2)]
    for told in ([*made_up, *steps], [*reversed(steps), *made_up]):
        found = lead_to(KEKS[3].owner_root().public, map(open_successor, told))
        assert [each.to_bytes() for each in found] == steps
    assert lead_to(KEKS[0].owner_root().public, map(open_successor, steps)) == []
    assert lead_to(KEKS[3].owner_root().public, map(open_successor, [step(1), step(2)])) == []


def test_the_former_kek_opens_for_the_next_one_only() -> None:
    former = seal_former(KEKS[0], KEKS[1], OWNER, 1, os.urandom, exposed=False, time=1)
    assert open_former(Former.from_record(former.to_record()), KEKS[1]) == KEKS[0]
    wrong = [
        (former, KEKS[0]),
        (replace(former, owner=bytes(32)), KEKS[1]),
        (replace(former, epoch=2), KEKS[1]),
        (replace(former, exposed=True), KEKS[1]),
    ]
    for record, kek in wrong:
        with pytest.raises(FormatError):
            open_former(record, kek)


def test_a_former_kek_that_nobody_tells_opens_nothing() -> None:
    lost = lost_former(OWNER, 1, 1)
    assert lost.is_lost
    assert Former.from_record(lost.to_record()) == lost
    with pytest.raises(AuthenticationError, match="nobody tells"):
        open_former(lost, KEKS[1])
    sealed = seal_former(KEKS[0], KEKS[1], OWNER, 1, os.urandom, exposed=True, time=1)
    assert not sealed.is_lost
    wrong = [replace(sealed, nonce=None), replace(sealed, sealed=None), replace(lost, exposed=False)]
    for record in wrong:
        with pytest.raises(FormatError):
            record.to_record()


def test_a_mark_is_no_other_step_and_cannot_be_added_or_taken_away() -> None:
    """Whoever has the old words alone can neither make a successor nor change what is said of one."""
    marked = replace(record(0), exposed=True)
    signed = sign(marked, KEKS[0].owner_root(), KEKS[1].owner_root())
    assert owner_by(KEKS[1].owner_root().public, [signed.to_bytes()]) == (OWNER, 2)
    for before, after in ((marked, record(0)), (record(0), marked)):
        honest = sign(before, KEKS[0].owner_root(), KEKS[1].owner_root()).to_bytes()
        forged = honest.replace(cbor.encode(before.to_record()), cbor.encode(after.to_record()))
        assert forged != honest
        with pytest.raises(AuthenticationError):
            open_successor(forged)
        with pytest.raises(AuthenticationError):
            open_successor(sign(after, KEKS[0].owner_root()).to_bytes())


def test_steps_that_others_made_up_are_tried_once_each() -> None:
    """Two from each root to the next, and no first one: as many ways as there are sets of them."""
    roots = [Kek(bytes([number, 200]) * 16).owner_root() for number in range(41)]
    told = [
        sign(
            Successor(
                owner=OWNER,
                old_root=old.public,
                new_root=new.public,
                kek_epoch=number + 2,
                generation=1,
                time=time,
            ),
            old,
            new,
        )
        for number, (old, new) in enumerate(pairwise(roots))
        for time in (1, 2)
    ]
    assert lead_to(roots[-1].public, told) == []
