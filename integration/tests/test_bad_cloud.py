"""A cloud that is away, full, put back to an earlier day, forked or rotten: files go on, and it is told."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from integration.bad_days.owed import Owed
from integration.circle import Circle, circle
from integration.client import ApiError
from integration.owner import Owner

_SEED = 23


class Shelf:
    """Copies of what the cloud keeps, and of the memory of the one device that writes there."""

    def __init__(self, made: Circle, folder: Path) -> None:
        self._made, self._folder = made, folder

    @property
    def _owner(self) -> Owner:
        return self._made.owners[0]

    @property
    def _cloud(self) -> Path:
        return self._made.cloud.state("cloud")

    def entries(self) -> dict[str, bytes]:
        """The logs' entries, byte for byte, by name."""
        return {
            str(path.relative_to(self._cloud)): path.read_bytes()
            for path in self._cloud.rglob("log/*")
            if path.is_file()
        }

    def flip_newest(self) -> None:
        """Changes a bit in the header of the newest entry; the cloud must be down."""
        newest = self._cloud / max(self.entries(), key=_seq)
        content = bytearray(newest.read_bytes())
        content[40] ^= 1
        newest.write_bytes(content)

    def longest(self) -> int:
        """The seq of the newest entry."""
        return max(map(_seq, self.entries()))

    @asynccontextmanager
    async def cloud_away(self) -> AsyncIterator[None]:
        """The cloud is down meanwhile."""
        await self._made.cloud.kill()
        yield
        await self._made.cloud.start()

    @asynccontextmanager
    async def device_away(self) -> AsyncIterator[None]:
        """The owner's memory is down meanwhile; its other processes wait for it."""
        await self._owner.device.stop(["metadata"])
        yield
        await self._owner.device.run({"metadata": self._owner.device.settings("metadata")})

    async def keep_cloud(self, name: str) -> None:
        """Copies what the cloud keeps."""
        await _copy(self._cloud, self._folder / "cloud" / name)

    async def put_cloud_back(self, name: str) -> None:
        """Lets the cloud be as it was then; it must be down."""
        await _copy(self._folder / "cloud" / name, self._cloud)

    async def keep_memory(self, name: str) -> None:
        """Copies the device's memory; it must be down."""
        await _copy(self._owner.device.state("metadata"), self._folder / "memory" / name)

    async def put_memory_back(self, name: str) -> None:
        """Lets the device's memory be as it was then; it must be down."""
        await _copy(self._folder / "memory" / name, self._owner.device.state("metadata"))


def _seq(name: str) -> int:
    return int(name.rpartition("/")[2], 16)


async def _copy(source: Path, target: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
    await asyncio.to_thread(shutil.copytree, source, target, symlinks=True)


async def _refused(owed: Owed) -> str:
    """Asks for a backup; returns the reason that the owner is told when there is none."""
    reason = await _backing_up(owed)
    told = await owed.api.backup()
    assert told["problem"], "the refusal is in the status too"
    return reason


async def _backing_up(owed: Owed) -> str:
    """Asks for a backup; returns the reason of the refusal, or nothing."""
    try:
        async with asyncio.timeout(60):
            await owed.api.back_up()
    except ApiError as refused:
        return refused.reason
    return ""


async def _well(owed: Owed) -> None:
    """A backup is made, as soon as the cloud that has just come back is reached, and nothing is wrong."""
    async with asyncio.timeout(60):
        while (refused := await _backing_up(owed)) == "CLOUD_AWAY":
            pass
    assert not refused
    await owed.api.backed_up()
    assert (await owed.api.backup())["problem"] == ""


@pytest.mark.circle
async def test_whatever_the_cloud_does_files_go_on_and_its_backups_are_told_as_they_are(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Away, full, older, forked and rotten, one after the other, against one device that lives on."""
    async with circle(tmp_path / "c", 2) as made:
        owed, shelf, chance = Owed(made.owners[0].api), Shelf(made, tmp_path / "kept"), Random(_SEED)
        await owed.put("/first", chance.randbytes(5_000))
        await _well(owed)
        await _away(made, owed, shelf)
        await _full(made, owed, shelf)
        await _older(owed, shelf)
        await _rotten(owed, shelf)
        await _forked(owed, shelf)
        await owed.look()


async def _away(made: Circle, owed: Owed, shelf: Shelf) -> None:
    async with shelf.cloud_away():
        await owed.put("/while it was away", b"away")
        assert await _refused(owed) == "CLOUD_AWAY"
        assert (await owed.api.backup())["pending"] > 0
    await _well(owed)


async def _full(made: Circle, owed: Owed, shelf: Shelf) -> None:
    kept = (await owed.api.backup())["bytes"]
    tight: dict[str, Any] = {"limits": {"entry": kept, "log": kept + 1}}
    async with shelf.cloud_away():
        made.cloud.tuning["cloud"] = tight
    await owed.put("/while it was full", b"full")
    assert await _refused(owed) == "LOG_FULL"
    async with shelf.cloud_away():
        del made.cloud.tuning["cloud"]
    await _well(owed)


async def _older(owed: Owed, shelf: Shelf) -> None:
    async with shelf.cloud_away():
        await shelf.keep_cloud("older")
    await owed.put("/what the older cloud has not", b"newer")
    await _well(owed)
    async with shelf.cloud_away():
        await shelf.keep_cloud("newer")
        await shelf.put_cloud_back("older")
    before = shelf.entries()
    await owed.put("/while it was older", b"older")
    assert await _refused(owed) == "ROLLED_BACK"
    assert shelf.entries() == before, "nothing is written over an older log"
    async with shelf.cloud_away():
        await shelf.put_cloud_back("newer")
    await _well(owed)


async def _rotten(owed: Owed, shelf: Shelf) -> None:
    """The newest entry is not what was written: the next one has nothing to follow."""
    async with shelf.cloud_away():
        await shelf.keep_cloud("sound")
        shelf.flip_newest()
    await owed.put("/while it was rotten", b"rotten")
    assert await _refused(owed) in ("LOG_DAMAGED", "FORK")
    async with shelf.cloud_away():
        await shelf.put_cloud_back("sound")
    await _well(owed)


async def _forked(owed: Owed, shelf: Shelf) -> None:
    """The same device wrote two histories, from a copy of its disk; the cloud shows the other one."""
    async with shelf.device_away():
        await shelf.keep_memory("before")
        async with shelf.cloud_away():
            await shelf.keep_cloud("before")
    await owed.put("/on the one branch", b"one")
    await _well(owed)
    one = shelf.longest()
    async with shelf.device_away():
        await shelf.keep_memory("one")
        await shelf.put_memory_back("before")
        async with shelf.cloud_away():
            await shelf.put_cloud_back("before")
    await owed.api.put("/on the other branch", b"other")
    while shelf.longest() <= one:  # a shorter log would be told as an older one
        await _well(owed)
    async with shelf.device_away():
        await shelf.put_memory_back("one")
    before = shelf.entries()
    await owed.put("/after the fork", b"more")
    assert await _refused(owed) == "FORK"
    assert shelf.entries() == before
