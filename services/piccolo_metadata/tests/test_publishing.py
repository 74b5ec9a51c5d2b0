from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.objects import Intent, ObjectKind
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import files, history, objects, publishing, repairs, search, tree, uploads
from piccolo_metadata.tests.builders import (
    KEEPERS,
    Bench,
    a_file,
    a_layout,
    an_id,
    an_intent,
    an_object,
)
from piccolo_metadata.tests.test_uploads import an_upload


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refused(bench: Bench, intent: Intent) -> list[tuple[int, str]]:
    return [(one.index, one.reason) for one in bench.do(publishing.prepare, intent)]


def reasons(bench: Bench, intent: Intent) -> list[str]:
    outcomes = bench.do(publishing.publish, intent.object.object_id, ())
    return [one.refusal.reason if one.refusal else "" for one in outcomes]


def test_prepare_changes_no_name(bench: Bench) -> None:
    assert refused(bench, an_intent(a_file("/new/a", 1))) == []
    assert bench.now(tree.lookup, Path.parse("/new")) is None
    assert bench.rows("SELECT * FROM object") == []


def test_publish_makes_the_file_and_its_parents(bench: Bench) -> None:
    (published,) = bench.publish(a_file("/new/a", 1, size=5, modified=9))
    entry = published.entry
    assert entry is not None
    assert (str(entry.path), entry.size, entry.modified, entry.versions) == ("/new/a", 5, 9, 1)
    assert bench.now(files.stat, Path.parse("/new/a")) == entry
    manifest = bench.now(objects.manifest, Path.parse("/new/a"), b"")
    assert manifest.entry == entry
    assert manifest.content == a_file("/new/a", 1, size=5).content
    assert manifest.object == bench.now(objects.get, manifest.object.object_id)


def test_publish_tells_whether_the_name_is_new(bench: Bench) -> None:
    created = [one.created for number in (1, 2) for one in bench.publish(a_file("/a", number))]
    bench.do(files.remove, Path.parse("/a"), recursive=False, expected=None, doomed=False)
    created += [one.created for one in bench.publish(a_file("/a", 3))]
    assert created == [True, False, True]


def test_publishing_again_answers_the_same_even_when_the_name_has_moved(bench: Bench) -> None:
    intent = an_intent(a_file("/a", 1), a_file("/b/", 2), a_file("/c", 3), kind=ObjectKind.PACK)
    assert refused(bench, intent) == [(1, "PATH_INVALID")]
    first = bench.do(publishing.publish, intent.object.object_id, ())
    bench.do(files.move, Path.parse("/a"), Path.parse("/z"), overwrite=False, expected=None)
    assert bench.do(publishing.publish, intent.object.object_id, ()) == first
    assert [str(one.entry.path) for one in first if one.entry] == ["/a", "/c"]


def test_publish_needs_prepare(bench: Bench) -> None:
    with pytest.raises(PiccoloError) as failed:
        bench.do(publishing.publish, an_id("nothing"), ())
    assert failed.value.reason == "INTENT_NOT_FOUND"


def test_an_abandoned_intent_is_gone(bench: Bench) -> None:
    intent = an_intent(a_file("/a", 1))
    bench.do(publishing.prepare, intent)
    assert bench.now(publishing.listing) == [intent]
    for _ in range(2):  # dropping it again changes nothing
        bench.do(publishing.abandon, intent.object.object_id)
        assert bench.now(publishing.listing) == []
    with pytest.raises(PiccoloError) as failed:
        bench.do(publishing.publish, intent.object.object_id, ())
    assert failed.value.reason == "INTENT_NOT_FOUND"


