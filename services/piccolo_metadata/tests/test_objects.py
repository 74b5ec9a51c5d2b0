from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.objects import ObjectKind, Repair, StoredObject
from piccolo_metadata.core.pages import Page
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import (
    files,
    history,
    numbers,
    objects,
    publishing,
    repairs,
    tombstones,
    trash,
)
from piccolo_metadata.tests.builders import KEEPERS, Bench, a_file, a_layout, an_id, an_intent


@pytest.fixture
def bench() -> Bench:
    return Bench()


def object_of(bench: Bench, path: str) -> StoredObject:
    return bench.now(objects.manifest, Path.parse(path), b"").object


def ids(page: Page[StoredObject]) -> list[bytes]:
    return [one.object_id for one in page.items]


def test_a_layout_is_replaced_by_who_has_seen_the_present_one(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    old = object_of(bench, "/a")
    new = replace(old, layout=a_layout(old.object_id, seq=2), missing=(1,), sealed_layout_key=b"new")
    bench.do(objects.update, new, old.layout)
    assert bench.now(objects.get, old.object_id) == new
    with pytest.raises(PiccoloError) as refused:
        bench.do(objects.update, replace(old, layout=a_layout(old.object_id, seq=3)), old.layout)
    assert refused.value.reason == "LAYOUT_CONFLICT"
    assert bench.now(objects.get, old.object_id) == new


def test_a_layout_of_another_object_is_refused(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    old = object_of(bench, "/a")
    with pytest.raises(PiccoloError) as refused:
        bench.do(objects.update, replace(old, layout=a_layout(an_id("other"))), old.layout)
    assert refused.value.reason == "LAYOUT_INVALID"


def test_objects_are_listed_by_keeper_in_pages(bench: Bench) -> None:
    placed = {}
    for number in range(20):
        intent = an_intent(a_file(f"/{number}", number))
        keepers = KEEPERS if number % 2 else (None, *KEEPERS[1:])
        layout = a_layout(intent.object.object_id, keepers=keepers)
        bench.do(publishing.prepare, replace(intent, object=replace(intent.object, layout=layout)))
        bench.do(publishing.publish, intent.object.object_id, ())
        placed[intent.object.object_id] = keepers
    everything = sorted(placed)
    assert ids(bench.now(objects.listing, b"", b"", 100)) == everything
    assert ids(bench.now(objects.listing, KEEPERS[1], b"", 100)) == everything
    with_first = [object_id for object_id in everything if placed[object_id][0]]
    found: list[bytes] = []
    more = True
    while more:
        page = bench.now(objects.listing, KEEPERS[0], found[-1] if found else b"", 3)
        found, more = found + ids(page), page.more
    assert found == with_first


@pytest.mark.parametrize("few", [0, 20_000])
def test_objects_below_a_path_hold_a_current_version_there(
    bench: Bench, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_FEW", few)  # a large subtree is looked at the other way round
    bench.publish(a_file("/in/a", 1), a_file("/out/b", 2), kind=ObjectKind.PACK)
    bench.publish(a_file("/in/deep/c", 3))
    bench.publish(a_file("/out/d", 4))
    bench.publish(a_file("/in/old", 5))
    old = object_of(bench, "/in/old").object_id
    bench.publish(a_file("/in/old", 6))
    bench.publish(a_file("/inside/e", 7))
    wanted = {object_of(bench, path).object_id for path in ("/in/a", "/in/deep/c", "/in/old")}
    assert old not in wanted
    assert ids(bench.now(objects.listing_under, Path.parse("/in"), b"", b"", 10)) == sorted(wanted)
    assert ids(bench.now(objects.listing_under, Path.parse("/in/a"), b"", b"", 10)) == [
        object_of(bench, "/in/a").object_id
    ]
    bench.do(files.remove, Path.parse("/in/deep"), recursive=True, expected=None, doomed=False)
    wanted.remove(an_id((a_file("/in/deep/c", 3),)))
    assert ids(bench.now(objects.listing_under, Path.parse("/in"), KEEPERS[0], b"", 10)) == sorted(wanted)
    assert ids(bench.now(objects.listing_under, Path.parse("/in"), b"x" * 32, b"", 10)) == []
    assert old not in ids(bench.now(objects.listing_under, Path(), b"", b"", 10))


def test_an_objects_files_have_their_present_paths(bench: Bench) -> None:
    bench.publish(a_file("/a", 1), a_file("/b", 2), a_file("/c", 3), kind=ObjectKind.PACK)
    pack = object_of(bench, "/a").object_id
    bench.do(files.move, Path.parse("/a"), Path.parse("/x/a"), overwrite=False, expected=None)
    bench.do(files.copy_file, Path.parse("/x/a"), Path.parse("/copy"), overwrite=False)
    bench.do(files.remove, Path.parse("/b"), recursive=False, expected=None, doomed=False)
    found = {(file.version_id, file.path) for file in bench.now(objects.files_of, pack)}
    assert found == {(an_id(1), "/copy"), (an_id(1), "/x/a"), (an_id(2), ""), (an_id(3), "/c")}


def test_a_manifest_of_an_older_version_and_of_none(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    bench.publish(a_file("/a", 2))
    bench.publish(a_file("/b", 3))
    manifest = bench.now(objects.manifest, Path.parse("/a"), an_id(1))
    assert manifest.object.object_id == an_id((a_file("/a", 1),))
    assert manifest.entry.version_id == an_id(2)
    for version in (3, "unknown"):
        with pytest.raises(PiccoloError) as refused:
            bench.now(objects.manifest, Path.parse("/a"), an_id(version))
        assert refused.value.reason == "VERSION_NOT_FOUND"
    with pytest.raises(PiccoloError) as refused:
        bench.now(objects.manifest, Path(), b"")
    assert refused.value.reason == "IS_A_DIRECTORY"


def test_a_pack_is_reclaimable_when_the_last_of_its_files_is_gone(bench: Bench) -> None:
    bench.publish(a_file("/a", 1), a_file("/b", 2), kind=ObjectKind.PACK)
    bench.do(files.copy_file, Path.parse("/a"), Path.parse("/c"), overwrite=False)
    for name, gone in (("/a", False), ("/b", False), ("/c", True)):
        bench.do(files.remove, Path.parse(name), recursive=False, expected=None, doomed=True)
        while bench.do(trash.take_apart_some):
            pass
        assert bool(bench.now(objects.reclaimable, 10).items) == gone


# the repair queue


def test_an_object_is_queued_once_with_its_highest_urgency(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    object_id = object_of(bench, "/a").object_id
    bench.do(repairs.enqueue, [Repair(object_id, 3, "away", 500, 0)])
    bench.do(repairs.finish, object_id, 900)
    bench.do(repairs.enqueue, [Repair(object_id, 1, "rot", 800, 0), Repair(object_id, 2, "mild", 700, 0)])
    queue = bench.now(repairs.listing, 10, due=False)
    assert queue.repairs == [Repair(object_id, 1, "rot", 700, 1)]
    assert queue.total == 1


def test_the_most_urgent_come_first_and_only_due_ones_when_asked(bench: Bench) -> None:
    now = bench.clock.wall()
    urgency = {"/a": (2, now), "/b": (0, now + 100), "/c": (0, now), "/d": (1, now - 5)}
    for path, (margin, when) in urgency.items():
        bench.publish(a_file(path, path))
        bench.do(repairs.enqueue, [Repair(object_of(bench, path).object_id, margin, "", when, 0)])
    by_id = {object_of(bench, path).object_id: path for path in urgency}
    everything = bench.now(repairs.listing, 10, due=False)
    assert [by_id[one.object_id] for one in everything.repairs] == ["/c", "/b", "/d", "/a"]
    due = bench.now(repairs.listing, 2, due=True)
    assert [by_id[one.object_id] for one in due.repairs] == ["/c", "/d"]
    assert due.total == 4


def test_a_finished_repair_is_gone_and_an_unknown_object_is_passed_over(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    object_id = object_of(bench, "/a").object_id
    bench.do(repairs.enqueue, [Repair(object_id, 1, "", 0, 0), Repair(an_id("reclaimed"), 1, "", 0, 0)])
    for retry_at in (None, None, 5):  # whoever asks again is not told off, and brings nothing back
        bench.do(repairs.finish, object_id, retry_at)
        assert bench.now(repairs.listing, 10, due=False).total == 0


# tombstones


def test_what_a_kept_version_needs_is_not_buried(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    object_id = object_of(bench, "/a").object_id
    with pytest.raises(PiccoloError) as refused:
        bench.do(tombstones.record, b"signed", [object_id], [KEEPERS[0]])
    assert refused.value.reason == "OBJECT_IN_USE"
    bench.do(files.remove, Path.parse("/a"), recursive=False, expected=None, doomed=False)
    with pytest.raises(PiccoloError) as refused:  # it can still be restored from the trash
        bench.do(tombstones.record, b"signed", [object_id], [KEEPERS[0]])
    assert refused.value.reason == "OBJECT_IN_USE"
    assert bench.now(objects.get, object_id)
    assert bench.now(tombstones.pending, b"").items == []


def test_a_buried_object_is_forgotten_and_each_keeper_is_told(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    object_id = object_of(bench, "/a").object_id
    bench.do(repairs.enqueue, [Repair(object_id, 1, "", 0, 0)])
    bench.do(files.remove, Path.parse("/a"), recursive=False, expected=None, doomed=True)
    bench.do(trash.take_apart_some)
    number = bench.do(tombstones.record, b"signed", [object_id, an_id("lost and found")], list(KEEPERS[:2]))
    assert bench.do(tombstones.record, b"signed", [object_id], list(KEEPERS)) == number
    other = bench.do(tombstones.record, b"another", [], [KEEPERS[1], KEEPERS[1]])
    for table in ("object", "content", "repair"):
        assert bench.rows(f"SELECT * FROM {table}") == []
    found = [
        (one.tombstone_id, one.keeper, one.tombstone) for one in bench.now(tombstones.pending, b"").items
    ]
    assert found == [
        (number, KEEPERS[0], b"signed"),
        (number, KEEPERS[1], b"signed"),
        (other, KEEPERS[1], b"another"),
    ]
    last = bench.now(tombstones.pending, b"", number, KEEPERS[0]).items
    assert [(one.tombstone_id, one.keeper) for one in last] == [(number, KEEPERS[1]), (other, KEEPERS[1])]
    for keeper in KEEPERS[:2]:
        bench.do(tombstones.acknowledge, number, keeper)
        bench.do(tombstones.acknowledge, number, keeper)
    assert [one.tombstone_id for one in bench.now(tombstones.pending, KEEPERS[1]).items] == [other]
    assert bench.now(tombstones.pending, KEEPERS[0]).items == []
    assert bench.rows("SELECT count(*) FROM tombstone") == [(1,)]
    assert other > number


# versions


def test_a_restored_version_is_the_newest_and_keeps_what_it_was(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.publish(a_file("/a", number, size=number, modified=number * 10))
    entry = bench.do(history.restore, Path.parse("/a"), an_id(1))
    assert (entry.size, entry.modified, entry.versions) == (1, 10, 3)
    kept = bench.now(history.versions, Path.parse("/a"), None, 10).items
    assert [one.version_id for one in kept] == [an_id(1), an_id(3), an_id(2)]
    again = bench.do(history.restore, Path.parse("/a"), an_id(1))
    assert again == entry


def test_versions_come_in_pages(bench: Bench) -> None:
    for number in range(10):
        bench.publish(a_file("/a", number))
    seen: list[bytes] = []
    before, more = None, True
    while more:
        page = bench.now(history.versions, Path.parse("/a"), before, 3)
        seen += [one.version_id for one in page.items]
        before, more = page.items[-1].number, page.more
    assert seen == [an_id(number) for number in reversed(range(10))]


# numbers


def test_mutation_numbers_are_never_given_twice(bench: Bench) -> None:
    assert bench.do(numbers.reserve, 5) == (1, 1)
    assert bench.do(numbers.reserve, 1) == (6, 1)
    bench.do(numbers.set_generation, 3)
    assert bench.do(numbers.reserve, 1) == (7, 3)
    bench.do(numbers.set_generation, 3)
    with pytest.raises(PiccoloError) as refused:
        bench.do(numbers.set_generation, 2)
    assert refused.value.reason == "GENERATION_OLD"
    assert bench.do(numbers.reserve, 1) == (8, 3)
