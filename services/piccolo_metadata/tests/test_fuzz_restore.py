"""Restoring what somebody else may have written: any bytes as a snapshot, any bytes as a changeset.

Both come out of bodies that were sealed and signed, so only a broken or a stolen device makes such ones. A
restore refuses them in words all the same, and the memory stays as it is. `--seed` and `--rounds` as in the
circle's tests at random.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.ports import OutboxEntry
from piccolo_metadata.testing import TestMemory, memory
from piccolo_metadata.tests.lost_and_found import entries, handed_over, publish, recorded, rename

REFUSED = frozenset({Kind.DATA_LOSS, Kind.PRECONDITION})


@pytest.fixture
async def blank(tmp_path: Path) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "blank") as opened:
        yield opened


@pytest.fixture
async def good(tmp_path: Path, blank: TestMemory) -> tuple[bytes, list[OutboxEntry]]:
    """A snapshot's bytes, and what came after it."""
    async with memory(tmp_path / "living") as living:
        for number in range(1, 4):
            await publish(living, f"/a{number}", number)
        snapshot = await handed_over(living, blank)
        before = len(await entries(living))
        await rename(living, "/a1", "/b")
        await publish(living, "/c", 9)
        return snapshot.read_bytes(), (await entries(living))[before:]


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    seed = request.config.getoption("--seed")
    seed = secrets.randbelow(2**32) if seed is None else seed
    print(f"seed {seed}")  # noqa: T201 - shown when a test fails
    return random.Random(seed)


def spoilt(dice: random.Random, data: bytes) -> bytes:
    """Bytes with pieces flipped, zeroed, doubled, cut out, or from another place."""
    made = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        at, size = dice.randrange(len(made) + 1), dice.choice([1, 1, 2, 8, 100, 4096])
        other = dice.randrange(len(made) + 1)
        pieces = [dice.randbytes(size), bytes(size), b"\xff" * size, b"", bytes(made[other : other + size])]
        made[at : at + dice.choice([0, size, size])] = dice.choice(pieces)
    return bytes(made[: dice.randrange(len(made) + 1)] if dice.random() < 0.05 else made)


async def restored(blank: TestMemory, snapshot: Path, changes: list[OutboxEntry]) -> str:
    """Goes as far as it goes; the reason why no further."""
    try:
        async with blank.outbox.restoring(snapshot) as restoring:
            for each in changes:
                await restoring.apply(each)
    except PiccoloError as refused:
        assert refused.kind in REFUSED, refused  # noqa: PT017
        return refused.reason
    return ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what SQLite logs is no text
async def test_any_bytes_as_a_snapshot(
    tmp_path: Path,
    blank: TestMemory,
    good: tuple[bytes, list[OutboxEntry]],
    dice: random.Random,
    request: pytest.FixtureRequest,
) -> None:
    data, changes = good
    path, reasons = tmp_path / "snapshot", set[str]()
    for _ in range(3 * request.config.getoption("--rounds")):
        await asyncio.to_thread(path.write_bytes, spoilt(dice, data))
        reasons.add(await restored(blank, path, changes))
    assert "BACKUP_DAMAGED" in reasons


@pytest.mark.parametrize(
    "number",
    ["'x'", "x'ff'", "''", "NULL", "'1e3'", "'-1'", f"'{'9' * 5_000}'", f"'{2**64}'"],
)
async def test_a_snapshot_that_tells_no_number(
    tmp_path: Path, blank: TestMemory, good: tuple[bytes, list[OutboxEntry]], number: str
) -> None:
    data, changes = good
    path = tmp_path / "snapshot"
    path.write_bytes(data)
    connection = apsw.Connection(str(path))
    if number == "NULL":
        connection.execute("DELETE FROM local WHERE key = 'snapshot.number'")
    else:
        connection.execute(f"UPDATE local SET value = CAST({number} AS BLOB) WHERE key = 'snapshot.number'")
    connection.close()
    assert await restored(blank, path, changes) in {"BACKUP_DAMAGED", "CHANGESET_ORDER"}


async def test_a_snapshot_with_a_text_that_is_none(
    tmp_path: Path, blank: TestMemory, good: tuple[bytes, list[OutboxEntry]]
) -> None:
    """SQLite finds it whole; a name that no program can read must not become the memory."""
    data, changes = good
    path = tmp_path / "snapshot"
    path.write_bytes(data)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE entry SET name = CAST(x'ff61' AS TEXT) WHERE name = 'a2'")
    connection.close()
    assert await restored(blank, path, changes) == "BACKUP_DAMAGED"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what SQLite logs is no text
async def test_any_bytes_as_a_changeset(
    tmp_path: Path,
    blank: TestMemory,
    good: tuple[bytes, list[OutboxEntry]],
    dice: random.Random,
    request: pytest.FixtureRequest,
) -> None:
    data, changes = good
    path, reasons = tmp_path / "snapshot", set[str]()
    path.write_bytes(data)
    before = recorded(path)
    for _ in range(5 * request.config.getoption("--rounds")):
        wrong = replace(changes[0], changeset=spoilt(dice, changes[0].changeset))
        reasons.add(reason := await restored(blank, path, [wrong]))
        if reason:
            assert recorded(path) == before
        else:
            await asyncio.to_thread(path.write_bytes, data)
    assert "CHANGESET_CONFLICT" in reasons
