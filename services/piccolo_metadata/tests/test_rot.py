"""Bits that flip in the database: where nothing lies it heals, and of the rest somebody is told."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from random import Random

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.adapters.connection import open_plain
from piccolo_metadata.engine import state
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.testing import memory

VALUES = 400
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a memory that was closed in order, with free pages in its file."""
    folder = tmp_path_factory.mktemp("memory") / "whole"
    asyncio.run(fill(folder))
    return folder


async def fill(folder: Path) -> None:
    async with memory(folder) as made:
        for first in range(0, VALUES, 50):
            values = [StateValue(f"{n}", bytes([n % 256]) * 700, 0) for n in range(first, first + 50)]
            await made.database.write(state.put, "test", values, [], check=False)
        gone = [f"{n}" for n in range(VALUES // 2, VALUES)]
        await made.database.write(state.put, "test", [], gone, check=False)


def copied(whole: Path, to: Path) -> Path:
    shutil.copytree(whole, to / "copy")
    (to / "copy" / "open").touch()  # the last run did not end by itself
    return to / "copy"


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def free_pages(path: Path) -> list[int]:
    connection = open_plain(path)
    try:
        used = {number for (number,) in connection.execute("SELECT pageno FROM dbstat")}
        return [number for number in range(2, int(connection.pragma("page_count")) + 1) if number not in used]
    finally:
        connection.close(True)


async def read(folder: Path) -> int:
    async with memory(folder) as made:
        kept = [await made.database.read(state.get, "test", f"{n}") for n in range(VALUES // 2)]
        assert all(each.value == bytes([n % 256]) * 700 for n, each in enumerate(kept))
        return len(kept)


async def test_what_rots_where_nothing_lies_is_made_anew(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    for page in free_pages(folder / "metadata.db")[:3]:
        flip(folder / "metadata.db", (page - 1) * PAGE + 2000)
    assert await read(folder) == VALUES // 2
    assert [each.name for each in folder.glob("damaged-*/*")] == ["metadata.db"], "what was there is kept"
    assert await read(folder) == VALUES // 2
    assert len([*folder.glob("damaged-*")]) == 1, "and it is whole now"


@pytest.mark.parametrize("seed", range(30))
async def test_no_value_is_ever_another(whole: Path, tmp_path: Path, seed: int) -> None:
    folder, chance = copied(whole, tmp_path), Random(seed)
    flip(folder / "metadata.db", chance.randrange((folder / "metadata.db").stat().st_size))
    try:
        await read(folder)
    except PiccoloError as refused:
        told = refused
    else:
        return
    assert told.reason == "DATABASE_DAMAGED"
    assert "24 words" in told.message
    assert [*folder.glob("damaged-*/metadata.db")]
