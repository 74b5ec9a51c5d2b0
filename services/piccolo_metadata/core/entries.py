"""What the tree of names holds, as the engine hands it out.

Times are seconds since 1970, sizes are plaintext bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from piccolo_metadata.core.paths import Path


class EntryKind(IntEnum):
    """Files and directories; the numbers are those of the wire and of the database."""

    FILE = 1
    DIRECTORY = 2


@dataclass(frozen=True, slots=True)
class Property:
    """A text that a client noted about an entry, by a name of its own."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One name. `version_id` is None, `size` and `versions` are 0 for a directory.

    `entry_id` stays with it under every name; 0 where it was not asked for.
    `properties` are there only where they were asked for.
    """

    path: Path
    kind: EntryKind
    revision: int
    version_id: bytes | None
    size: int
    modified: int
    media: str
    versions: int
    entry_id: int = 0
    properties: tuple[Property, ...] = ()

    @property
    def weight(self) -> int:
        """About how many bytes it is on the wire."""
        noted = sum(len(one.name) + 4 * len(one.value) + 8 for one in self.properties)
        return self.path.size + len(self.media) + 64 + noted


@dataclass(frozen=True, slots=True)
class Version:
    """One kept content of a file. `number` orders them, higher is newer."""

    number: int
    version_id: bytes
    size: int
    modified: int
    stored: int
    current: bool
    media: str


@dataclass(frozen=True, slots=True)
class Removed:
    """One entry in the trash, as it was, with its old path.

    Attributes:
        kept_until: when it is given up at the earliest, seconds since 1970.
    """

    trash_id: int
    entry: Entry
    removed: int
    files: int
    kept_until: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts below a directory: `size` is of the current versions, `versions` are all that are kept."""

    files: int
    directories: int
    size: int
    versions: int
