"""What clients note about entries stays with them, whatever befalls their names."""

from __future__ import annotations

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.entries import Property
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import copying, files, properties, trash
from piccolo_metadata.tests.builders import Bench, a_file, run


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.publish(a_file("/d/a", 1))
    note(made, "/d", "colour", "blue")
    note(made, "/d/a", "author", "Ana")
    return made


def note(bench: Bench, path: str, name: str, value: str) -> None:
    bench.do(properties.patch, Path.parse(path), [Property(name, value)], [])


def noted(bench: Bench, path: str) -> dict[str, str]:
    entry = bench.now(files.stat, Path.parse(path), noted=True)
    return {one.name: one.value for one in entry.properties}


def everywhere(bench: Bench) -> dict[str, dict[str, str]]:
    page = bench.now(files.listing_below, Path(), (), 100, noted=True)
    return {str(one.path): {each.name: each.value for each in one.properties} for one in page.items}


def test_they_are_noted_replaced_and_forgotten(bench: Bench) -> None:
    note(bench, "/d/a", "author", "Bo")
    note(bench, "/d/a", "z", "")
    assert noted(bench, "/d/a") == {"author": "Bo", "z": ""}
    entry = bench.do(properties.patch, Path.parse("/d/a"), [Property("y", "1")], ["author", "never"])
    assert entry.properties == (Property("y", "1"), Property("z", ""))
    assert noted(bench, "/d/a") == {"y": "1", "z": ""}


def test_they_are_told_only_where_they_are_asked_for(bench: Bench) -> None:
    assert bench.now(files.stat, Path.parse("/d/a")).properties == ()
    level = bench.now(files.listing, Path.parse("/d"), "", 10).items
    assert [one.properties for one in level] == [()]
    level = bench.now(files.listing, Path.parse("/d"), "", 10, noted=True).items
    assert [one.properties for one in level] == [(Property("author", "Ana"),)]


def test_they_do_not_change_what_clients_saw(bench: Bench) -> None:
    before = bench.now(files.stat, Path.parse("/d/a"))
    note(bench, "/d/a", "author", "Bo")
    assert bench.now(files.stat, Path.parse("/d/a")) == before


def test_they_follow_a_new_version_and_a_new_name(bench: Bench) -> None:
    bench.publish(a_file("/d/a", 2))
    bench.do(files.move, Path.parse("/d"), Path.parse("/e/f"), overwrite=False, expected=None)
    assert everywhere(bench) == {"/e": {}, "/e/f": {"colour": "blue"}, "/e/f/a": {"author": "Ana"}}


@pytest.mark.parametrize("shallow", [True, False])
def test_a_copy_has_its_own(bench: Bench, shallow: bool) -> None:
    run(copying.copy(bench, Path.parse("/d"), Path.parse("/e"), overwrite=False, shallow=shallow))
    note(bench, "/d", "colour", "red")
    copied = {"/e": {"colour": "blue"}} | ({} if shallow else {"/e/a": {"author": "Ana"}})
    assert everywhere(bench) == {"/d": {"colour": "red"}, "/d/a": {"author": "Ana"}} | copied


def test_what_replaces_brings_its_own(bench: Bench) -> None:
    bench.publish(a_file("/b", 2))
    note(bench, "/b", "author", "Bo")
    run(copying.copy(bench, Path.parse("/b"), Path.parse("/d"), overwrite=False, replace=True))
    assert everywhere(bench) == {"/b": {"author": "Bo"}, "/d": {"author": "Bo"}}


def test_they_wait_in_the_trash_and_end_with_the_entry(bench: Bench) -> None:
    _, trash_id = bench.do(files.remove, Path.parse("/d"), recursive=True, expected=None, doomed=False)
    bench.do(files.make_directory, Path.parse("/d"))
    assert noted(bench, "/d") == {}
    bench.do(trash.restore, trash_id, Path.parse("/back"))
    assert noted(bench, "/back/a") == {"author": "Ana"}
    bench.do(files.remove, Path.parse("/back"), recursive=True, expected=None, doomed=True)
    run(trash.take_apart(bench))
    assert bench.rows("SELECT * FROM property") == []


def test_an_entry_has_so_many_bytes_of_them_and_no_more(bench: Bench) -> None:
    half = properties.MOST_BYTES // 2
    note(bench, "/d/a", "author", "x" * (half - 6))
    note(bench, "/d/a", "b", "x" * (half - 1))
    with pytest.raises(PiccoloError) as refused:
        note(bench, "/d/a", "c", "")
    assert refused.value.reason == "PROPERTIES_TOO_LARGE"
    assert set(noted(bench, "/d/a")) == {"author", "b"}


def test_a_page_of_entries_with_many_of_them_stays_small() -> None:
    bench = Bench()
    for number in range(20):
        bench.publish(a_file(f"/{number:02}", number))
        for name in "ab":
            note(bench, f"/{number:02}", name, "x" * 60_000)
    page = bench.now(files.listing, Path(), "", 100, noted=True)
    assert page.more
    assert 0 < len(page.items) < 20
    assert not bench.now(files.listing, Path(), "", 100).more


def test_nothing_is_noted_about_nothing(bench: Bench) -> None:
    with pytest.raises(PiccoloError) as refused:
        note(bench, "/none", "a", "b")
    assert refused.value.reason == "ENTRY_NOT_FOUND"


def test_a_directory_may_have_to_be_new(bench: Bench) -> None:
    bench.do(files.make_directory, Path.parse("/new"), exclusive=True)
    with pytest.raises(PiccoloError) as refused:
        bench.do(files.make_directory, Path.parse("/new"), exclusive=True)
    assert refused.value.reason == "ENTRY_EXISTS"
