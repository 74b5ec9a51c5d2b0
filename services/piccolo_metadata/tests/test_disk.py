"""A disk that is really full: a small file system in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from piccolo.metadata.v1 import file_pb2 as f
from piccolo.metadata.v1 import memory_pb2 as m
from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import running

from piccolo_metadata.tests.process import Client

pytestmark = pytest.mark.component

MEBI = 1 << 20


@asynccontextmanager
async def small_disk(folder: Path, size: int) -> AsyncIterator[Path]:
    """A file system of so many bytes; skips the test where this process may not mount."""
    folder.mkdir()
    mounted = await command.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder], seconds=20, check=False
    )
    if mounted.status != 0:
        pytest.skip(f"needs the right to mount: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        await command.run(["umount", folder], seconds=20)


async def fill(client: Client, first: int, size: int) -> int:
    """Writes values until the disk is full; returns the number of the first that was refused."""
    for number in range(first, 10_000):
        value = m.StateValue(key=f"{number:05}", value=os.urandom(size))
        try:
            await client.state.PutState(m.PutStateRequest(namespace="n", values=[value]))
        except PiccoloError as refused:
            return number if (refused.kind, refused.reason) == (Kind.FULL, "DISK_FULL") else -1
    return -1


async def values(client: Client) -> int:
    count, token = 0, ""
    while True:
        page = await client.state.ListState(m.ListStateRequest(namespace="n", page_token=token))
        count, token = count + len(page.values), page.next_page_token
        if not token:
            return count


async def test_a_full_disk_refuses_writes_serves_reads_and_recovers(tmp_path: Path) -> None:
    async with small_disk(tmp_path / "disk", 16 * MEBI) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(6 * MEBI))
        settings = {"state": str(disk / "state")}
        async with running("metadata", settings, tmp_path / "1") as service, service.connect() as channel:
            client = Client(channel)
            await client.files.MakeDirectory(f.MakeDirectoryRequest(path="/before"))
            large = await fill(client, 0, 60_000)
            assert large > 10
            written = await fill(client, large, 2_000)
            assert await values(client) == written
            assert (await client.files.Stat(f.StatRequest(path="/before"))).entry.path == "/before"
            value = m.StateValue(key="x", value=bytes(500_000))
            with pytest.raises(PiccoloError, match="reading still works"):
                await client.state.PutState(m.PutStateRequest(namespace="n", values=[value]))
            ballast.unlink()
            await client.files.MakeDirectory(f.MakeDirectoryRequest(path="/after"))
            assert await values(client) == written
        async with running("metadata", settings, tmp_path / "2") as service, service.connect() as channel:
            client = Client(channel)
            assert await values(client) == written
            listed = await client.files.List(f.ListRequest(path="/"))
            assert [entry.path for entry in listed.entries] == ["/after", "/before"]


async def test_the_last_of_the_room_is_for_removing(tmp_path: Path) -> None:
    async with small_disk(tmp_path / "disk", 16 * MEBI) as disk:
        settings = {"state": str(disk / "state")}
        async with running("metadata", settings, tmp_path / "1") as service, service.connect() as channel:
            files = Client(channel).files
            await files.MakeDirectory(f.MakeDirectoryRequest(path="/kept"))
            (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - 3 * MEBI))
            with pytest.raises(PiccoloError, match="reading still works"):
                await files.MakeDirectory(f.MakeDirectoryRequest(path="/more"))
            with pytest.raises(PiccoloError, match="reading still works"):
                await files.Copy(f.CopyRequest(source="/kept", destination="/copied"))
            await files.Remove(f.RemoveRequest(path="/kept", recursive=True, purge=True))
            assert not (await files.List(f.ListRequest(path="/"))).entries
