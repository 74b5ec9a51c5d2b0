"""The outbox, snapshots, and the memory's replacement: what a backup needs of the database.

Rules:
* Entries leave the outbox only when the backup has acknowledged them, or when they outweigh the database:
  then a snapshot is cheaper, and the local value SNAPSHOT_WANTED says so.
* A restore works on a file of its own until `replace`; the living memory is exchanged by a rename.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from piccolo_metadata.adapters.database import Database
from piccolo_metadata.adapters.restoring import Restoration
from piccolo_metadata.adapters.schema import KNOWN
from piccolo_metadata.adapters.snapshots import open_snapshot, write_snapshot
from piccolo_metadata.engine import numbers, outbox
from piccolo_metadata.ports import Backlog, OutboxEntry, Restoring, Snapshot

WORK: Final = "work"


class DatabaseOutbox:
    """Implements ports.Outbox on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.path.parent / WORK
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        self._snapshots = asyncio.Lock()

    @property
    def schema(self) -> int:
        """The schema version of this memory."""
        return self._database.schema

    @property
    def known_schema(self) -> int:
        """The newest schema version that this release opens."""
        return KNOWN

    @property
    def work_folder(self) -> Path:
        """A folder for large temporary files, emptied at each start."""
        return self._folder

    async def committed(self, after: int) -> int:
        """Waits until the outbox's last number is above `after`, and returns it."""
        return await self._database.committed(after)

    async def pending(self, after: int, most_bytes: int) -> list[OutboxEntry]:
        """Entries with higher numbers, in order: at least one if there is one, else up to so many bytes."""
        return await self._database.read(outbox.pending, after, most_bytes)

    async def backlog(self) -> Backlog:
        """How much waits."""
        return await self._database.read(outbox.backlog)

    async def acknowledge(self, through: int, local: Mapping[str, bytes | None]) -> None:
        """Forgets entries and sets local values, in one transaction."""
        await self._database.write(outbox.acknowledge, through, local)

    async def local(self, key: str) -> bytes | None:
        """A local value, None when there is none."""
        return await self._database.read(outbox.local, key)

    async def locals(self, *keys: str) -> list[bytes | None]:
        """Local values of one moment, in the order of their keys."""
        return await self._database.read(outbox.several, keys)

    async def set_local(self, values: Mapping[str, bytes | None]) -> None:
        """Sets (None removes) local values in one transaction."""
        await self._database.write(outbox.set_local, values)

    async def snapshot(self) -> Snapshot:
        """Writes a consistent snapshot into the work folder; one at a time."""
        target = self._folder / "snapshot.db"
        async with self._snapshots:
            target.unlink(missing_ok=True)
            return await asyncio.to_thread(write_snapshot, self._database.path, target)

    async def set_generation(self, generation: int) -> None:
        """Says which device generation mutation numbers are drawn for."""
        await self._database.write(numbers.set_generation, generation)

    async def is_empty(self) -> bool:
        """Whether there is nothing of an owner's here."""
        return await self._database.read(outbox.is_empty)

    @asynccontextmanager
    async def restoring(self, snapshot: Path) -> AsyncIterator[Restoring]:
        """Opens a snapshot's file to become this memory."""
        connection = await asyncio.to_thread(open_snapshot, snapshot)
        restoration = Restoration(self._database, snapshot, connection)
        try:
            yield restoration
        finally:
            await restoration.close()
