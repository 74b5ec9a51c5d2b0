"""A disk that can be full."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from piccolo_chassis import command


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Path]:
    """A file system of 16 MiB; only root can mount it."""
    where = tmp_path / "disk"
    where.mkdir()
    await command.run(["mount", "-t", "tmpfs", "-o", "size=16M", "disk", where], seconds=60.0)
    try:
        yield where
    finally:
        await command.run(["umount", where], seconds=60.0)
