"""Objects and what the vault journals about them, as the engine takes and hands them out.

Records and signatures stay the bytes that the vault made (docs/storage-format.md, sections 2, 6 and 7).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from piccolo_metadata.core.entries import Entry
from piccolo_metadata.core.versions import Order


class ObjectKind(IntEnum):
    """Lone file versions and packs; the numbers are those of the wire and of the database."""

    FILE = 1
    PACK = 2


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What was erasure-coded. `missing` are the indexes of fragments that no keeper holds.

    `exposed`: strangers may know its keys; told only where the end of objects is listed.
    """

    object_id: bytes
    kind: ObjectKind
    layout: bytes
    sealed_layout_key: bytes
    wrapped_pack_key: bytes
    missing: tuple[int, ...]
    exposed: bool = False

    @property
    def weight(self) -> int:
        """About how many bytes it is on the wire."""
        return 64 + len(self.layout) + len(self.sealed_layout_key) + len(self.wrapped_pack_key)


@dataclass(frozen=True, slots=True)
class StoredContent:
    """One file version inside an object, at `offset` for `length` bytes."""

    content: bytes
    mac: bytes
    wrapped_key: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file version to be published. `expected_revision`: 0 the name must be free, None anything goes.

    `order`: the version's own, see core/versions.py. `moved_from`: the object that a kept version lies in and
    is moved from; empty for a new version.
    """

    path: str
    modified: int
    media: str
    expected_revision: int | None
    content: StoredContent
    upload_id: str
    version_id: bytes
    size: int
    order: Order
    moved_from: bytes = b""


@dataclass(frozen=True, slots=True)
class PackUse:
    """How much of a pack is kept: so many versions, so many of its `size` bytes."""

    object_id: bytes
    size: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Exposed:
    """What strangers may know the keys of: so many objects, and of these what is still kept.

    `bytes` counts the sealed bytes of the kept versions.
    """

    objects: int
    versions: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Intent:
    """All that a publication writes. `exposed`: strangers may know the object's keys."""

    object: StoredObject
    files: tuple[NewFile, ...]
    commit_record: bytes
    exposed: bool = False

    @property
    def weight(self) -> int:
        """About how many bytes it is on the wire."""
        files = sum(len(f.path) + len(f.content.content) + len(f.media) + 256 for f in self.files)
        return self.object.weight + files + len(self.commit_record)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file of an intent cannot be published. `index` is its place in the intent."""

    index: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome for one file: an entry or a refusal; neither for a version that was moved.

    `created`: nothing had the name before.
    """

    entry: Entry | None = None
    refusal: Refusal | None = None
    created: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is needed to read a file version, and the entry that it was found by."""

    entry: Entry
    content: StoredContent
    object: StoredObject


@dataclass(frozen=True, slots=True)
class Upload:
    """A journalled upload. `durable_segments` and `touched` are the journal's own; `blocks` is m."""

    upload_id: str
    path: str
    modified: int
    media: str
    expected_revision: int | None
    vault_state: bytes
    blocks: int
    size: int | None
    at_risk: bool
    durable_segments: int = 0
    touched: int = 0


@dataclass(frozen=True, slots=True)
class Repair:
    """One object in the repair queue. `margin`: how many devices may still be lost before it is."""

    object_id: bytes
    margin: int
    cause: str
    not_before: int
    tries: int


@dataclass(frozen=True, slots=True)
class PendingTombstone:
    """A tombstone that a keeper has not acknowledged."""

    tombstone_id: int
    keeper: bytes
    tombstone: bytes


@dataclass(frozen=True, slots=True)
class Queue:
    """Some of the repair queue, most urgent first, and how many there are in all."""

    repairs: list[Repair] = field(default_factory=list)
    total: int = 0
