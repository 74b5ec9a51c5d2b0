"""A cloud's engine over a store, and the calls of its clients."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.backup import EntryKind

from piccolo_cloud.core.limits import Limits
from piccolo_cloud.core.log import Extent
from piccolo_cloud.core.names import log_prefix
from piccolo_cloud.engine.door import Door
from piccolo_cloud.engine.logs import Logs
from piccolo_cloud.ports import ObjectStore
from piccolo_cloud.tests.owners import Device, Entry, Owner, pieces

CHANGESET, CLAIM, MOVED = EntryKind.CHANGESET, EntryKind.CLAIM, EntryKind.MOVED


class Cloud:
    """A cloud's engine and the calls of its clients."""

    def __init__(self, store: ObjectStore, limits: Limits | None = None) -> None:
        self.now = 1000.0
        self.store = store
        self.door = Door(lambda: self.now, os.urandom)
        self.logs = Logs(store, self.door, limits or Limits())

    async def append(self, device: Device, entry: Entry, chunks: AsyncIterator[bytes] | None = None) -> int:
        authority = device.authority(self.door.challenge(), "Append", entry.seq)
        return await self.logs.append(authority, entry.seq, len(entry.data), chunks or pieces(entry.data))

    async def refused(self, device: Device, entry: Entry) -> PiccoloError:
        """Why the entry is refused; nothing was created by it."""
        before = await self.keys(device.owner)
        with pytest.raises(PiccoloError) as told:
            await self.append(device, entry)
        assert await self.keys(device.owner) == before
        return told.value

    async def head(self, owner: Owner) -> Extent:
        return await self.logs.head(owner.authority(self.door.challenge(), "GetHead", 0))

    async def read(
        self, owner: Owner, first: int = 0, last: int = 0, *, headers: bool = False
    ) -> dict[int, bytes]:
        authority = owner.authority(self.door.challenge(), "ReadEntries", first)
        found: dict[int, bytes] = {}
        whole: set[int] = set()
        async for piece in self.logs.read(authority, first, last, headers_only=headers):
            assert piece.seq not in whole
            found[piece.seq] = found.get(piece.seq, b"") + piece.data
            if piece.last:
                whole.add(piece.seq)
        assert whole == set(found)
        return found

    async def drop(self, who: Owner | Device, before: int) -> int:
        return await self.logs.drop(who.authority(self.door.challenge(), "DropChain", before), before)

    async def keys(self, owner: Owner) -> list[str]:
        return sorted([each.key async for each in self.store.list(log_prefix(owner.locator))])


async def history(cloud: Cloud, device: Device, *kinds: EntryKind) -> list[Entry]:
    """Appends entries of these kinds and returns them."""
    made: list[Entry] = []
    for kind in kinds:
        made.append(device.entry(made[-1] if made else None, kind, os.urandom(100)))
        assert await cloud.append(device, made[-1]) == made[-1].seq
    return made


SNAPSHOT = EntryKind.SNAPSHOT
