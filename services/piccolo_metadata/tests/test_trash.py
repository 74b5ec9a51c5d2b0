from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.ages import DAY
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import copying, files, history, objects, settings, trash, tree, upkeep
from piccolo_metadata.ports import Transaction
from piccolo_metadata.tests.builders import Bench, a_file, an_id, run


@pytest.fixture
def bench() -> Bench:
    return Bench()


def remove(bench: Bench, path: str, *, doomed: bool = False) -> int:
    work: Callable[..., tuple[int, int]] = files.remove
    return bench.do(work, Path.parse(path), recursive=True, expected=None, doomed=doomed)[1]


def keep_up(bench: Bench, *, may_give_up: bool = True) -> None:
    run(upkeep.once(bench, may_give_up=may_give_up))


def counts(bench: Bench) -> dict[str, int]:
    tables = ("entry", "version", "trash", "content")
    return {table: bench.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_the_trash_is_listed_newest_first_in_pages(bench: Bench) -> None:
    for number in range(7):
        bench.publish(a_file(f"/d/{number}", number))
    ids = [remove(bench, f"/d/{number}") for number in range(7)]
    seen: list[int] = []
    before, more = None, True
    while more:
        page = bench.now(trash.listing, before, 2)
        seen += [one.trash_id for one in page.items]
        before, more = seen[-1], page.more
    assert seen == ids[::-1]


def test_a_removed_directory_shows_its_old_path_and_how_much_it_was(bench: Bench) -> None:
    bench.publish(a_file("/d/deep/a", 1))
    bench.publish(a_file("/d/b", 2))
    remove(bench, "/d")
    (listed,) = bench.now(trash.listing, None, 10).items
    assert (str(listed.entry.path), listed.files, listed.removed) == ("/d", 2, bench.clock.wall())


def test_restoring_makes_lost_parents_again(bench: Bench) -> None:
    bench.publish(a_file("/d/deep/a", 1))
    trash_id = remove(bench, "/d/deep/a")
    remove(bench, "/d")
    bench.do(trash.restore, trash_id, None)
    assert bench.now(files.stat, Path.parse("/d/deep/a")).version_id == an_id(1)


def test_restoring_never_replaces(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    trash_id = remove(bench, "/a")
    bench.publish(a_file("/a", 2))
    with pytest.raises(PiccoloError) as refused:
        bench.do(trash.restore, trash_id, None)
    assert refused.value.reason == "ENTRY_EXISTS"
    assert str(bench.do(trash.restore, trash_id, Path.parse("/b/c")).path) == "/b/c"
    with pytest.raises(PiccoloError) as refused:
        bench.do(trash.restore, trash_id, Path.parse("/d"))
    assert refused.value.reason == "TRASH_NOT_FOUND"


def test_the_trash_is_emptied_when_its_time_has_come(bench: Bench) -> None:
    bench.publish(a_file("/old", 1))
    bench.publish(a_file("/new", 2))
    remove(bench, "/old")
    bench.clock.pass_days(20)
    remove(bench, "/new")
    bench.clock.pass_days(9.9)
    keep_up(bench)
    assert len(bench.now(trash.listing, None, 10).items) == 2
    bench.clock.pass_days(0.2)
    keep_up(bench)
    assert [str(one.entry.path) for one in bench.now(trash.listing, None, 10).items] == ["/new"]
    assert [one.object_id for one in bench.now(objects.reclaimable, 10).items] == [
        an_id((a_file("/old", 1),))
    ]


def test_how_long_the_trash_keeps_is_a_setting(bench: Bench) -> None:
    bench.do(settings.set_some, {"trash.days": "2"})
    bench.publish(a_file("/a", 1))
    remove(bench, "/a")
    bench.clock.pass_days(2)
    keep_up(bench)
    assert bench.now(trash.listing, None, 10).items == []


def test_it_is_told_until_when_each_is_kept(bench: Bench) -> None:
    """As the owner wants it now, and later by all the time that the device was off."""
    bench.publish(a_file("/a", 1))
    remove(bench, "/a")
    bench.do(settings.set_some, {"trash.days": "3"})

    def told() -> int:
        (listed,) = bench.now(trash.listing, None, 10).items
        return listed.kept_until - bench.clock.wall()

    assert told() == 3 * DAY
    bench.clock.pass_days(2)
    assert told() == DAY
    bench.clock.wall_seconds += 30 * DAY
    assert told() == DAY
    bench.do(settings.set_some, {"trash.days": "1"})
    assert told() == 0


def test_a_clock_that_jumps_ahead_empties_no_trash(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    remove(bench, "/a")
    bench.clock.wall_seconds += 3_650 * DAY
    keep_up(bench)
    assert len(bench.now(trash.listing, None, 10).items) == 1


def test_nothing_is_given_up_while_the_clocks_are_in_doubt(bench: Bench) -> None:
    bench.publish(a_file("/a", 1))
    remove(bench, "/a")
    bench.clock.pass_days(100)
    keep_up(bench, may_give_up=False)
    assert len(bench.now(trash.listing, None, 10).items) == 1


def test_a_large_purge_goes_piece_by_piece_to_its_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = counts(bench)
    for number in range(30):
        bench.publish(a_file(f"/d/{number % 5}/{number}", number))
    monkeypatch.setattr(trash, "_PIECE", 4)
    remove(bench, "/d", doomed=True)
    with pytest.raises(PiccoloError, match="nothing named"):
        bench.now(files.stat, Path.parse("/d"))
    assert bench.now(trash.listing, None, 10).items == []
    pieces = 0
    while bench.do(trash.take_apart_some):
        pieces += 1
    assert pieces > 8
    assert counts(bench) == {**before, "content": 30}
    assert len(bench.now(objects.reclaimable, 100).items) == 30


def test_one_entry_of_the_trash_ends_before_its_time_and_the_others_stay(bench: Bench) -> None:
    bench.publish(a_file("/d/a", 1))
    bench.publish(a_file("/d/b", 2))
    bench.publish(a_file("/kept", 3))
    ended, kept = remove(bench, "/d"), remove(bench, "/kept")
    bench.publish(a_file("/d/a", 4))  # its name is somebody else's now
    assert bench.do(trash.doom, ended) == (2, "/d")
    assert [one.trash_id for one in bench.now(trash.listing, None, 10).items] == [kept]
    for again in (lambda: bench.do(trash.doom, ended), lambda: bench.do(trash.restore, ended, None)):
        with pytest.raises(PiccoloError) as refused:
            again()
        assert refused.value.reason == "TRASH_NOT_FOUND"
    keep_up(bench)  # the process that doomed it died before it was taken apart
    freed = {one.object_id for one in bench.now(objects.reclaimable, 10).items}
    assert freed == {an_id((a_file("/d/a", 1),)), an_id((a_file("/d/b", 2),))}
    assert bench.now(files.stat, Path.parse("/d/a")).version_id == an_id(4)
    bench.do(trash.restore, kept, None)


def test_versions_are_pruned_by_count_and_age(bench: Bench) -> None:
    for number in range(15):
        bench.publish(a_file("/a", number))
        bench.clock.pass_days(1)
    keep_up(bench)
    assert len(bench.now(history.versions, Path.parse("/a"), None, 100).items) == 15  # all are young
    bench.clock.pass_days(17.5)
    keep_up(bench)  # the four oldest were replaced 31.5 to 28.5 days ago
    left = bench.now(history.versions, Path.parse("/a"), None, 100).items
    assert [one.version_id for one in left] == [an_id(number) for number in reversed(range(2, 15))]
    assert bench.now(files.stat, Path.parse("/a")).versions == 13
    bench.clock.pass_days(100)
    keep_up(bench)
    assert len(bench.now(history.versions, Path.parse("/a"), None, 100).items) == 10
    assert len(bench.now(objects.reclaimable, 100).items) == 5


def test_a_version_that_another_file_shares_is_not_reclaimable(bench: Bench) -> None:
    bench.do(settings.set_some, {"versions.keep": "1"})
    bench.publish(a_file("/a", 1))
    bench.do(files.copy_file, Path.parse("/a"), Path.parse("/b"), overwrite=False)
    bench.publish(a_file("/a", 2))
    bench.clock.pass_days(31)
    keep_up(bench)
    assert bench.now(files.stat, Path.parse("/a")).versions == 1
    assert bench.now(objects.reclaimable, 10).items == []


def test_many_files_are_pruned_in_pieces(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_PIECE", 3)
    bench.do(settings.set_some, {"versions.keep": "1"})
    for number in range(10):
        bench.publish(a_file(f"/{number}", number))
        bench.publish(a_file(f"/{number}", 100 + number))
    bench.clock.pass_days(31)
    keep_up(bench)
    assert counts(bench)["version"] == 10


# copies


def test_a_copy_is_seen_whole_or_not_at_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        bench.publish(a_file(f"/from/{number % 3}/{number}", number))
    monkeypatch.setattr(copying, "_PIECE", 4)
    copy = copying.copy(Watched(bench), Path.parse("/from"), Path.parse("/to"), overwrite=False)
    assert str(run(copy).path) == "/to"
    assert bench.now(files.totals, Path.parse("/to")) == bench.now(files.totals, Path.parse("/from"))


class Watched:
    """A memory in which, after each write, the copy is either not there or complete."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.read, self.changed, self.check_room = bench.read, bench.changed, bench.check_room

    async def write(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = self._bench.do(work, *args, **kwargs)
        top = self._bench.now(tree.lookup, Path.parse("/to"))
        assert top is None or self._bench.now(files.totals, Path.parse("/to")).files == 20
        return result


def test_a_copy_that_a_crash_cut_off_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        bench.publish(a_file(f"/from/{number}", number))
    before = counts(bench)
    monkeypatch.setattr(copying, "_PIECE", 4)

    class CrashError(BaseException):
        pass

    writes = 0

    async def dying(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes > 4:
            raise CrashError
        return bench.do(work, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(bench, "write", dying)
        copy = copying.copy(bench, Path.parse("/from"), Path.parse("/to"), overwrite=False)
        with pytest.raises(CrashError):
            run(copy)
    assert counts(bench)["entry"] > before["entry"]
    run(upkeep.begin(bench))
    assert counts(bench) == before
    assert bench.now(objects.reclaimable, 100).items == []


def test_a_copy_that_is_given_up_when_it_was_done_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.publish(a_file("/from/a", 1))
    bench.publish(a_file("/to/b", 2))

    async def done_and_cut_off(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = bench.do(work, *args, **kwargs)
        if work is copying._finish:  # the caller goes while the answer is on its way
            raise asyncio.CancelledError
        return result

    with monkeypatch.context() as patch:
        patch.setattr(bench, "write", done_and_cut_off)
        copy = copying.copy(bench, Path.parse("/from"), Path.parse("/to"), overwrite=True, replace=True)
        with pytest.raises(asyncio.CancelledError):
            run(copy)
    assert bench.now(files.stat, Path.parse("/to/a")).version_id == an_id(1)
    (replaced,) = bench.now(trash.listing, None, 10).items
    assert (replaced.entry.path, replaced.files) == (Path.parse("/to"), 1)


@pytest.mark.parametrize("step", ["_go_on", "_finish"])
@pytest.mark.parametrize("gone", [False, True])
def test_a_copy_that_was_taken_apart_under_way_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str, gone: bool
) -> None:
    """Copies come in while the process still tidies up after its last end."""
    bench.publish(a_file("/from/a", 1))
    before, next_step = counts(bench), getattr(copying, step)

    async def tidied(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if work is next_step:
            bench.do(copying._give_up_one)
            while gone and bench.do(trash.take_apart_some):
                pass
        return bench.do(work, *args, **kwargs)

    monkeypatch.setattr(bench, "write", tidied)
    copy = copying.copy(bench, Path.parse("/from"), Path.parse("/to"), overwrite=False)
    with pytest.raises(PiccoloError) as refused:
        run(copy)
    assert (refused.value.kind, refused.value.reason) == (Kind.UNAVAILABLE, "COPY_CUT_OFF")
    assert counts(bench) == before


def test_a_copy_whose_source_vanishes_is_refused_and_leaves_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        bench.publish(a_file(f"/from/{number}", number))
    monkeypatch.setattr(copying, "_PIECE", 4)
    go_on = copying._go_on

    def vanishing(tx: Transaction, *args: Any) -> Any:
        after = go_on(tx, *args)
        if tree.lookup(tx, Path.parse("/from")):
            files.move(tx, Path.parse("/from"), Path.parse("/gone"), overwrite=False, expected=None)
        return after

    monkeypatch.setattr(copying, "_go_on", vanishing)
    before = counts(bench)
    with pytest.raises(PiccoloError) as refused:
        run(copying.copy(bench, Path.parse("/from"), Path.parse("/to"), overwrite=False))
    assert refused.value.reason == "ENTRY_NOT_FOUND"
    assert counts(bench) == before


def test_a_deep_tree_is_copied_moved_and_measured(bench: Bench) -> None:
    deep = "/" + "/".join(["d"] * 1_500)
    bench.publish(a_file(deep + "/f", 1))
    run(copying.copy(bench, Path.parse("/d"), Path.parse("/e"), overwrite=False))
    copied = "/e" + deep[2:] + "/f"
    assert bench.now(files.stat, Path.parse(copied)).version_id == an_id(1)
    too_deep = Path.parse("/y" * 600)
    with pytest.raises(PiccoloError) as refused:
        bench.do(files.move, Path.parse("/e"), too_deep, overwrite=False, expected=None)
    assert refused.value.reason == "PATH_TOO_LONG"
    with pytest.raises(PiccoloError) as refused:
        run(copying.copy(bench, Path.parse("/e"), too_deep, overwrite=False))
    assert refused.value.reason == "PATH_TOO_LONG"
    assert bench.now(tree.lookup, Path.parse("/y")) is None
    assert bench.now(files.stat, Path.parse(copied)).version_id == an_id(1)
    remove(bench, "/e", doomed=True)
    run(trash.take_apart(bench))
    assert bench.now(files.totals, Path()).files == 1


def test_a_move_is_not_refused_for_a_depth_that_is_gone(bench: Bench) -> None:
    bench.publish(a_file("/d" + "/x" * 2_000, 1))
    remove(bench, "/d/x")
    target = Path.parse("/y" * 1_000)
    assert bench.do(files.move, Path.parse("/d"), target, overwrite=False, expected=None).path == target
