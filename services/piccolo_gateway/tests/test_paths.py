"""Names in addresses: every script, every escape, and what is no name."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import paths

_NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: name not in {".", ".."} and len(name.encode()) <= 240)


@given(st.lists(_NAMES, min_size=1, max_size=8))
def test_every_name_comes_through_an_address(names: list[str]) -> None:
    path = "/" + "/".join(names)
    assert paths.from_address(paths.to_address(path)) == path
    assert paths.from_address("/" + paths.to_address(path)) == path


@given(_NAMES)
def test_escaping_more_than_needed_changes_nothing(name: str) -> None:
    everything = "".join(f"%{byte:02x}" for byte in name.encode())
    assert paths.from_address(everything) == "/" + name


@pytest.mark.parametrize(
    "name",
    [
        "ångström",
        "Ελλάδα",
        "Россия",
        "日本語",
        "العربية",
        "हिन्दी",
        "👩‍🚀",
        "עברית",
        "a b",
        "a+b",
        "100%",
        "?",
        "#",
        "\\",
        "\n",
        "é",
    ],
)
def test_names_of_every_script(name: str) -> None:
    assert paths.from_address("a/" + quote(name, safe="")) == f"/a/{name}"


@pytest.mark.parametrize(
    "tail",
    [
        "a//b",
        "a/",
        "//a",
        ".",
        "..",
        "a/../b",
        "a/%2e%2e/b",
        "%2E",
        "a%2Fb",
        "%2f",
        "a%00b",
        "%ff",
        "a/%c3",
        "%ed%a0%80",
        "%c0%af",
        "x" * 256,
        "%e6%97%a5" * 86,
    ],
)
def test_what_is_no_path(tail: str) -> None:
    with pytest.raises(PiccoloError) as refused:
        paths.from_address(tail)
    assert refused.value.kind is Kind.INVALID
    assert refused.value.reason == "PATH_INVALID"


def test_the_longest_path() -> None:
    longest = "/".join(["x" * 255] * 16)
    assert len(paths.from_address(longest[:-1])) == 4095
    with pytest.raises(PiccoloError, match="4096 bytes"):
        paths.from_address(longest + "/y")


def test_lengths_count_in_composed_form() -> None:
    decomposed = "e\u0301" * 127  # 381 bytes as sent, 254 as kept
    assert paths.from_address(quote(decomposed)) == "/" + decomposed


def test_nothing_is_the_root() -> None:
    assert paths.from_address("") == paths.from_address("/") == "/"


def test_a_path_in_a_body_is_checked_too() -> None:
    assert paths.check("/") == "/"
    for bad in ("", "a", "/a/../b", "/\ud800", "/a/"):
        with pytest.raises(PiccoloError):
            paths.check(bad)
