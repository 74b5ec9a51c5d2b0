"""What was wrapped for words that strangers may know: marked at once, sealed anew by a move."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.objects import NewFile, ObjectKind
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import exposed, files, objects, packs, publishing, rewrapping, tombstones, trash
from piccolo_metadata.tests.builders import Bench, a_file, an_id, an_intent, an_object
from piccolo_metadata.tests.test_packs import a_pack, into, moved

OLD, NEW = 1, 2


@pytest.fixture
def bench() -> Bench:
    return Bench()


def of_epoch(file: NewFile, epoch: int) -> NewFile:
    wrapped = epoch.to_bytes(4) + bytes(72)
    return replace(file, content=replace(file.content, wrapped_key=wrapped))


def anew(file: NewFile, source: bytes, **where: object) -> NewFile:
    """The version sealed anew, moved from where it lay."""
    made = moved(of_epoch(file, NEW), source, **where)  # type: ignore[arg-type]
    return replace(made, content=replace(made.content, content=b"anew", mac=b"n" * 32))


def rotate(bench: Bench, *, told: bool = True, epoch: int = NEW) -> None:
    others = bench.now(rewrapping.listing, epoch, "", 1_000).items
    bench.do(rewrapping.stage, [replace(each, wrapped=epoch.to_bytes(4) + bytes(72)) for each in others])
    bench.do(rewrapping.swap, epoch, None, [], exposed=told)


def listed(bench: Bench) -> set[bytes]:
    return {each.object_id for each in bench.now(exposed.listing, b"", 100).items}


def put(bench: Bench, name: str, epoch: int = OLD) -> NewFile:
    made = of_epoch(a_file(f"/{name}", name), epoch)
    bench.publish(made)
    return made


def place_of(bench: Bench, name: str) -> bytes:
    return bench.now(packs.locate, [an_id(name)])[0]


def test_everything_that_is_wrapped_anew_is_marked_and_nothing_else(bench: Bench) -> None:
    put(bench, "a")
    put(bench, "b", NEW)
    rotate(bench)
    assert listed(bench) == {place_of(bench, "a")}
    left = bench.now(exposed.left)
    assert (left.objects, left.versions, left.bytes) == (1, 1, 148)
    put(bench, "straggler")  # a write that the change of words overtook
    rotate(bench)
    assert listed(bench) == {place_of(bench, "a"), place_of(bench, "straggler")}


def test_plain_new_words_mark_nothing(bench: Bench) -> None:
    put(bench, "a")
    rotate(bench, told=False)
    assert listed(bench) == set()


def test_a_swap_that_fails_marks_nothing(bench: Bench) -> None:
    put(bench, "a")
    with pytest.raises(PiccoloError, match="no new wrap"):
        bench.do(rewrapping.swap, NEW, None, [], exposed=True)
    assert bench.rows("SELECT * FROM exposed") == []


def test_a_version_that_is_sealed_anew_keeps_its_place_among_versions_and_its_name(bench: Bench) -> None:
    one = put(bench, "a")
    newer = of_epoch(a_file("/a", "newer", order=(1, 2)), OLD)
    bench.publish(newer)
    source, other = place_of(bench, "a"), place_of(bench, "newer")
    rotate(bench)
    names = bench.rows("SELECT * FROM version") + bench.rows("SELECT * FROM entry")
    assert bench.do(publishing.prepare, an_intent(anew(one, source), name="new a")) == []
    bench.do(publishing.publish, an_id("new a"), ())
    assert bench.rows("SELECT * FROM version") + bench.rows("SELECT * FROM entry") == names
    found = bench.now(objects.manifest, Path.parse("/a"), an_id("a"))
    assert (found.object.object_id, found.content.content, found.content.mac) == (
        an_id("new a"),
        b"anew",
        b"n" * 32,
    )
    assert found.content.wrapped_key[:4] == NEW.to_bytes(4)
    assert listed(bench) == {other}
    assert bench.now(exposed.left).objects == 2  # the old one is not purged yet
    (ends,) = bench.now(objects.reclaimable, 10).items
    assert (ends.object_id, ends.exposed) == (source, True)
    bench.do(tombstones.record, b"tombstone", [source], [])
    assert bench.now(exposed.left).objects == 1


def test_a_version_that_moves_as_it_is_takes_the_mark_along(bench: Bench) -> None:
    one = of_epoch(a_file("/a", "a"), OLD)
    pack = a_pack(bench, one)
    rotate(bench)
    bench.do(publishing.prepare, into("new", moved(of_epoch(one, OLD), pack)))
    bench.do(publishing.publish, an_id("new"), ())
    assert listed(bench) == {an_id("new")}
    (wrapped,) = bench.rows("SELECT wrapped_key FROM content")
    assert wrapped[0][:4] == NEW.to_bytes(4)  # and keeps the newer wrap


def test_what_others_told_of_is_marked_as_it_is_published_whatever_wraps_it_has(bench: Bench) -> None:
    """A rebuilt memory: in each publication's transaction, a version that lay elsewhere before too."""
    one, other = of_epoch(a_file("/a", "a"), NEW), of_epoch(a_file("/b", "b"), NEW)
    for file, name in ((one, "first"), (anew(one, an_id("first")), "then"), (other, "pack")):
        intent = replace(an_intent(file, name=name), exposed=True)
        assert bench.do(publishing.prepare, intent) == []
        assert bench.now(publishing.listing) == [intent]
        bench.do(publishing.publish, an_id(name), ())
    assert listed(bench) == {an_id("then"), an_id("pack")}
    (ends,) = bench.now(objects.reclaimable, 10).items
    assert (ends.object_id, ends.exposed) == (an_id("first"), True)
    bench.publish(of_epoch(a_file("/later", "later"), NEW))
    assert bench.now(exposed.left).versions == 2


