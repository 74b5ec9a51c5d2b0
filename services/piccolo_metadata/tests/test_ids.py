"""An entry's id: it goes with the entry wherever that goes, and no other entry ever gets it."""

from __future__ import annotations

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import changes, files, settings, trash, tree
from piccolo_metadata.ports import Transaction
from piccolo_metadata.tests.builders import Bench, a_file, run


@pytest.fixture
def bench() -> Bench:
    return Bench()


def id_of(bench: Bench, path: str) -> int:
    return bench.now(files.stat, Path.parse(path)).entry_id


def where(bench: Bench, number: int) -> str | None:
    try:
        return str(bench.now(files.locate, number).path)
    except PiccoloError:
        return None


def move(bench: Bench, source: str, destination: str) -> None:
    names = Path.parse(source), Path.parse(destination)
    bench.do(files.move, *names, overwrite=False, expected=None)


def remove(bench: Bench, path: str, *, doomed: bool = False) -> int:
    removed = bench.do(files.remove, Path.parse(path), recursive=True, expected=None, doomed=doomed)
    return int(removed[1])


def test_it_follows_the_entry_and_those_above_it(bench: Bench) -> None:
    bench.publish(a_file("/d/a", 1))
    number = id_of(bench, "/d/a")
    move(bench, "/d/a", "/d/b")
    move(bench, "/d", "/e/f")
    assert where(bench, number) == "/e/f/b"
    bench.publish(a_file("/e/f/b", 2, order=(1, 2)))
    assert (where(bench, number), id_of(bench, "/e/f/b")) == ("/e/f/b", number)


def test_what_takes_its_name_does_not_take_its_id(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    number = id_of(bench, "/a")
    trashed = remove(bench, "/a")
    bench.publish(a_file("/a", 2, order=(1, 2)))
    assert id_of(bench, "/a") != number
    assert where(bench, number) is None
    bench.do(trash.restore, trashed, Path.parse("/again"))
    assert where(bench, number) == "/again"


def test_an_id_is_given_once_although_the_last_entry_is_gone_for_good(bench: Bench) -> None:
    given = set()
    for number in range(1, 8):
        for name in ("/x/deep/a", "/x/deep/b"):
            bench.publish(a_file(name, (name, number), order=(1, number)))
            given.add(id_of(bench, name))
        remove(bench, "/x", doomed=True)
        run(trash.take_apart(bench))
    assert bench.rows("SELECT count(*) FROM entry") == [(3,)]
    assert len(given) == 14


def test_after_a_restore_no_id_of_before_is_given(bench: Bench) -> None:
    bench.do(files.make_directory, Path.parse("/a"))
    bench.do(tree.skip_ids, 1000)
    bench.do(files.make_directory, Path.parse("/b"))
    assert id_of(bench, "/b") > id_of(bench, "/a") + 1000
    bench.do(tree.delete, id_of(bench, "/b"))
    bench.do(files.make_directory, Path.parse("/c"))
    assert id_of(bench, "/c") > id_of(bench, "/a") + 1001


def test_marks_rise_with_each_change_of_their_topic(bench: Bench) -> None:
    def touched(tx: Transaction) -> None:
        settings.set_some(tx, {"device.name": '"Box"'})

    before = bench.now(changes.mark, settings.TOPIC)
    bench.do(touched)
    assert bench.now(changes.mark, settings.TOPIC) > before
    before = bench.now(changes.mark, tree.TOPIC)
    bench.publish(a_file("/a", 1))
    assert bench.now(changes.mark, tree.TOPIC) > before
