from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import Key, Place, State

keys = st.builds(Key, st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
places = st.one_of(
    st.sampled_from([State.INCOMING, State.PROVISIONAL, State.LIVE]).map(Place),
    st.builds(Place, st.just(State.TRASH), st.integers(0, 99_999)),
)


@given(keys, places, st.booleans())
def test_a_name_says_what_it_was_made_of(key: Key, place: Place, record: bool) -> None:
    path = layout.record_path(key, place) if record else layout.path(key, place)
    assert layout.parse(path) == (key, place, record)
    assert path.startswith(layout.folder(key, place) + "/")


def test_the_names_are_those_of_the_format() -> None:
    key = Key(bytes(32), bytes.fromhex("ab" + "00" * 15))
    owner, fragment = "00" * 32, "ab" + "00" * 15
    assert layout.path(key, Place(State.INCOMING)) == f"incoming/{owner}/{fragment}"
    assert layout.path(key, Place(State.PROVISIONAL)) == f"provisional/{owner}/ab/{fragment}"
    assert layout.record_path(key, Place(State.LIVE)) == f"live/{owner}/ab/{fragment}.record"
    assert layout.path(key, Place(State.TRASH, 7)) == f"trash/7/{owner}/{fragment}"


@pytest.mark.parametrize(
    "path",
    [
        "live/README",
        f"live/{'00' * 32}/ab/{'cd' * 16}",
        f"live/{'00' * 32}/{'cd' * 16}",
        f"live/{'0A' * 32}/cd/{'cd' * 16}",
        f"trash/07/{'00' * 32}/{'cd' * 16}",
        f"trash/{'00' * 32}/{'cd' * 16}",
        f"incoming/{'00' * 32}/{'cd' * 16}.new",
        f"incoming/{'00' * 32}/{'cd' * 16}/x",
        "",
    ],
)
def test_other_names_say_nothing(path: str) -> None:
    assert layout.parse(path) is None
