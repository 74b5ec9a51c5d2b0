"""Who came in through one member that is no admin may go together: at most m - k fragments lie with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo.attestation.v1 import circle_pb2 as pb

from piccolo_vault.adapters.attestation import view_of
from piccolo_vault.core.inviters import subtrees
from piccolo_vault.core.storage import health, placement, promise
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.health import Place, PlaceState
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.placement import Candidate
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import QUICK, World, world

MEMBERS = [bytes([number]) * 32 for number in range(1, 16)]
FOUNDER, ANA, BEN, CARL, DORA, EVE = MEMBERS[:6]


class TestWhoIsUnderWhom:
    def test_an_admin_vouches_for_whom_it_invites(self) -> None:
        assert subtrees({FOUNDER: None, ANA: FOUNDER, BEN: FOUNDER}, {FOUNDER}) == ()

    def test_a_subtree_reaches_down_to_whom_the_invited_invite(self) -> None:
        tree = {FOUNDER: None, ANA: FOUNDER, BEN: ANA, CARL: BEN, DORA: FOUNDER}
        assert subtrees(tree, {FOUNDER}) == (frozenset({ANA, BEN, CARL}),)

    def test_an_admin_in_between_begins_a_line_of_its_own(self) -> None:
        tree = {FOUNDER: None, ANA: FOUNDER, BEN: ANA, CARL: BEN, DORA: CARL}
        assert subtrees(tree, {FOUNDER, BEN}) == (frozenset({CARL, DORA}),)

    def test_who_left_the_roster_may_still_have_invited(self) -> None:
        assert subtrees({FOUNDER: None, ANA: EVE, BEN: EVE}, {FOUNDER}) == (frozenset({ANA, BEN}),)

    @given(st.data())
    def test_nobody_is_in_two_and_all_of_one_hang_together(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, len(MEMBERS)))
        tree: dict[bytes, bytes | None] = {MEMBERS[0]: None}
        for number in range(1, count):
            tree[MEMBERS[number]] = data.draw(st.sampled_from(MEMBERS[:number]))
        admins = data.draw(st.sets(st.sampled_from(MEMBERS[:count])))
        found = subtrees(tree, admins)
        placed = [owner for each in found for owner in each]
        assert len(placed) == len(set(placed))
        assert not admins & set(placed)
        for each in found:
            tops = {owner for owner in each if tree[owner] not in each}
            assert len(each) > 1
            assert len(tops) == 1
        under = {owner: each for each in found for owner in each}
        for owner, inviter in tree.items():
            if owner not in admins and inviter is not None and inviter not in admins:
                assert under[owner] is under[inviter]

    def test_the_circle_tells_its_subtrees(self) -> None:
        told = pb.Circle(owner_id=FOUNDER)
        for owner, inviter in ((FOUNDER, b""), (ANA, FOUNDER), (BEN, ANA), (CARL, ANA)):
            told.members.add(owner_id=owner, invited_by=inviter, admin=owner == FOUNDER)
        assert view_of(told).circle.subtrees == (frozenset({ANA, BEN, CARL}),)


def candidates(count: int) -> list[Candidate]:
    return [Candidate(owner, 1_000, 1.0) for owner in MEMBERS[:count]]


@st.composite
def circles(draw: st.DrawFn) -> tuple[Code, int, tuple[frozenset[bytes], ...]]:
    """A code, how many members can be asked, and subtrees of theirs."""
    count = draw(st.integers(2, len(MEMBERS)))
    m = draw(st.integers(2, count))
    code = Code(draw(st.integers(1, m - 1)), m)
    line = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    groups = (frozenset(MEMBERS[at] for at in range(count) if line[at] == each) for each in (1, 2, 3))
    return code, count, tuple(each for each in groups if len(each) > 1)


def under(placed: list[bytes | None], subtree: frozenset[bytes]) -> int:
    return sum(owner in subtree for owner in placed)


class TestPlacement:
    @given(st.binary(min_size=16, max_size=16), circles())
    def test_the_rule_is_kept_wherever_different_keepers_can_keep_it(
        self, object_id: bytes, circle: tuple[Code, int, tuple[frozenset[bytes], ...]]
    ) -> None:
        code, count, lines = circle
        placed = placement.place(object_id, candidates(count), code, Promise(1), lines)
        most = code.m - code.k
        alone = count - sum(map(len, lines))
        room = alone + sum(min(most, len(each)) for each in lines)
        assert None not in placed
        assert len(set(placed)) == code.m
        if room >= code.m:
            assert all(under(placed, each) <= most for each in lines)
            for each in lines:  # so all of one may go at once
                left = [owner for owner in placed if owner not in each]
                assert len(left) >= code.k
        else:
            assert placement.crowding(placed, code, lines) == code.m - room

    @given(st.binary(min_size=16, max_size=16), circles(), st.data())
    def test_a_repair_crowds_a_subtree_only_where_nobody_else_is_left(
        self, object_id: bytes, circle: tuple[Code, int, tuple[frozenset[bytes], ...]], data: st.DataObject
    ) -> None:
        code, count, lines = circle
        whole = placement.place(object_id, candidates(count), code, Promise(1), lines)
        lost = data.draw(st.sets(st.integers(0, code.m - 1), min_size=1))
        gone = {whole[index] for index in lost}
        ready = [each for each in candidates(count) if each.owner_id not in gone]
        held = [None if index in lost else owner for index, owner in enumerate(whole)]
        filled = placement.fill(object_id, ready, code, Promise(1), held, sorted(lost), lines)
        assert all(filled[index] == owner for index, owner in enumerate(held) if owner is not None)
        if placement.crowding(filled, code, lines) > placement.crowding(held, code, lines):
            full = [each for each in lines if under(filled, each) >= code.m - code.k]
            outside = {each.owner_id for each in ready} - {owner for each in full for owner in each}
            assert outside <= set(filled)

    @given(st.binary(min_size=16, max_size=16), st.integers(1, 12), st.integers(2, 12))
    def test_where_nobody_is_under_anybody_all_is_as_before(
        self, object_id: bytes, count: int, m: int
    ) -> None:
        code, strangers = Code(max(1, m // 2), m), frozenset(MEMBERS[13:])
        plain = placement.place(object_id, candidates(count), code, Promise(1))
        assert placement.place(object_id, candidates(count), code, Promise(1), [strangers]) == plain

    @given(st.binary(min_size=16, max_size=16), st.integers(1, 8), st.integers(1, 8))
    def test_no_keeper_gets_a_second_copy_of_a_whole_file(self, object_id: bytes, count: int, m: int) -> None:
        placed = placement.place(object_id, candidates(count), Code(1, m), Promise(1))
        assert max(promise.count_by_device(placed).values()) == 1


class TestWords:
    def test_a_person_is_told_when_the_circle_is_too_small_for_it(self) -> None:
        places = [Place(at, owner, PlaceState.PLACED) for at, owner in enumerate(MEMBERS[:9])]
        line = frozenset(MEMBERS[:5])
        found = health.assess(Code(5, 9), places, [line])
        assert (found.survives, found.together) == (4, 5)
        assert found.words == (
            "survives the loss of any 4 of 9 devices, but not of the 5 that came into the circle through one "
            "member who is no admin"
        )
        assert health.assess(Code(5, 9), places, [frozenset(MEMBERS[:4])]).together == 0
        totals = health.Totals()
        totals.add(found)
        totals.add(health.assess(Code(5, 9), places))
        assert totals.words == (
            "every file survives the loss of any 4 devices, but 1 of 2 objects not the loss of all that came "
            "into the circle through one member who is no admin"
        )


def line_of(here: World, numbers: range) -> frozenset[bytes]:
    """Lets these members have come in through one who is no admin."""
    found = frozenset(here.keepers[number].member.owner_id for number in numbers)
    here.circle.circle = replace(here.circle.circle, subtrees=(found,))
    return found


def most_under(here: World, line: frozenset[bytes]) -> int:
    layouts = (read_layout(stored.layout) for stored in here.objects.objects.values())
    return max(under(list(layout.keepers), line) for layout in layouts)


@pytest.mark.parametrize("size", [2_000, 700_000, 9_000_000])
async def test_a_file_outlives_all_that_came_in_through_one(size: int) -> None:
    async with world(10, replace(QUICK, k=4, m=7)) as here:
        line, data = line_of(here, range(5)), random_bytes(size)
        written = await here.put("/f", data)
        assert written is not None
        assert written.health.words == "survives the loss of any 3 of 7 devices"
        assert most_under(here, line) <= 3
        for keeper in here.keepers[:5]:
            keeper.down = True
        assert await here.get("/f") == data


async def test_a_circle_too_small_for_it_keeps_files_and_says_so() -> None:
    async with world(4) as here:
        line_of(here, range(4))
        data = random_bytes(2_000)
        written = await here.put("/f", data)
        assert written is not None
        assert written.health.words == (
            "survives the loss of any 2 of 4 devices, but not of the 4 that came into the circle through one "
            "member who is no admin"
        )
        assert await here.get("/f") == data
        totals, _, _ = await here.store.totals()
        assert totals.words.endswith("through one member who is no admin")


async def test_who_came_in_through_one_gives_fragments_up_when_others_come() -> None:
    async with world(4, replace(QUICK, k=2, m=4)) as here:
        line, data = line_of(here, range(4)), random_bytes(700_000)
        await here.put("/f", data)
        assert most_under(here, line) == 4
        for _ in range(2):
            here.joins()
        await here.store.maintenance.look_at_all()
        here.keyring.locked = True
        assert await here.store.chores.spreader.round() == 2
        assert most_under(here, line) == 2
        here.keyring.locked = False
        assert (await here.store.health("/f", ask=True))[0].words == "survives the loss of any 2 of 4 devices"
        assert await here.get("/f") == data


async def test_a_repair_puts_nothing_more_under_one_that_has_enough() -> None:
    async with world(8, replace(QUICK, k=2, m=4)) as here:
        line, data = line_of(here, range(5)), random_bytes(700_000)
        await here.put("/f", data)
        (stored,) = here.objects.objects.values()
        outside = [each for each in read_layout(stored.layout).keepers if each not in line]
        here.circle.replace([each for each in here.circle.circle.members if each.owner_id != outside[0]])
        await here.store.health("/f", ask=True)
        await here.store.maintenance.repair_due(impatient=True)
        assert most_under(here, line) <= 2
        found, _ = await here.store.health("/f", ask=True)
        assert (found.placed, found.together) == (4, 0)
