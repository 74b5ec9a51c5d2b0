"""One contract, three stores: the fake, a folder, and a real S3 server."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_cloud.adapters.local_store import LocalObjectStore
from piccolo_cloud.adapters.s3_store import S3ObjectStore, S3Settings
from piccolo_cloud.ports import ObjectStore
from piccolo_cloud.tests.conftest import Made

MIB = 1 << 20


async def pieces(content: bytes, size: int = MIB) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def create(store: ObjectStore, key: str, content: bytes) -> bool:
    return await store.create(key, len(content), pieces(content))


async def read(store: ObjectStore, key: str, *span: int) -> bytes:
    return b"".join([piece async for piece in store.read(key, *span)])


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    return sorted([each.key async for each in store.list(prefix)])


SMALL = b"a small object"
LARGE = os.urandom(19 * MIB + 17)


@pytest.mark.parametrize("content", [b"x", SMALL, LARGE], ids=["one-byte", "small", "large"])
async def test_what_was_created_is_read_back(store: ObjectStore, content: bytes) -> None:
    assert await create(store, "one/log/0001", content)
    assert await read(store, "one/log/0001") == content


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_a_taken_name_is_never_overwritten(store: ObjectStore, content: bytes) -> None:
    other = bytes(reversed(content))
    assert await create(store, "one/log/0001", content)
    assert not await create(store, "one/log/0001", other)
    assert await read(store, "one/log/0001") == content
    assert await keys(store, "one/log") == ["one/log/0001"]


@pytest.mark.parametrize("size", [100, 9 * MIB], ids=["small", "large"])
async def test_of_many_creators_at_once_one_wins(store: ObjectStore, size: int) -> None:
    contents = [bytes([number]) * size for number in range(6)]
    answers = await asyncio.gather(*(create(store, "one/log/0001", content) for content in contents))
    assert sum(answers) == 1
    assert await read(store, "one/log/0001") == contents[answers.index(True)]


@pytest.mark.parametrize("size", [100, 19 * MIB], ids=["small", "large"])
async def test_content_that_fails_creates_nothing(make_store: Made, size: int) -> None:
    class CutOffError(Exception):
        pass

    async def cut_off() -> AsyncIterator[bytes]:
        async for piece in pieces(bytes(size)):
            yield piece
        raise CutOffError

    store = make_store()
    with pytest.raises(CutOffError):
        await store.create("one/log/0001", size, cut_off())
    assert await keys(store, "one/log") == []
    assert await create(make_store(), "one/log/0001", SMALL)


async def test_a_cancelled_creator_creates_nothing(store: ObjectStore) -> None:
    reached = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield bytes(MIB)
        reached.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        task = asyncio.create_task(store.create("one/log/0001", 20 * MIB, hanging()))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await keys(store, "one/log") == []


async def test_ranges(store: ObjectStore) -> None:
    await create(store, "one/log/0001", LARGE)
    assert await read(store, "one/log/0001", 0, 10) == LARGE[:10]
    assert await read(store, "one/log/0001", 5 * MIB + 3, 3 * MIB) == LARGE[5 * MIB + 3 : 8 * MIB + 3]
    assert await read(store, "one/log/0001", len(LARGE) - 4, 100) == LARGE[-4:]
    assert await read(store, "one/log/0001", len(LARGE) - 4) == LARGE[-4:]
    async for piece in store.read("one/log/0001"):
        assert len(piece) <= 4 * MIB


async def test_a_missing_object_is_told(store: ObjectStore) -> None:
    with pytest.raises(PiccoloError) as told:
        await read(store, "one/log/0001")
    assert (told.value.kind, told.value.reason) == (Kind.NOT_FOUND, "OBJECT_MISSING")


async def test_listing_shows_whole_names_below_the_prefix_only(make_store: Made) -> None:
    store = make_store()
    assert await keys(store, "one/log") == []
    for key in ("one/log/0001", "one/log/0002", "one/logs/0001", "two/log/0001"):
        await create(store, key, SMALL)
    await create(store, "one/log/0003", LARGE)
    found = {each.key: each.size async for each in make_store().list("one/log")}
    assert found == {
        "one/log/0001": len(SMALL),
        "one/log/0002": len(SMALL),
        "one/log/0003": len(LARGE),
    }


async def test_a_long_listing_is_complete(make_store: Made) -> None:
    store = make_store()
    wanted = [f"one/log/{number:04x}" for number in range(1100)]
    for key in wanted:
        await create(store, key, b"x")
    assert await keys(make_store(), "one/log") == wanted


async def test_deleting(store: ObjectStore) -> None:
    await create(store, "one/log/0001", SMALL)
    await store.delete("one/log/0001")
    await store.delete("one/log/0001")
    assert await keys(store, "one/log") == []
    assert await create(store, "one/log/0001", LARGE)


class TestFolder:
    """What only the folder promises."""

    async def test_reserve(self, tmp_path: Path) -> None:
        store = LocalObjectStore(tmp_path / "objects", reserve=1 << 60)
        with pytest.raises(PiccoloError) as told:
            await create(store, "one/log/0001", SMALL)
        assert (told.value.kind, told.value.reason) == (Kind.FULL, "STORE_FULL")
        assert list((tmp_path / "objects/.incoming").iterdir()) == []

    async def test_a_disk_that_fills_up_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = LocalObjectStore(tmp_path / "objects", reserve=0)

        def refuse(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(PiccoloError) as told:
            await create(store, "one/log/0001", SMALL)
        assert told.value.reason == "STORE_FULL"
        monkeypatch.undo()
        assert await keys(store, "one/log") == []
        assert list((tmp_path / "objects/.incoming").iterdir()) == []

    async def test_yes_comes_after_file_and_folders_are_synced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = LocalObjectStore(tmp_path / "objects", reserve=0)
        synced: list[str] = []
        real = os.fsync

        def note(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            synced.append(path.relative_to(tmp_path / "objects").as_posix())
            real(descriptor)

        monkeypatch.setattr(os, "fsync", note)
        assert await create(store, "one/log/0001", SMALL)
        assert synced[0].startswith(".incoming/")
        assert synced[1:] == [".", "one", "one/log"]
        synced.clear()
        assert not await create(store, "one/log/0001", SMALL)
        assert synced[-1] == "one/log"
        synced.clear()
        assert await keys(store, "one/log") == ["one/log/0001"]
        assert synced == ["one/log"]

    async def test_empty_folders_go_and_come_back(self, tmp_path: Path) -> None:
        store = LocalObjectStore(tmp_path / "objects", reserve=0)

        async def come_and_go(key: str) -> None:
            for _ in range(50):
                assert await create(store, key, SMALL)
                await store.delete(key)

        await asyncio.gather(*(come_and_go(f"one/box/{number}") for number in range(4)))
        assert not (tmp_path / "objects/one/box").exists()
        assert await create(store, "one/box/1", SMALL)

    async def test_what_was_cut_off_goes_at_the_next_start(self, tmp_path: Path) -> None:
        LocalObjectStore(tmp_path / "objects", reserve=0)
        (tmp_path / "objects/.incoming/cut-off").write_bytes(SMALL)
        LocalObjectStore(tmp_path / "objects", reserve=0)
        assert list((tmp_path / "objects/.incoming").iterdir()) == []


@pytest.mark.component
class TestS3:
    """What only S3 has."""

    async def test_cut_off_uploads_go_after_a_day(self, s3_settings: S3Settings) -> None:
        store = S3ObjectStore(s3_settings, "secret")
        await create(store, "incoming/cut-off", SMALL)
        await create(store, "one/log/0001", SMALL)
        await store.sweep(time.time() + 86_000)
        assert await keys(store, "incoming") == ["incoming/cut-off"]
        await store.sweep(time.time() + 87_000)
        assert await keys(store, "incoming") == []
        assert await keys(store, "one/log") == ["one/log/0001"]

    async def test_a_large_object_leaves_nothing_beside_it(self, s3_settings: S3Settings) -> None:
        store = S3ObjectStore(s3_settings, "secret")
        await create(store, "one/log/0001", LARGE)
        await create(store, "one/log/0001", LARGE)
        assert await keys(store, "incoming") == []

    async def test_a_server_that_is_away(self, s3_settings: S3Settings, unused_port: int) -> None:
        away = replace(s3_settings, endpoint=f"http://127.0.0.1:{unused_port}", timeout=1.0)
        store = S3ObjectStore(away, "secret")
        calls: list[Any] = [
            create(store, "a", SMALL),
            create(store, "a", LARGE),
            read(store, "a"),
            keys(store, "a"),
            store.delete("a"),
        ]
        for call in calls:
            with pytest.raises(PiccoloError) as told:
                await call
            assert (told.value.kind, told.value.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")
            assert s3_settings.bucket not in told.value.message
