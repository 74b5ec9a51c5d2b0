"""What a release says of itself."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.core.manifest import (
    Manifest,
    check_data,
    check_way_back,
    decode,
    encode,
    is_newer,
    staged,
)

HASH = "0123456789abcdef" * 4
NUMBERS = st.lists(st.integers(0, 999_999_999), min_size=1, max_size=4)


def release(version: str = "1.2", **other: Any) -> Manifest:
    told: dict[str, Any] = {"channel": "stable", "roothash": HASH, "sbom": HASH}
    told |= {
        "data_formats": {"vault": 1, "metadata": 2},
        "data_written": {"vault": 1, "metadata": 4},
        **other,
    }
    return Manifest(
        format=1,
        version=version,
        pcrs={"11": HASH},
        sizes={"root": 200 << 20, "verity": 2 << 20, "uki": 40 << 20},
        **told,
    )


def test_a_manifest_comes_back_the_same() -> None:
    assert decode(encode(release())) == release()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "1.x"),
        ("version", "../1"),
        ("version", ""),
        ("channel", "st/able"),
        ("roothash", "0" * 63),
        ("roothash", "Z" * 64),
        ("sbom", ""),
    ],
)
def test_a_manifest_that_says_something_odd_is_refused(field: str, value: str) -> None:
    odd = release(**{field: value})
    with pytest.raises(PiccoloError) as refused:
        decode(encode(odd))
    assert refused.value.reason == "RELEASE_UNREADABLE"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_are_refused(data: bytes) -> None:
    with suppress(PiccoloError):
        assert decode(encode(decode(data))) == decode(data)


def test_a_release_opens_what_the_next_one_will_write() -> None:
    ahead = release(data_newest={"metadata": 5})
    check_data(ahead, {"vault": 1, "metadata": 5})
    with pytest.raises(PiccoloError, match="the release opens 5 and older"):
        check_data(ahead, {"metadata": 6})


def test_a_release_is_taken_when_what_runs_opens_all_that_it_writes() -> None:
    check_way_back(release(), {"vault": 1, "metadata": 4})
    check_way_back(release(), {"vault": 2})
    with pytest.raises(PiccoloError, match=r"metadata would write format 4, .* opens 3") as refused:
        check_way_back(release(), {"vault": 1, "metadata": 3})
    assert (refused.value.kind, refused.value.reason) == (Kind.PRECONDITION, "NO_WAY_BACK")


@pytest.mark.parametrize("found", [2, 3, 4])
def test_a_release_opens_what_lies_between_its_oldest_and_what_it_writes(found: int) -> None:
    check_data(release(), {"vault": 1, "metadata": found})
    check_data(release(), {})


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (
            {"metadata": 1},
            "metadata has written format 1, and the release opens 2 and newer",
        ),
        (
            {"metadata": 5},
            "metadata has written format 5, and the release opens 4 and older",
        ),
        ({"vault": 1, "gateway": 1}, "gateway has written format 1, and the release says of no format"),
    ],
)
def test_a_release_that_could_not_open_the_data_is_refused(kept: dict[str, int], words: str) -> None:
    with pytest.raises(PiccoloError, match=words) as refused:
        check_data(release(), kept)
    assert (refused.value.kind, refused.value.reason) == (Kind.PRECONDITION, "DATA_FORMAT")


def test_a_manifest_of_before_says_of_no_format_that_it_opens_it() -> None:
    before = json.loads(encode(release()))
    before |= {"data_formats": {}}
    del before["data_written"]
    with pytest.raises(PiccoloError, match="says of no format"):
        check_data(decode(json.dumps(before).encode()), {"vault": 1})


def test_slots_are_found_by_the_halves_of_the_root_hash() -> None:
    assert staged(release()) == {
        "root": "piccolo_1.2_01234567-89ab-cdef-0123-456789abcdef.root",
        "verity": "piccolo_1.2_01234567-89ab-cdef-0123-456789abcdef.verity",
        "uki": "piccolo_1.2.efi",
    }


@given(NUMBERS, NUMBERS)
def test_versions_are_compared_number_by_number(one: list[int], other: list[int]) -> None:
    def text(numbers: list[int]) -> str:
        return ".".join(map(str, numbers))

    assert is_newer(text(one), text(other)) == (one > other)
