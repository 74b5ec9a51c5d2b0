"""Packs in their later life: what is kept of each, and versions that move to another one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.backup_records import POSITION, fresh_position
from piccolo_metadata.core.objects import Intent, NewFile, ObjectKind
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import files, history, objects, outbox, packs, publishing, tombstones, trash
from piccolo_metadata.ports import SNAPSHOT_WANTED
from piccolo_metadata.tests.builders import Bench, a_file, a_layout, an_id, an_object

PACK = ObjectKind.PACK


@pytest.fixture
def bench() -> Bench:
    return Bench()


def a_pack(bench: Bench, *made: NewFile) -> bytes:
    (path, *_) = [file.path for file in made]
    bench.publish(*made, kind=PACK)
    return bench.now(objects.manifest, Path.parse(path), b"").object.object_id


def moved(file: NewFile, source: bytes, *, path: str | None = None, offset: int = 7) -> NewFile:
    content = replace(file.content, offset=offset)
    return replace(file, content=content, moved_from=source, path=file.path if path is None else path)


def into(name: str, *made: NewFile) -> Intent:
    return Intent(an_object(name, kind=PACK), made, b"commit record")


def remove(bench: Bench, path: str, *, purge: bool = False) -> None:
    bench.do(files.remove, Path.parse(path), recursive=False, expected=None, doomed=purge)
    if purge:
        while bench.do(trash.take_apart_some):
            pass


def waiting(bench: Bench) -> list[bytes]:
    return [one.object_id for one in bench.now(objects.reclaimable, 10, packs.waits_for_backup).items]


def acknowledge(bench: Bench) -> None:
    bench.do(outbox.acknowledge, bench.now(outbox.backlog).last, {})


def test_of_a_pack_current_older_and_removed_versions_count_and_purged_ones_do_not(bench: Bench) -> None:
    pack = a_pack(bench, *(a_file(f"/{name}", name, size=100) for name in "abcd"))
    bench.publish(a_file("/lone", "lone"))
    bench.publish(a_file("/a", "newer"))  # the older one stays in the history
    remove(bench, "/b")
    remove(bench, "/c", purge=True)
    (use,) = bench.now(packs.listing, b"", 10).items
    assert (use.object_id, use.files, use.bytes, use.size) == (pack, 3, 3 * 148, 1_000)
    assert bench.now(packs.listing, pack, 10).items == []


def test_only_what_is_kept_is_told_and_what_a_path_leads_to_has_its_name(bench: Bench) -> None:
    pack = a_pack(bench, *(a_file(f"/{name}", name) for name in "abcd"))
    bench.publish(a_file("/a", "newer"))
    remove(bench, "/b")
    remove(bench, "/c", purge=True)
    every = {(one.version_id, one.path) for one in bench.now(objects.files_of, pack)}
    assert every == {(an_id("a"), "/a"), (an_id("b"), ""), (an_id("c"), ""), (an_id("d"), "/d")}
    kept = {one.version_id for one in bench.now(objects.files_of, pack, kept=True)}
    assert kept == {an_id("a"), an_id("b"), an_id("d")}


def test_versions_move_with_their_history_and_their_trash(bench: Bench) -> None:
    made = [a_file(f"/{name}", name) for name in "abc"]
    pack = a_pack(bench, *made)
    bench.publish(a_file("/a", "newer"))
    remove(bench, "/b")
    names = [moved(made[0], pack, path=""), moved(made[1], pack, path=""), moved(made[2], pack)]
    assert bench.do(publishing.prepare, into("new", *names)) == []
    before = bench.rows("SELECT * FROM version") + bench.rows("SELECT * FROM entry")
    outcomes = bench.do(publishing.publish, an_id("new"), ())
    assert all(one.entry is None and one.refusal is None for one in outcomes)
    assert bench.do(publishing.publish, an_id("new"), ()) == outcomes
    assert bench.rows("SELECT * FROM version") + bench.rows("SELECT * FROM entry") == before
    assert bench.now(packs.locate, [an_id(name) for name in "abc"]) == [an_id("new")] * 3
    assert bench.now(packs.locate, [an_id("unknown")]) == [b""]
    older = bench.now(objects.manifest, Path.parse("/a"), an_id("a"))
    assert (older.object.object_id, older.content.offset) == (an_id("new"), 7)
    assert bench.rows("SELECT object_id FROM object WHERE reclaimable = 1") == [(pack,)]


def test_what_changed_meanwhile_stays_where_it_is(bench: Bench) -> None:
    made = [a_file(f"/{name}", name) for name in "abcd"]
    pack = a_pack(bench, *made)
    assert bench.do(publishing.prepare, into("new", *(moved(one, pack) for one in made))) == []
    remove(bench, "/a")  # what has the name that the record gives it is another file
    bench.publish(a_file("/a", "newer"))
    remove(bench, "/b", purge=True)
    bench.do(files.move, Path.parse("/c"), Path.parse("/z"), overwrite=False, expected=None)
    outcomes = bench.do(publishing.publish, an_id("new"), ())
    reasons = [one.refusal.reason if one.refusal else "" for one in outcomes]
    assert reasons == ["VERSION_MOVED", "VERSION_NOT_FOUND", "VERSION_MOVED", ""]
    assert bench.now(packs.locate, [an_id(name) for name in "acd"]) == [pack, pack, an_id("new")]
    assert waiting(bench) == []


def test_a_version_that_was_superseded_meanwhile_moves_with_its_order(bench: Bench) -> None:
    one = a_file("/a", "a", order=(1, 5))
    pack = a_pack(bench, one)
    assert bench.do(publishing.prepare, into("new", moved(one, pack))) == []
    bench.publish(a_file("/a", "newer", order=(1, 7)))
    assert bench.do(publishing.publish, an_id("new"), ())[0].refusal is None
    (file,) = bench.now(objects.files_of, an_id("new"))
    assert (file.path, file.order) == ("/a", (1, 5))
    bench.publish(a_file("/a", "between", order=(1, 6)))
    kept = bench.now(history.versions, Path.parse("/a"), None, 10).items
    assert [each.version_id for each in kept] == [an_id("newer"), an_id("between"), an_id("a")]


def test_a_move_from_another_place_than_the_present_one_is_refused_at_once(bench: Bench) -> None:
    one, two = a_file("/a", "a"), a_file("/b", "b")
    pack = a_pack(bench, one, two)
    wrong = [moved(one, an_id("elsewhere")), moved(a_file("/x", "x"), pack), moved(two, pack, path="/a")]
    refused = bench.do(publishing.prepare, into("new", *wrong))
    assert [each.reason for each in refused] == ["VERSION_MOVED"] * 3
    assert bench.now(publishing.listing) == []


def test_a_replaced_pack_ends_only_when_a_backup_knows_the_new_one(bench: Bench) -> None:
    one = a_file("/a", "a")
    pack = a_pack(bench, one)
    acknowledge(bench)
    bench.do(publishing.prepare, into("new", moved(one, pack)))
    bench.do(publishing.publish, an_id("new"), ())
    assert waiting(bench) == []
    bench.publish(a_file("/later", "later"))
    bench.do(outbox.acknowledge, bench.now(outbox.backlog).first - 1, {})
    assert waiting(bench) == []
    bench.do(outbox.acknowledge, bench.now(outbox.backlog).first, {})
    assert waiting(bench) == [pack]
    bench.do(tombstones.record, b"tombstone", [pack], [])
    assert bench.rows("SELECT * FROM local WHERE key LIKE 'replaced/%'") == []


def test_an_outbox_that_was_given_up_is_no_backup(bench: Bench) -> None:
    one = a_file("/a", "a")
    pack = a_pack(bench, one)
    bench.do(publishing.prepare, into("new", moved(one, pack)))
    bench.do(publishing.publish, an_id("new"), ())
    bench.do(outbox.acknowledge, bench.now(outbox.backlog).last, {SNAPSHOT_WANTED: b""})
    assert waiting(bench) == []
    bench.do(outbox.set_local, {SNAPSHOT_WANTED: None})
    assert waiting(bench) == [pack]


def test_a_snapshot_from_before_the_outbox_was_given_up_does_not_know_the_new_pack(bench: Bench) -> None:
    one = a_file("/a", "a")
    pack = a_pack(bench, one)
    taken = bench.now(outbox.backlog).last  # a snapshot is on its way
    bench.do(publishing.prepare, into("new", moved(one, pack)))
    bench.do(publishing.publish, an_id("new"), ())
    last = bench.now(outbox.backlog).last
    bench.do(outbox.acknowledge, last, {SNAPSHOT_WANTED: b""})
    bench.do(outbox.acknowledge, taken, {POSITION: through(taken), SNAPSHOT_WANTED: None})
    assert waiting(bench) == []
    bench.do(outbox.set_local, {POSITION: through(last)})
    assert waiting(bench) == [pack]


def through(number: int) -> bytes:
    """How far the cloud has acknowledged."""
    return replace(fresh_position(b"l" * 32, 1), outbox=number).to_record()


def test_what_is_left_behind_by_a_move_waits_for_the_backup_too(bench: Bench) -> None:
    made = [a_file("/a", "a"), a_file("/b", "b")]
    pack = a_pack(bench, *made)
    bench.do(publishing.prepare, into("new", moved(made[0], pack)))
    bench.do(publishing.publish, an_id("new"), ())
    assert bench.rows("SELECT object_id FROM object WHERE reclaimable = 1") == []
    remove(bench, "/b", purge=True)
    assert waiting(bench) == []
    acknowledge(bench)
    assert waiting(bench) == [pack]


def test_a_layout_and_the_tombstone_of_what_it_names_no_more_are_one_step(bench: Bench) -> None:
    bench.publish(a_file("/a", "a"))
    stored = bench.now(objects.manifest, Path.parse("/a"), b"").object
    newer = replace(stored, layout=a_layout(stored.object_id, seq=2))
    with pytest.raises(PiccoloError) as refused:
        bench.do(objects.update, newer, b"another", b"tombstone", [b"k" * 32])
    assert refused.value.reason == "LAYOUT_CONFLICT"
    assert bench.now(tombstones.pending, b"").items == []
    bench.do(objects.update, newer, stored.layout, b"tombstone", [b"k" * 32])
    (told,) = bench.now(tombstones.pending, b"").items
    assert (told.keeper, told.tombstone) == (b"k" * 32, b"tombstone")
    assert bench.now(objects.get, stored.object_id) == newer