def test_exposed_packs_are_not_compacted(bench: Bench) -> None:
    pack = a_pack(bench, of_epoch(a_file("/a", "a"), OLD))
    assert [each.object_id for each in bench.now(packs.listing, b"", 10).items] == [pack]
    rotate(bench)
    assert bench.now(packs.listing, b"", 10).items == []


def test_what_is_in_the_trash_counts_and_what_is_deleted_for_good_only_waits(bench: Bench) -> None:
    put(bench, "a")
    put(bench, "b")
    bench.do(files.remove, Path.parse("/a"), recursive=False, expected=None, doomed=False)
    bench.do(files.remove, Path.parse("/b"), recursive=False, expected=None, doomed=True)
    while bench.do(trash.take_apart_some):
        pass
    rotate(bench)
    left = bench.now(exposed.left)
    assert (left.objects, left.versions) == (2, 1)
    assert listed(bench) == {place_of(bench, "a")}


@given(st.lists(st.sampled_from(["put", "rotate", "anew", "as it is", "forget"]), max_size=25))
@settings(max_examples=60, deadline=None)
def test_a_version_is_marked_until_it_has_a_key_that_was_never_wrapped_for_exposed_words(
    steps: list[str],
) -> None:
    bench, epoch, known, count = Bench(), 1, dict[str, bool](), 0
    kept = dict[str, NewFile]()
    for number, step in enumerate(steps):
        if step == "put":
            name = f"f{number}"
            kept[name] = of_epoch(a_file(f"/{name}", name), epoch)
            bench.publish(kept[name])
            known[name] = False
        elif step == "rotate":
            epoch += 1
            known = dict.fromkeys(known, True)
            rotate(bench, epoch=epoch)
        elif step == "forget":
            ending = bench.now(objects.reclaimable, 100).items
            bench.do(tombstones.record, str(number).encode(), [one.object_id for one in ending], [])
        elif kept:
            name, count = next(iter(kept)), count + 1
            file = moved(kept[name], place_of(bench, name))
            if step == "anew":
                content = replace(file.content, content=f"anew {count}".encode())
                file = of_epoch(replace(file, content=content), epoch)
                known[name] = False
            intent = replace(into("x", file), object=an_object(f"x{count}", kind=ObjectKind.PACK))
            assert bench.do(publishing.prepare, intent) == []
            bench.do(publishing.publish, an_id(f"x{count}"), ())
            kept[name] = file
    assert listed(bench) == {place_of(bench, name) for name, is_known in known.items() if is_known}
