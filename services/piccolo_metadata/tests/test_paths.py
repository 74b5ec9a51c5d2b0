from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.paths import NAME_BYTES, PATH_BYTES, Path, fold

WORDS = [
    "a",
    "Straße",
    "naïve",
    "日本語",
    "Ελληνικά",
    "русский",
    "עברית",
    "العربية",
    "हिन्दी",
    "😀🎉",
    "ไทย",
    "한국어",
]


@st.composite
def names(draw: st.DrawFn) -> str:
    text = draw(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40)
    )
    return text if text not in {".", ".."} else text + "x"


@given(st.lists(names(), max_size=6))
def test_a_path_is_normalised_once_and_for_all(parts: list[str]) -> None:
    path = Path.parse("/" + "/".join(parts))
    assert path.parts == tuple(unicodedata.normalize("NFC", part) for part in parts)
    assert Path.parse(str(path)) == path
    assert path.size == len(str(path).encode())


@pytest.mark.parametrize("word", WORDS)
def test_composed_and_decomposed_spellings_are_one_name(word: str) -> None:
    assert Path.parse("/" + unicodedata.normalize("NFD", word)) == Path.parse("/" + word)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a/b",
        "//",
        "/a//b",
        "/a/",
        "/.",
        "/..",
        "/a/../b",
        "/a/./b",
        "/a\0b",
        "/\ud800",
        "/\0",
        "./a",
        "\\a",
    ],
)
def test_what_is_no_path_is_refused_in_words(text: str) -> None:
    with pytest.raises(PiccoloError, match="path cannot be used") as refused:
        Path.parse(text)
    assert refused.value.reason == "PATH_INVALID"


def test_names_and_paths_end_at_their_limits() -> None:
    assert Path.parse("/" + "é" * (NAME_BYTES // 2)).size == NAME_BYTES
    with pytest.raises(PiccoloError, match="255 bytes"):
        Path.parse("/" + "é" * (NAME_BYTES // 2 + 1))
    longest = "/" + "/".join(["x" * 255] * 16)
    assert len(longest.encode()) == PATH_BYTES
    assert str(Path.parse(longest)) == longest
    with pytest.raises(PiccoloError) as refused:
        Path.parse(longest[:-2] + "yz!")
    assert refused.value.reason in {"PATH_TOO_LONG", "PATH_INVALID"}
    with pytest.raises(PiccoloError) as refused:
        Path.parse("/a" * 2049)
    assert refused.value.reason == "PATH_TOO_LONG"


def test_the_limit_holds_after_normalising() -> None:
    # U+FB2C becomes three characters in NFC: a name that grows beyond the limit is refused
    with pytest.raises(PiccoloError, match="255 bytes"):
        Path.parse("/" + "\ufb2c" * 80)


@given(st.lists(st.lists(names(), max_size=4), min_size=2, max_size=2))
def test_path_order_is_that_of_the_names_bytes(pair: list[list[str]]) -> None:
    left, right = (Path.parse("/" + "/".join(parts)) for parts in pair)
    encoded = [tuple(part.encode() for part in path.parts) for path in (left, right)]
    assert (left < right) == (encoded[0] < encoded[1])


def test_within_is_by_names_not_by_letters() -> None:
    assert Path.parse("/a/b").within(Path.parse("/a"))
    assert Path.parse("/a").within(Path.parse("/a"))
    assert Path.parse("/a").within(Path())
    assert not Path.parse("/ab").within(Path.parse("/a"))
    assert not Path.parse("/a").within(Path.parse("/a/b"))


def test_the_root_and_its_neighbours() -> None:
    root = Path.parse("/")
    assert (str(root), root.name, root.parent, root.size) == ("/", "", root, 1)
    assert (root / "a").parent == root
    assert str(root / "a" / "b") == "/a/b"


def test_folding_forgets_case_in_every_script() -> None:
    assert fold("STRASSE") == fold("straße")
    assert fold("ΣΊΣΥΦΟΣ") == fold("σίσυφος")
    assert fold("ÉCOLE") == fold("e\u0301cole")
