"""The rules of objects' later life: what is compacted, how much is moved a day."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats.segments import padme
from piccolo_formats.stripes import PACK_SIZE_LIMIT

from piccolo_vault.core.storage.budget import DAY, Budget
from piccolo_vault.core.storage.compaction import SMALL_BYTES, groups
from piccolo_vault.core.storage.packing import MOST_FILES

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
