"""A journal that rotted is told from one that a power cut tore."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import apsw
import pytest

from piccolo_metadata.adapters.connection import open_writer
from piccolo_metadata.adapters.journal import rotten_journal

COMMITS = 12
FRAME = 4096 + 24


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a kill leaves it: some commits in the journal, none in the file."""
    live, copy = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("copies") / "crashed"
    connection = open_writer(live / "db")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT")
    for number in range(1, COMMITS):
        connection.execute("INSERT INTO t VALUES (?, ?)", (number, f"name {number} " * 400))
    shutil.copytree(live, copy)
    connection.close()
    return copy


def found(folder: Path) -> tuple[str | None, int]:
    """What is found in the journal, and how many commits SQLite takes from it."""
    rotten = rotten_journal(folder / "db-wal")
    connection = open_writer(folder / "db")
    try:
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
        rows = int(connection.execute("SELECT count(*) FROM t").get) if tables else 0
        return rotten, rows
    finally:
        connection.close()


def copied(crashed: Path, to: Path) -> Path:
    shutil.copytree(crashed, to / "copy")
    (to / "copy" / "db-shm").unlink()
    return to / "copy"


def test_a_whole_journal_has_not_rotted(crashed: Path, tmp_path: Path) -> None:
    assert found(copied(crashed, tmp_path)) == (None, COMMITS - 1)


@pytest.mark.parametrize("seed", range(60))
def test_a_flipped_bit_loses_no_commit_in_silence(crashed: Path, tmp_path: Path, seed: int) -> None:
    """But, at most, the last one: it may have been torn."""
    chance, folder = Random(seed), copied(crashed, tmp_path)
    journal = bytearray((folder / "db-wal").read_bytes())
    journal[chance.randrange(len(journal))] ^= 1 << chance.randrange(8)
    (folder / "db-wal").write_bytes(journal)
    try:
        rotten, rows = found(folder)
    except apsw.Error:  # SQLite sees it itself
        return
    assert rotten or rows >= COMMITS - 2


@pytest.mark.parametrize("seed", range(60))
def test_a_torn_last_commit_is_no_rot(crashed: Path, tmp_path: Path, seed: int) -> None:
    """Any of its sectors may be missing, and what an earlier journal left may lie behind it."""
    chance, folder = Random(seed), copied(crashed, tmp_path)
    journal = bytearray((folder / "db-wal").read_bytes())
    commits = [at for at in range(32, len(journal), FRAME) if any(journal[at + 4 : at + 8])]
    last = commits[-2] + FRAME
    for at in range(last, len(journal), 512):
        if chance.random() < 0.5:
            journal[at : at + 512] = bytes(len(journal[at : at + 512]))
    journal += chance.randbytes(FRAME * chance.randrange(3))
    (folder / "db-wal").write_bytes(journal)
    assert found(folder)[0] is None
