"""The disk whose power can be cut keeps what was synced, and loses what was not: both can be seen here."""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import apsw
import pytest
import pytest_asyncio
from piccolo_chassis.state import sync_folder

from integration.bad_days.power.disk import Disk, NoPowerError, disk

T = TypeVar("T")
_SEEDS = range(40)

pytestmark = pytest.mark.component


@pytest_asyncio.fixture
async def power(tmp_path: Path) -> AsyncIterator[Disk]:
    try:
        async with disk(tmp_path / "disk") as made:
            yield made
    except NoPowerError as refused:
        pytest.skip(f"no file system in user space here: {refused}")


async def outcomes(power: Disk, before: Callable[[Path], object], after: Callable[[Path], T]) -> list[T]:
    """What is found after the same story and each of many cuts."""
    found = []
    for seed in _SEEDS:
        await power.blank()
        await asyncio.to_thread(before, power.at)
        await power.cut(str(seed))
        found.append(await asyncio.to_thread(after, power.at))
    return found


def put(path: Path, data: bytes, *, sync: bool = True) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def sync(*folders: Path) -> None:
    for folder in folders:
        sync_folder(folder)


def listed(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_what_was_synced_is_there(power: Disk) -> None:
    def story(at: Path) -> None:
        (at / "a/b").mkdir(parents=True)
        sync(at, at / "a")
        put(at / "a/b/.new", b"x" * 10_000)
        (at / "a/b/.new").rename(at / "a/b/f")
        sync(at / "a/b")

    found = await outcomes(power, story, lambda at: ((at / "a/b/f").read_bytes(), listed(at / "a/b")))
    assert all(each == (b"x" * 10_000, ["f"]) for each in found)


async def test_synced_bytes_without_a_synced_name_may_be_gone(power: Disk) -> None:
    found = await outcomes(power, lambda at: put(at / "f", b"x"), listed)
    assert {*map(tuple, found)} == {(), ("f",)}


async def test_a_name_may_be_there_without_its_bytes(power: Disk) -> None:
    def story(at: Path) -> None:
        put(at / ".new", b"x" * 10_000, sync=False)
        (at / ".new").rename(at / "f")
        sync(at)

    found = await outcomes(power, story, lambda at: (at / "f").read_bytes())
    assert b"" in found
    assert b"x" * 10_000 in found
    assert any(0 < each.count(0) < 10_000 and b"x" in each for each in found), "torn, with zeros"


async def test_an_overwritten_sector_is_old_or_new(power: Disk) -> None:
    def story(at: Path) -> None:
        put(at / "f", b"o" * 8192)
        sync(at)
        put(at / "f", b"n" * 8192, sync=False)

    found = await outcomes(power, story, lambda at: (at / "f").read_bytes())
    assert {b"o" * 8192, b"n" * 8192} <= {*found}
    assert any(b"o" in each and b"n" in each for each in found), "torn between sectors"
    for each in found:
        assert all(len({*each[at : at + 512]}) == 1 for at in range(0, 8192, 512)), "never within one"


async def test_a_shorter_file_may_be_whole_again(power: Disk) -> None:
    def story(at: Path) -> None:
        put(at / "f", b"o" * 3000)
        sync(at)
        os.truncate(at / "f", 1000)

    found = await outcomes(power, story, lambda at: (at / "f").read_bytes())
    assert {*found} == {b"o" * 3000, b"o" * 1000}


async def test_a_rename_between_folders_is_one_step(power: Disk) -> None:
    def story(at: Path) -> None:
        for folder in (at / "a", at / "b"):
            folder.mkdir()
        put(at / "a/f", b"x")
        sync(at, at / "a", at / "b")
        (at / "a/f").rename(at / "b/f")

    found = await outcomes(power, story, lambda at: (listed(at / "a"), listed(at / "b")))
    assert {*map(str, found)} == {"(['f'], [])", "([], ['f'])"}


async def test_folders_know_nothing_of_each_other_s_order(power: Disk) -> None:
    def story(at: Path) -> None:
        for folder in (at / "a", at / "b"):
            folder.mkdir()
        sync(at)
        put(at / "a/first", b"")
        put(at / "b/second", b"")

    found = await outcomes(power, story, lambda at: (listed(at / "a"), listed(at / "b")))
    assert ([], ["second"]) in found


async def test_a_mapping_is_made_durable_by_its_sync(power: Disk) -> None:
    def story(at: Path) -> None:
        put(at / "f", bytes(8192))
        sync(at)
        with (at / "f").open("r+b") as file, mmap.mmap(file.fileno(), 8192) as mapped:
            mapped[:4] = b"kept"
            mapped.flush()

    assert {*await outcomes(power, story, lambda at: (at / "f").read_bytes()[:4])} == {b"kept"}


@pytest.mark.parametrize(("synchronous", "lost"), [("full", False), ("normal", True)])
async def test_sqlite_keeps_its_word_on_it(power: Disk, synchronous: str, lost: bool) -> None:
    """And does not where it gave none: so this disk sees what is missing."""

    def story(at: Path) -> None:
        connection = apsw.Connection(str(at / "db"))
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", synchronous)
        connection.execute("CREATE TABLE t (a)")
        for number in range(20):
            connection.execute("INSERT INTO t VALUES (?)", (number,))
        copied.append(connection)  # a process that is killed closes nothing in order

    def rows(at: Path) -> int:
        copied.pop().close()
        connection = apsw.Connection(str(at / "db"))
        try:
            assert connection.pragma("integrity_check") == "ok"
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
            return int(connection.execute("SELECT count(*) FROM t").get) if tables else 0
        finally:
            connection.close()

    copied: list[apsw.Connection] = []
    assert (min(await outcomes(power, story, rows)) < 20) == lost


async def test_a_full_disk_says_so_and_has_room_again(power: Disk) -> None:
    def fill() -> str:
        try:
            put(power.at / "f", bytes(20_000))
        except OSError as refused:
            return str(refused.strerror)
        return "written"

    await power.capacity(10_000)
    assert await asyncio.to_thread(fill) == "No space left on device"
    await power.capacity(100_000)
    assert await asyncio.to_thread(fill) == "written"


async def test_whoever_writes_as_the_power_goes_waits_and_fails(power: Disk) -> None:
    await power.arm(2)
    writing = asyncio.create_task(asyncio.to_thread(put, power.at / "f", b"x"))
    await asyncio.wait_for(power.frozen.wait(), 10)
    await power.die()
    with pytest.raises(OSError, match="Input/output error"):
        await writing
    await power.cut("0")
    await asyncio.to_thread(put, power.at / "f", b"x")
