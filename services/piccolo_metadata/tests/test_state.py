from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.engine import state
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.tests.builders import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def put(bench: Bench, key: str, value: bytes, revision: int | None = None) -> int:
    values = [StateValue(key, value, revision or 0)]
    return bench.do(state.put, "vault", values, [], check=revision is not None)


def test_a_value_is_kept_by_namespace(bench: Bench) -> None:
    revision = put(bench, "k", b"")
    assert bench.now(state.get, "vault", "k") == StateValue("k", b"", revision)
    with pytest.raises(PiccoloError) as refused:
        bench.now(state.get, "gateway", "k")
    assert refused.value.reason == "STATE_NOT_FOUND"


def test_a_value_is_written_over_the_revision_that_was_seen(bench: Bench) -> None:
    first = put(bench, "k", b"1", 0)
    for stale in (0, first + 1):
        with pytest.raises(PiccoloError) as refused:
            put(bench, "k", b"x", stale)
        assert refused.value.reason == "REVISION_CONFLICT"
        assert refused.value.details["revision"] == str(first)
    second = put(bench, "k", b"2", first)
    assert second > first
    assert bench.now(state.get, "vault", "k").value == b"2"


def test_several_values_are_written_together_or_not_at_all(bench: Bench) -> None:
    put(bench, "old", b"old")
    values = [StateValue("new", b"new", 0), StateValue("old", b"newer", 999)]
    with pytest.raises(PiccoloError):
        bench.do(state.put, "vault", values, [], check=True)
    assert [one.key for one in bench.now(state.listing, "vault", "", "", 10).items] == ["old"]
    revision = bench.do(state.put, "vault", values, [], check=False)
    assert {one.revision for one in bench.now(state.listing, "vault", "", "", 10).items} == {revision}


def test_keys_are_removed_and_a_key_twice_is_refused(bench: Bench) -> None:
    put(bench, "a", b"1")
    bench.do(state.put, "vault", [StateValue("b", b"2", 0)], ["a", "never"], check=False)
    assert [one.key for one in bench.now(state.listing, "vault", "", "", 10).items] == ["b"]
    with pytest.raises(PiccoloError) as refused:
        bench.do(state.put, "vault", [StateValue("b", b"2", 0)], ["b"], check=False)
    assert refused.value.reason == "STATE_TWICE"


@given(
    st.sets(st.text("aä%_*[\U0010ffff", min_size=1, max_size=4)),
    st.text("aä%_*", max_size=2),
    st.integers(1, 3),
)
def test_a_prefix_is_taken_literally_and_pages_are_whole(keys: set[str], prefix: str, most: int) -> None:
    bench = Bench()
    bench.do(state.put, "n", [StateValue(key, b"", 0) for key in keys], [], check=False)
    bench.do(state.put, "other", [StateValue(prefix + "x", b"", 0)], [], check=False)
    found: list[str] = []
    more = True
    while more:
        page = bench.now(state.listing, "n", prefix, found[-1] if found else "", most)
        found += [one.key for one in page.items]
        more = page.more
    bench.close()
    assert found == sorted(key for key in keys if key.startswith(prefix))
