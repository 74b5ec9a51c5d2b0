from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_metadata.core.margins import margin

KEEPERS = st.lists(st.sampled_from([b"a", b"b", b"c", b"d", None]), min_size=1, max_size=8)


def brute_force(k: int, keepers: list[bytes | None], missing: set[int]) -> int:
    held = [keeper for index, keeper in enumerate(keepers) if keeper and index not in missing]
    devices = sorted(set(held))
    for lost in range(len(devices) + 1):
        for gone in combinations(devices, lost):
            if sum(keeper not in gone for keeper in held) < k:
                return lost - 1
    return len(devices)


@given(st.integers(1, 8), KEEPERS, st.sets(st.integers(0, 7)))
def test_the_margin_is_what_trying_out_says(k: int, keepers: list[bytes | None], missing: set[int]) -> None:
    assert margin(k, keepers, missing) == brute_force(k, keepers, missing)


@pytest.mark.parametrize(("k", "m", "expected"), [(5, 9, 4), (2, 4, 2), (1, 1, 0), (20, 30, 10)])
def test_a_whole_object_survives_m_less_k(k: int, m: int, expected: int) -> None:
    assert margin(k, [bytes([index]) for index in range(m)], ()) == expected
