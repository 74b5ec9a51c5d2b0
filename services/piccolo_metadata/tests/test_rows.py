from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_metadata.core.rows import Touched, row_digest

CELLS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=9), st.binary(max_size=9))
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["entry", "version"]),
        st.lists(CELLS, min_size=1, max_size=2).map(tuple),
        st.none() | st.lists(CELLS, max_size=4).map(tuple),
    ),
    max_size=8,
)


@given(ROWS, st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows: list[Touched], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert row_digest(shuffled) == row_digest(rows)


ROW: Touched = ("entry", (1,), (1, "a", b"x"))


@pytest.mark.parametrize(
    "other",
    [
        ("version", (1,), (1, "a", b"x")),
        ("entry", (2,), (1, "a", b"x")),
        ("entry", (1,), (1, "a")),
        ("entry", (1,), (1, "a", b"x", None)),
        ("entry", (1,), (1, "a", "x")),
        ("entry", (1,), None),
    ],
)
def test_any_difference_in_a_row_shows(other: Touched) -> None:
    assert row_digest([other]) != row_digest([ROW])


def test_a_missing_row_shows() -> None:
    assert row_digest([]) != row_digest([ROW])
