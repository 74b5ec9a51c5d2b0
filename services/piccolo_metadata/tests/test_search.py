"""Names of every script, stored, listed and found by any part of them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piccolo_metadata.core.paths import Path, fold
from piccolo_metadata.engine import files, search
from piccolo_metadata.tests.builders import Bench, a_file
from piccolo_metadata.tests.test_paths import WORDS, names

LAST = "\U0010ffff"
ODD = ['"', "a\"b'c", "*", "-x", "AND", "a\x01\x01", "%_", LAST, f"a{LAST}b", f"a{3 * LAST}", "..x", " "]
STRANGE = ["\n", "\ufffe", "a\uffff", "\ufffdb", "\ufdd0\U0001fffe", "ab\ufffec\uffff"]


@pytest.fixture
def by_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search asks the index, as if there were too much to walk."""
    monkeypatch.setattr(search, "_SHORT_WALK", 0)


def found(bench: Bench, query: str) -> list[str]:
    return [str(entry.path) for entry in bench.now(search.search, query, Path(), None, 100).items]


@pytest.mark.usefixtures("by_index")
@pytest.mark.parametrize("word", [*WORDS, *ODD, *STRANGE])
def test_every_part_of_a_name_leads_to_it(word: str) -> None:
    bench = Bench()
    bench.publish(a_file(f"/{word}", 1))
    bench.publish(a_file("/somewhere/else", 2))
    path = "/" + unicodedata.normalize("NFC", word)
    assert str(bench.now(files.stat, Path.parse("/" + unicodedata.normalize("NFD", word))).path) == path
    for start in range(len(word)):
        for end in range(start + 1, len(word) + 1):
            part = word[start:end]
            if fold(part) in fold(word):
                assert path in found(bench, part)
                assert path in found(bench, unicodedata.normalize("NFD", part.upper()))


@given(st.lists(names(), max_size=12, unique=True), names(), st.data())
@settings(max_examples=60)
def test_the_index_and_a_walk_find_the_same(words: list[str], other: str, data: st.DataObject) -> None:
    bench = Bench()
    for number, word in enumerate(words):
        bench.publish(a_file(f"/{number}/{word}", number))
    source = data.draw(st.sampled_from([*words, other]))
    start = data.draw(st.integers(0, len(source) - 1))
    query = source[start : start + data.draw(st.integers(1, 4))]
    walked = found(bench, query)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_SHORT_WALK", 0)
        assert found(bench, query) == walked
    bench.close()


def test_more_than_the_index_gives_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_SHORT_WALK", 3)
    monkeypatch.setattr(search, "_RARE", 5)
    bench = Bench()
    for number in range(9):
        bench.publish(a_file(f"/{number}/note", number))
    assert found(bench, "note") == [f"/{number}/note" for number in range(9)]
