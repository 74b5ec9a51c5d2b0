"""The recovery slot of the data partition: when it is seen to, and how it opens."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.kek import Kek

from piccolo_vault.adapters.disk import RootsDisk
from piccolo_vault.core.keys.disk import DiskAnswer
from piccolo_vault.engine.keys import disk_slot
from piccolo_vault.engine.keys.custody import Custody
from piccolo_vault.engine.keys.disk_slot import DiskSlot
from piccolo_vault.testing_keys import CHEAP, MemoryFiles, SetClock, good_new

GOOD = "seven green kettles"


class FakeDisk:
    """Root's part; it says what it is told to, and tells each time it was asked."""

    def __init__(self, *answers: DiskAnswer) -> None:
        self.answers = list(answers)
        self.asked: asyncio.Queue[bytes] = asyncio.Queue()

    async def enrol(self, key: bytes) -> DiskAnswer:
        self.asked.put_nowait(key)
        return self.answers.pop(0) if self.answers else DiskAnswer.KEPT

    async def open(self, key: bytes) -> DiskAnswer:
        return await self.enrol(key)


@asynccontextmanager
async def seen_to(custody: Custody, disk: FakeDisk) -> AsyncIterator[DiskSlot]:
    slot = DiskSlot(custody, disk)
    task = asyncio.ensure_future(slot.run())
    try:
        yield slot
    finally:
        task.cancel()


async def next_key(disk: FakeDisk) -> bytes:
    async with asyncio.timeout(20):
        return await disk.asked.get()


def custody_on(files: MemoryFiles) -> Custody:
    return Custody(files, os.urandom, SetClock(), CHEAP, good_new)


async def test_the_slot_is_seen_to_once_the_words_are_confirmed_and_once_after_each_start() -> None:
    files, disk = MemoryFiles(), FakeDisk()
    custody = custody_on(files)
    async with seen_to(custody, disk):
        shown = await custody.setup(GOOD)
        kek = Kek.from_words(" ".join(shown.words))
        await custody.confirm(" ".join(shown.words[at - 1] for at in shown.ask))
        assert await next_key(disk) == kek.disk()
        await custody.lock()
        await custody.unlock(GOOD)
    again = custody_on(files.rebooted())
    async with seen_to(again, disk):
        await again.unlock(GOOD)
        assert await next_key(disk) == kek.disk()
    assert disk.asked.empty(), "a second unlock of one process needs no second look"


async def test_what_fails_is_tried_again_while_the_device_is_unlocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disk_slot, "_RETRY", 0.0)
    disk = FakeDisk(DiskAnswer.FAILED, DiskAnswer.ENROLLED)
    custody = custody_on(MemoryFiles())
    async with seen_to(custody, disk):
        shown = await custody.setup(GOOD)
        await custody.confirm(" ".join(shown.words[at - 1] for at in shown.ask))
        assert await next_key(disk) == await next_key(disk)


async def test_new_words_take_the_place_of_the_old_ones() -> None:
    disk, custody = FakeDisk(), custody_on(MemoryFiles())
    async with seen_to(custody, disk):
        shown = await custody.setup(GOOD)
        await custody.confirm(" ".join(shown.words[at - 1] for at in shown.ask))
        await next_key(disk)
        shown = await custody.offer(GOOD)
        await custody.accept(" ".join(shown.words[at - 1] for at in shown.ask), 1, exposed=True)
        assert disk.asked.empty(), "the words are not in force yet"
        custody.succeed()
        assert await next_key(disk) == Kek.from_words(" ".join(shown.words)).disk()


@pytest.mark.parametrize(
    ("answer", "reason", "kind"),
    [
        (DiskAnswer.WRONG, "DISK_WORDS_WRONG", Kind.INVALID),
        (DiskAnswer.UNSET, "DISK_NO_WORDS", Kind.PRECONDITION),
        (DiskAnswer.NONE, "DISK_NOT_CLOSED", Kind.PRECONDITION),
        (DiskAnswer.DAMAGED, "DISK_DAMAGED", Kind.DATA_LOSS),
        (DiskAnswer.FAILED, "DISK_FAILED", Kind.UNAVAILABLE),
    ],
)
async def test_why_words_do_not_open_is_told(answer: DiskAnswer, reason: str, kind: Kind) -> None:
    slot = DiskSlot(custody_on(MemoryFiles()), FakeDisk(answer))
    with pytest.raises(PiccoloError) as caught:
        await slot.open(" ".join(Kek(bytes(32)).to_words()))
    assert (caught.value.reason, caught.value.kind) == (reason, kind)


async def test_a_blank_device_opens_by_words_and_keeps_nothing_of_them() -> None:
    files, disk = MemoryFiles(), FakeDisk(DiskAnswer.OPENED)
    kek, custody = Kek(os.urandom(32)), custody_on(files)
    before = files.rebooted()
    await DiskSlot(custody, disk).open(" ".join(kek.to_words()))
    assert await next_key(disk) == kek.disk()
    assert files.rebooted() == before


async def test_words_that_are_none_never_reach_the_disk() -> None:
    disk = FakeDisk()
    with pytest.raises(PiccoloError, match="24 recovery words"):
        await DiskSlot(custody_on(MemoryFiles()), disk).open("abandon")
    assert disk.asked.empty()


async def test_one_line_is_asked_and_one_answered(tmp_path: Path) -> None:
    heard: list[bytes] = []
    says = [b"enrolled\n", b"wrong\n", b"", b"something else\n"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(says.pop(0))
        writer.close()

    socket = tmp_path / "s"
    disk = RootsDisk(socket)
    with pytest.raises(PiccoloError) as away:
        await disk.enrol(bytes(32))
    assert away.value.reason == "DISK_AWAY"
    async with await asyncio.start_unix_server(serve, socket):
        assert stat.S_ISSOCK(socket.stat().st_mode)
        assert await disk.enrol(bytes(32)) is DiskAnswer.ENROLLED
        assert await disk.open(bytes(31) + b"\1") is DiskAnswer.WRONG
        for _ in range(2):
            with pytest.raises(PiccoloError) as busy:
                await disk.open(bytes(32))
            assert busy.value.reason == "DISK_BUSY"
    assert heard[:2] == [b"enrol " + b"00" * 32 + b"\n", b"open " + b"00" * 31 + b"01\n"]
