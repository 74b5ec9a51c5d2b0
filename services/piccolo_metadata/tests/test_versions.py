from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piccolo_metadata.core.versions import Kept, prunable

DAY = 86_400


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Kept], int]:
    gaps = draw(st.lists(st.integers(0, 60 * DAY), max_size=30))
    age = 0
    kept = []
    for number, gap in enumerate(gaps, 1):
        age += gap
        kept.append(Kept(number, age))
    kept.append(Kept(len(gaps) + 1, None))
    return draw(st.permutations(kept)), age + draw(st.integers(0, 90 * DAY))


@given(histories(), st.integers(1, 15), st.integers(0, 60))
def test_what_goes_is_old_and_beyond_the_kept_ones(
    history: tuple[list[Kept], int], keep: int, days: int
) -> None:
    versions, age = history
    gone = prunable(versions, keep=keep, min_age=days * DAY, age=age)
    by_number = {version.number: version for version in versions}
    newest = sorted(by_number, reverse=True)
    for number in gone:
        replaced = by_number[number].replaced
        assert replaced is not None
        assert age - replaced >= days * DAY
        assert newest.index(number) >= keep
    for number in set(by_number) - set(gone):
        replaced = by_number[number].replaced
        assert newest.index(number) < keep or replaced is None or age - replaced < days * DAY
    assert gone == sorted(gone)


@given(histories(), st.integers(1, 15))
def test_pruning_again_finds_nothing(history: tuple[list[Kept], int], keep: int) -> None:
    versions, age = history
    gone = set(prunable(versions, keep=keep, min_age=30 * DAY, age=age))
    rest = [version for version in versions if version.number not in gone]
    assert prunable(rest, keep=keep, min_age=30 * DAY, age=age) == []


def test_many_quick_writes_do_not_push_out_what_was_good_yesterday() -> None:
    long_current = Kept(1, 1_000 * DAY)  # it was current for years, until a day ago
    noise = [Kept(number, 1_000 * DAY + number) for number in range(2, 50)]
    versions = [long_current, *noise, Kept(50, None)]
    assert prunable(versions, keep=10, min_age=30 * DAY, age=1_001 * DAY) == []


def test_the_current_version_stays_even_when_nothing_is_to_be_kept() -> None:
    assert prunable([Kept(1, None)], keep=0, min_age=0, age=10**9) == []
