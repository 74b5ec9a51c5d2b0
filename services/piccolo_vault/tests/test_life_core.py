"""The rules of objects' later life: what is compacted, how much is moved a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats.segments import padme
from piccolo_formats.stripes import PACK_SIZE_LIMIT

from piccolo_vault.core.storage import placement, promise
from piccolo_vault.core.storage.budget import DAY, Budget
from piccolo_vault.core.storage.compaction import SMALL_BYTES, groups
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.packing import MOST_FILES
from piccolo_vault.core.storage.placement import Candidate
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.core.storage.spreading import next_epoch, next_leaving, next_move

MIB = 1_048_576


@dataclass(frozen=True)
class Pack:
    object_id: bytes
    size: int
    files: int
    bytes: int


def a_pack(number: int, size: int, kept: int, files: int = 1) -> Pack:
    return Pack(number.to_bytes(16), size, files, kept)


@st.composite
def pack_lists(draw: st.DrawFn) -> list[Pack]:
    found = []
    for number in range(draw(st.integers(0, 40))):
        size = padme(draw(st.integers(49, PACK_SIZE_LIMIT)))
        kept = draw(st.integers(0, min(size, PACK_SIZE_LIMIT)))
        found.append(a_pack(number, size, kept, draw(st.integers(1, MOST_FILES)) if kept else 0))
    return found


def joined(packs: list[Pack], number: int) -> Pack:
    kept = sum(one.bytes for one in packs)
    return a_pack(number, padme(kept), kept, sum(one.files for one in packs))


@given(pack_lists())
def test_compaction_comes_to_an_end_and_copies_each_byte_few_times(packs: list[Pack]) -> None:
    there, copied = {one.object_id: one for one in packs}, dict.fromkeys((one.object_id for one in packs), 0)
    number = 1_000
    for _ in range(60):
        planned = groups(there.values())
        if not planned:
            break
        taken = [object_id for group in planned for object_id in group.object_ids]
        assert len(taken) == len(set(taken))
        for group in planned:
            number += 1
            old = [there.pop(object_id) for object_id in group.object_ids]
            new = joined(old, number)
            assert new.bytes <= PACK_SIZE_LIMIT
            assert new.files <= MOST_FILES
            assert 2 * new.size <= group.size or len(old) >= 4
            there[new.object_id] = new
            copied[new.object_id] = 1 + max(copied.pop(one.object_id) for one in old)
    assert groups(there.values()) == []
    # at most once for the space, and then once for each doubling
    assert max(copied.values(), default=0) <= 1 + PACK_SIZE_LIMIT.bit_length()


def test_a_sparse_pack_is_written_anew_alone() -> None:
    sparse, full = a_pack(1, 4 * MIB, MIB + MIB // 2, 40), a_pack(2, 4 * MIB, 3 * MIB, 40)
    (group,) = groups([sparse, full])
    assert group.object_ids == (sparse.object_id,)
    assert group.freed == 4 * MIB - padme(MIB + MIB // 2)


def test_small_packs_fill_one_and_a_few_are_left_alone() -> None:
    small = [a_pack(number, 2_048, 2_000) for number in range(300)]
    assert groups(small[:3]) == []
    (group,) = groups(small)
    assert len(group.object_ids) == 300


def test_a_pack_of_which_nothing_is_kept_is_buried_and_not_copied() -> None:
    assert groups([a_pack(number, MIB, 0, 0) for number in range(9)]) == []


def test_a_large_pack_is_not_copied_for_the_sake_of_three_small_ones() -> None:
    large, tiny = a_pack(0, SMALL_BYTES, SMALL_BYTES), [a_pack(n, 1_000, 1_000) for n in range(1, 5)]
    assert groups([large, *tiny[:3]]) == []
    (group,) = groups([large, *tiny])
    assert set(group.object_ids) == {one.object_id for one in tiny}


def test_what_frees_most_comes_first() -> None:
    packs = [a_pack(n, n * MIB, n * MIB // 4, MOST_FILES) for n in (2, 4, 3)]
    assert [each.size for each in groups(packs)] == [4 * MIB, 3 * MIB, 2 * MIB]


@given(st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 10**9)), min_size=1, max_size=50))
def test_no_more_than_the_allowance_is_moved_but_for_the_last_piece(steps: list[tuple[float, int]]) -> None:
    budget, now, moved, largest = Budget.a_day(24 * 10**9), 0.0, 0, 0
    for pause, size in steps:
        now += pause
        now += budget.wait(now)
        assert budget.wait(now) == 0
        budget.spend(size, now)
        moved, largest = moved + size, max(largest, size)
        assert moved <= 10**9 + now * budget.rate + largest + 1


def test_a_clock_that_stands_still_gives_nothing_and_no_rate_is_no_limit() -> None:
    budget = Budget.a_day(24)
    budget.spend(1_000, 5.0)
    assert budget.wait(5.0) > 0
    assert budget.wait(5.0 + 1_000 * DAY / 24) == 0
    free = Budget(0, 0)
    free.spend(10**12, 1.0)
    assert free.wait(1.0) == 0


MEMBERS = [bytes([number]) * 32 for number in range(1, 13)]


def homes(capacities: Iterable[int], factor: float = 1.0) -> dict[bytes, Candidate]:
    return {
        owner: Candidate(owner, int(each * factor) + 1, 1.0)
        for owner, each in zip(MEMBERS, capacities, strict=False)
    }


def survived(held: Iterable[bytes | None], k: int) -> int:
    return promise.survives(promise.count_by_device(held).values(), k)


def settle(
    object_id: bytes,
    code: Code,
    held: list[bytes | None],
    weights: dict[bytes, Candidate],
    ready: set[bytes],
    subtrees: Sequence[frozenset[bytes]] = (),
) -> int:
    """Moves until nothing pays any more; returns how often. No step may lower what is survived."""
    for count in range(100):
        move = next_move(object_id, code, held, weights, ready, subtrees)
        if move is None:
            return count
        before, crowd = survived(held, code.k), placement.crowding(held, code, subtrees)
        assert held[move.index] == move.source
        assert move.target in ready
        assert move.target not in held
        held[move.index] = move.target
        assert survived(held, code.k) >= before
        if not move.urgent:
            assert placement.crowding(held, code, subtrees) <= crowd
    raise AssertionError("it comes to no end")


@given(
    st.binary(min_size=16, max_size=16),
    st.lists(st.integers(1, 10**6), min_size=3, max_size=12),
    st.data(),
)
def test_spreading_ends_with_each_fragment_at_another_member(
    object_id: bytes, capacities: list[int], data: st.DataObject
) -> None:
    weights = homes(capacities)
    members = list(weights)
    m = data.draw(st.integers(1, len(members)))
    code = Code(data.draw(st.integers(1, m)), m)
    held = data.draw(st.lists(st.sampled_from([*members, None]), min_size=m, max_size=m))
    ready = data.draw(st.sets(st.sampled_from(members)))
    subtrees = (data.draw(st.frozensets(st.sampled_from(members))),)
    settle(object_id, code, held, weights, ready, subtrees)
    counts = promise.count_by_device(held)
    if any(count > 1 for count in counts.values()):
        assert ready <= counts.keys()  # whoever could take one has one
    if placement.crowding(held, code, subtrees):
        assert ready - subtrees[0] <= counts.keys()
    assert settle(object_id, code, held, weights, ready, subtrees) == 0


@given(
    st.binary(min_size=16, max_size=16),
    st.lists(st.integers(1, 10**6), min_size=2, max_size=12),
    st.data(),
)
def test_a_member_that_goes_is_left_step_by_step_and_no_step_survives_less(
    object_id: bytes, capacities: list[int], data: st.DataObject
) -> None:
    weights = homes(capacities)
    going, *members = weights
    m = data.draw(st.integers(1, len(members) + 1))
    code = Code(data.draw(st.integers(1, m)), m)
    held = data.draw(st.lists(st.sampled_from([going, *members, None]), min_size=m, max_size=m))
    candidates = [weights[each] for each in members]
    subtrees = (data.draw(st.frozensets(st.sampled_from(members))),)
    free = set(members) - set(held)
    while move := next_leaving(object_id, code, held, going, candidates, Promise(1), subtrees):
        before = survived(held, code.k)
        assert (move.source, held[move.index]) == (going, going)
        held[move.index] = move.target
        assert survived(held, code.k) >= before
    assert going not in held or not free - set(held)  # it stays only where nobody has a place of its own


@given(
    st.binary(min_size=16, max_size=16),
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(0.51, 1.0)), min_size=3, max_size=12),
    st.data(),
)
def test_nothing_goes_to_and_fro_while_weights_stay_within_a_factor_of_two(
    object_id: bytes, capacities: list[tuple[int, float]], data: st.DataObject
) -> None:
    one = {o: Candidate(o, 1000 * c, 1.0) for o, (c, _) in zip(MEMBERS, capacities, strict=False)}
    two = {o: Candidate(o, int(1000 * c * f), 1.0) for o, (c, f) in zip(MEMBERS, capacities, strict=False)}
    m = data.draw(st.integers(1, len(one)))
    held: list[bytes | None] = list(data.draw(st.permutations(list(one)))[:m])
    for weights in (one, two) * 3:
        settle(object_id, Code(1, m), held, weights, set(one))
    assert [settle(object_id, Code(1, m), held, weights, set(one)) for weights in (two, one)] == [0, 0]


@given(st.integers(13, 400), st.integers(1, 8))
def test_a_newcomer_gets_about_its_share_and_nobody_elses_place_changes(objects: int, m: int) -> None:
    old, everybody = homes([10**6] * 11), homes([10**6] * 12)
    newcomer, moved = MEMBERS[11], 0
    for number in range(objects):
        object_id = number.to_bytes(16)
        held: list[bytes | None] = list(placement.ranked(object_id, old.values())[:m])
        before = list(held)
        settle(object_id, Code(1, m), held, everybody, set(everybody))
        changed = [new for was, new in zip(before, held, strict=True) if was != new]
        assert changed in ([], [newcomer])
        moved += len(changed)
    assert moved <= objects * m / 12 + 4 * (objects * m / 12) ** 0.5 + 4


@given(st.integers(1, 70_000), st.integers(1, 40), st.integers(1, 40))
def test_a_new_epoch_is_higher_and_tells_codes_apart(epoch: int, k: int, m: int) -> None:
    code = Code(min(k, m), max(k, m))
    new = next_epoch(epoch, code)
    assert epoch < new < 2**32
    assert next_epoch(epoch, Code(code.k, code.m + 1)) != new
    assert next_epoch(new, code) > new
