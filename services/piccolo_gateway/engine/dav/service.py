"""WebDAV as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from piccolo_gateway.core.dav.locks import LockTable
from piccolo_gateway.engine.dav.changes import Changes
from piccolo_gateway.engine.dav.guard import Guard
from piccolo_gateway.engine.dav.listing import Listing
from piccolo_gateway.engine.dav.locking import Locking
from piccolo_gateway.engine.writing import Writer
from piccolo_gateway.ports.dav import DavFiles
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.ports.store import Store


@dataclass(frozen=True, slots=True)
class Dav:
    """The use cases; they share one table of locks."""

    changes: Changes
    listing: Listing
    locking: Locking

    @classmethod
    def over(
        cls,
        files: Files,
        names: DavFiles,
        store: Store,
        writer: Writer,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> Self:
        """WebDAV over the owner's files."""
        locks = LockTable()
        guard = Guard(files, locks, clock)
        changes = Changes(files, names, writer, guard, clock)
        return cls(
            changes, Listing(files, names, store, locks, clock), Locking(changes, guard, clock, random)
        )
