"""A journal that an unclean end left: what was cut off is forgotten, what was damaged is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.adapters.damage import set_aside_before
from piccolo_metadata.adapters.journal import rotten_journal
from piccolo_metadata.engine import state
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import Rows, Transaction
from piccolo_metadata.testing import memory

WRITES = 12
FRAME = 24 + 4096


def put(tx: Transaction, number: int) -> int:
    return state.put(tx, "n", [StateValue(f"{number:03}", b"x" * 3_000, 0)], [], check=False)


def keys(rows: Rows) -> list[int]:
    return [int(one.key) for one in state.listing(rows, "n", "", "", 1_000).items]


async def killed(folder: Path, first: int = 0, count: int = WRITES) -> bytes:
    """Writes, and leaves in `folder` what a kill -9 leaves; returns the journal."""
    alive = folder.with_name(folder.name + "-alive")
    if folder.exists():
        shutil.copytree(folder, alive)
    async with memory(alive) as opened:
        for number in range(first, first + count):
            await opened.database.write(put, number)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(alive, folder)
    shutil.rmtree(alive)
    return (folder / "metadata.db-wal").read_bytes()


async def read(folder: Path) -> list[int]:
    async with memory(folder) as opened:
        return await opened.database.read(keys)


def last_commit(journal: bytes) -> int:
    """The number, from 1, of the last frame that ends a transaction of the journal's run."""
    salts = journal[16:24]
    frames = range(1, (len(journal) - 32) // FRAME + 1)
    heads = {number: journal[32 + (number - 1) * FRAME :][:24] for number in frames}
    return max(number for number, head in heads.items() if any(head[4:8]) and head[8:16] == salts)


async def test_a_whole_journal_is_taken_whole(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    await killed(folder)
    assert rotten_journal(folder / "metadata.db-wal") is None
    assert await read(folder) == list(range(WRITES))


@pytest.mark.parametrize("at", [3, 17, 40, 32 + 5 * FRAME + 9, 32 + 9 * FRAME + 2_000])
async def test_damage_before_the_last_transaction_is_told_and_nothing_is_deleted(
    tmp_path: Path, at: int
) -> None:
    folder = tmp_path / "m"
    spoilt = bytearray(await killed(folder))
    spoilt[at] ^= 0x55
    (folder / "metadata.db-wal").write_bytes(spoilt)
    with pytest.raises(PiccoloError, match="restore the backup with your 24 words") as refused:
        await read(folder)
    assert (refused.value.kind, refused.value.reason) == (Kind.PRECONDITION, "DATABASE_DAMAGED")
    (aside,) = set_aside_before(folder)
    assert (aside / "metadata.db-wal").read_bytes() == spoilt
    assert await read(folder) == []


async def test_a_last_transaction_that_was_cut_off_is_no_damage(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    whole = await killed(folder)
    last = last_commit(whole)
    torn = bytearray(whole)
    torn[32 + (last - 1) * FRAME + 500] ^= 0x55  # some sectors came to the disk, others not
    (folder / "metadata.db-wal").write_bytes(torn)
    assert await read(folder) == list(range(WRITES - 1))


async def test_what_was_cut_off_again_and_again_is_no_damage(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    written = 0
    for _ in range(4):
        whole = await killed(folder, written, 3)
        torn = bytearray(whole)
        torn[32 + (last_commit(whole) - 1) * FRAME + 500] ^= 0x55
        (folder / "metadata.db-wal").write_bytes(torn)
        written += 2
    assert await read(folder) == list(range(written))


async def test_a_journal_that_ends_anywhere_is_read_up_to_there(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    whole = await killed(folder)
    for number, size in enumerate((0, 31, 32, 33, 32 + FRAME, len(whole) // 2, len(whole) - 1)):
        cut = tmp_path / str(number)
        shutil.copytree(folder, cut)
        (cut / "metadata.db-wal").write_bytes(whole[:size])
        found = await read(cut)
        assert found == list(range(len(found)))