def test_a_published_intent_is_not_abandoned(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    with pytest.raises(PiccoloError) as failed:
        bench.do(publishing.abandon, an_intent(a_file("/a", 1)).object.object_id)
    assert failed.value.reason == "INTENT_PUBLISHED"
    assert bench.now(files.stat, Path.parse("/a")).version_id == an_id(1)


def test_a_published_intent_is_no_longer_open_and_is_not_prepared_again(bench: Bench) -> None:
    intent = an_intent(a_file("/a", 1))
    bench.publish(a_file("/a", 1))
    assert bench.now(publishing.listing) == []
    with pytest.raises(PiccoloError) as failed:
        bench.do(publishing.prepare, intent)
    assert failed.value.reason == "OBJECT_EXISTS"


def test_each_file_of_a_pack_is_refused_alone_and_says_why(bench: Bench) -> None:
    bench.publish(a_file("/taken", "taken"))
    bench.do(files.make_directory, Path.parse("/directory"))
    revision = bench.now(files.stat, Path.parse("/taken")).revision
    intent = an_intent(
        a_file("/good", 1),
        a_file("/taken", 2, expected=0),
        a_file("/taken", 3, expected=revision + 1),
        a_file("/absent", 4, expected=7),
        a_file("/directory", 5),
        a_file("/taken/below", 6),
        a_file("relative", 7),
        a_file("/" + "x" * 256, 8),
        a_file("/again", 1),
        a_file("/again", "taken"),
        a_file("/taken", 9, expected=revision),
        kind=ObjectKind.PACK,
    )
    assert refused(bench, intent) == [
        (1, "ENTRY_EXISTS"),
        (2, "REVISION_CONFLICT"),
        (3, "ENTRY_NOT_FOUND"),
        (4, "IS_A_DIRECTORY"),
        (5, "NOT_A_DIRECTORY"),
        (6, "PATH_INVALID"),
        (7, "PATH_INVALID"),
        (8, "VERSION_EXISTS"),
        (9, "VERSION_EXISTS"),
    ]
    assert reasons(bench, intent) == ["", ""]
    assert len(bench.now(history.versions, Path.parse("/taken"), None, 10).items) == 2


def test_with_all_refused_nothing_is_journalled(bench: Bench) -> None:
    bench.do(files.make_directory, Path.parse("/d"))
    assert refused(bench, an_intent(a_file("/d", 1), a_file("/", 2), kind=ObjectKind.PACK)) == [
        (0, "IS_A_DIRECTORY"),
        (1, "IS_A_DIRECTORY"),
    ]
    assert bench.now(publishing.listing) == []


def test_a_name_that_changed_since_prepare_is_refused_and_its_object_is_reclaimable(bench: Bench) -> None:
    intent = an_intent(a_file("/a", 1, expected=0), name="late")
    assert refused(bench, intent) == []
    bench.publish(a_file("/a", 2))
    assert reasons(bench, intent) == ["ENTRY_EXISTS"]
    assert bench.now(files.stat, Path.parse("/a")).version_id == an_id(2)
    assert [one.object_id for one in bench.now(objects.reclaimable, 10).items] == [an_id("late")]


def test_of_a_pack_only_the_changed_name_is_refused(bench: Bench) -> None:
    intent = an_intent(a_file("/a", 1, expected=0), a_file("/b", 2, expected=0), kind=ObjectKind.PACK)
    assert refused(bench, intent) == []
    bench.do(files.make_directory, Path.parse("/a"))
    assert reasons(bench, intent) == ["IS_A_DIRECTORY", ""]
    assert bench.now(objects.reclaimable, 10).items == []


def test_the_same_name_twice_in_a_pack_is_two_versions(bench: Bench) -> None:
    outcomes = bench.publish(a_file("/a", 1), a_file("/a", 2), kind=ObjectKind.PACK)
    assert [one.entry.versions for one in outcomes if one.entry] == [1, 2]
    kept = bench.now(history.versions, Path.parse("/a"), None, 10).items
    assert [(one.version_id, one.current) for one in kept] == [(an_id(2), True), (an_id(1), False)]


def test_preparing_again_replaces_the_intent(bench: Bench) -> None:
    first = an_intent(a_file("/a", 1), name="one")
    second = an_intent(a_file("/b", 2), name="one")
    bench.do(publishing.prepare, first)
    bench.do(publishing.prepare, second)
    assert bench.now(publishing.listing) == [second]


def test_paths_are_normalised_in_the_journal(bench: Bench) -> None:
    bench.do(publishing.prepare, an_intent(a_file("/e\u0301", 1)))
    assert bench.now(publishing.listing)[0].files[0].path == "/é"


def test_what_is_missing_is_remembered_and_queued_with_its_margin(bench: Bench) -> None:
    intent = an_intent(a_file("/a", 1))
    bench.do(publishing.prepare, intent)
    bench.do(publishing.publish, intent.object.object_id, (0, 3))
    assert bench.now(objects.get, intent.object.object_id).missing == (0, 3)
    (queued,) = bench.now(repairs.listing, 10, due=True).repairs
    assert (queued.object_id, queued.margin) == (intent.object.object_id, len(KEEPERS) - 2 - 5)
    assert queued.cause == "2 of 9 fragments were not placed when it was written"


def test_the_upload_that_a_file_ends_is_forgotten(bench: Bench) -> None:
    bench.do(uploads.begin, an_upload("/a"))
    bench.do(uploads.checkpoint, "u" * 16, 0, bytes(64))
    bench.publish(a_file("/a", 1, upload_id="u" * 16))
    assert bench.now(uploads.listing) == []
    assert bench.rows("SELECT * FROM upload_leaves") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"layout": b""},
        {"layout": b"\xa0"},
        {"layout": a_layout(an_id("another"))},
        {"layout": a_layout(an_id("one"))[:-1]},
        {"missing": (9,)},
        {"missing": (1, 1)},
    ],
)
def test_a_layout_that_is_none_is_refused(bench: Bench, wrong: dict[str, bytes | tuple[int, ...]]) -> None:
    good = Intent(an_object("one"), (a_file("/a", 1),), b"")
    bad = replace(good, object=replace(good.object, **wrong))  # type: ignore[arg-type]
    with pytest.raises(PiccoloError) as failed:
        bench.do(publishing.prepare, bad)
    assert failed.value.reason == "LAYOUT_INVALID"


def test_published_files_are_found(bench: Bench) -> None:
    bench.publish(a_file("/Fotos/Größe.jpg", 1))
    found = bench.now(search.search, "GRÖSSE", Path(), None, 10).items
    assert [str(entry.path) for entry in found] == ["/Fotos/Größe.jpg"]


def test_old_answers_are_forgotten(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    assert bench.do(publishing.forget_answers, bench.clock.wall()) == 0
    assert bench.do(publishing.forget_answers, bench.clock.wall() + 1) == 1
