"""A page that is not as it was written is an error, wherever the bit was flipped."""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest

from piccolo_chassis import pages

ROWS = 200


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "db"
    connection = opened(path)
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT")
    with connection:
        connection.executemany("INSERT INTO t VALUES (?, ?)", ((n, f"name {n} " * 9) for n in range(ROWS)))
    connection.close()
    return path


def opened(path: Path) -> apsw.Connection:
    pages.prepare()
    connection = apsw.Connection(str(path))
    try:
        pages.checked(connection)
        connection.pragma("journal_mode", "wal")
    except BaseException:
        connection.close()
        raise
    return connection


def rows(path: Path) -> list[tuple[int, str]]:
    connection = opened(path)
    try:
        return list(connection.execute("SELECT a, b FROM t"))
    finally:
        connection.close()


def test_what_was_written_is_read(database: Path) -> None:
    assert len(rows(database)) == ROWS


@pytest.mark.parametrize("seed", range(60))
def test_a_flipped_bit_is_never_other_data(database: Path, seed: int) -> None:
    """Where SQLite alone would read another name."""
    chance, whole = Random(seed), rows(database)
    content = bytearray(database.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    database.write_bytes(content)
    try:
        found = rows(database)
    except (apsw.CorruptError, apsw.NotADBError):
        return
    except apsw.IOError as failed:
        if pages.is_rot(failed):
            return
        raise
    assert found == whole, "a page that nobody reads"


def test_a_file_without_checksums_is_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "plain"))
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    content = bytearray((tmp_path / "plain").read_bytes())
    with pytest.raises(apsw.CorruptError, match="no checksums"):
        opened(tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == content
