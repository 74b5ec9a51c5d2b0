"""Folders to be put into a browser: names of many scripts, and very many names at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import apsw
from piccolo_metadata.adapters.connection import open_writer

NAMES: Final = (
    "Grüße an Oma.txt",
    "日本語の手紙.txt",
    "кириллица/письмо.txt",
    "مرحبا/رسالة.txt",
    "שלום.txt",
    "हिन्दी/पत्र.txt",
    "ελληνικά.txt",
    "🦊 fox & 100% #1 ?=+;.txt",
    "per%20cent and a ' quote.txt",
    "deep/er/and/deeper/down.bin",
    "empty.txt",
    ("long " * 40).strip() + ".txt",
)


def written(folder: Path) -> dict[str, bytes]:
    """Files of every script below a folder; what each holds, by its path there."""
    made: dict[str, bytes] = {}
    for number, name in enumerate(NAMES):
        content = b"" if name == "empty.txt" else os.urandom(1000 + 7919 * number)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        made[name] = content
    return made


def fill(database: Path, folder: str, count: int) -> None:
    """Gives the one file in a folder of the root so many names more. The database's service must not run.

    Through the API each would be a transaction of its own; a list is no other for having been filled at once.
    """
    rows = open_writer(database)
    try:
        with rows:
            _add(rows, folder, count)
    finally:
        rows.close()


def _add(rows: apsw.Connection, folder: str, count: int) -> None:
    (parent,) = next(rows.execute("SELECT id FROM entry WHERE parent = 1 AND name = ?", (folder,)))
    (model,) = next(rows.execute("SELECT id FROM entry WHERE parent = ?", (parent,)))
    (last,) = next(rows.execute("SELECT max(id) FROM entry"))
    rows.executemany(
        "INSERT INTO entry SELECT ?, parent, ?, kind, revision, version_id, size + ?, modified + ?, media, 1,"
        " deep FROM entry WHERE id = ?",
        ((last + n, f"photograph {n}.jpg", n % 977, -n, model) for n in range(1, count + 1)),
    )
    rows.executemany(
        "INSERT INTO version SELECT ?, number, version_id, stored, replaced FROM version WHERE entry = ?",
        ((last + n, model) for n in range(1, count + 1)),
    )
