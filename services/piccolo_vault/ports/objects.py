"""The vault's memory: uploads, intents, manifests, layouts, the repair queue, tombstones, operations.

Each call is one durable transaction of the metadata service. Everything raises PiccoloError; UNAVAILABLE
when the memory does not answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from piccolo_formats.records.commit import ObjectKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from piccolo_vault.core.storage.resealing import Left

__all__ = ["ObjectKind"]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object and its layout, Signed("layout"). `missing`: indexes that nobody holds at present.

    `exposed`: strangers may know its keys; told of reclaimable objects only.
    """

    object_id: bytes
    kind: ObjectKind
    layout: bytes
    sealed_layout_key: bytes
    wrapped_pack_key: bytes
    missing: tuple[int, ...] = ()
    exposed: bool = False


@dataclass(frozen=True, slots=True)
class StoredContent:
    """One file version inside an object: its content record, MAC and wrapped FEK, and where it lies."""

    content: bytes
    mac: bytes
    wrapped_key: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file version with the name it is published under. `expected_revision` 0: the name must be free.

    `moved_from`: the object that a kept version lies in at present and is moved from; b"": a new version.
    With another content record than there it was sealed anew.
    `order`: generation and seq of the layout that the version was first published under; zeros before that.
    """

    path: str
    modified: int
    media: str
    expected_revision: int | None
    content: StoredContent
    upload_id: str
    version_id: bytes
    size: int
    moved_from: bytes = b""
    order: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class PackUse:
    """How much of a pack is kept: so many versions, so many of its `size` bytes."""

    object_id: bytes
    size: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Burying:
    """A tombstone to be queued for these keepers, with the change that makes it true."""

    tombstone: bytes
    keepers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """All that publishing writes; `commit_record` is Signed("commit") as the keepers get it.

    `exposed`: strangers may know the object's keys, so that it is to be sealed anew.
    """

    stored: StoredObject
    files: tuple[NewFile, ...]
    commit_record: bytes
    exposed: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one file of an intent is not published."""

    index: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in the owner's tree."""

    path: str
    revision: int
    version_id: bytes
    size: int
    modified: int
    media: str


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome for one file: its entry, or why not; neither for a version that was moved.

    `created`: nothing had the name before.
    """

    entry: Entry | None
    refusal: Refusal | None
    created: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A journalled upload; `note` is the vault's own, sealed."""

    upload_id: str
    path: str
    modified: int
    media: str
    expected_revision: int | None
    note: bytes
    blocks: int
    size: int | None
    at_risk: bool
    durable_segments: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is needed to find and read a file version."""

    entry: Entry
    content: StoredContent
    stored: StoredObject


@dataclass(frozen=True, slots=True)
class Repair:
    """An object in the repair queue; times are seconds since 1970."""

    object_id: bytes
    margin: int
    cause: str
    not_before: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class PendingTombstone:
    """A tombstone that a keeper has not acknowledged."""

    tombstone_id: int
    keeper: bytes
    tombstone: bytes


class Objects(Protocol):
    """What the vault remembers of objects."""

    async def reserve(self, count: int) -> tuple[int, int]:
        """Draws mutation numbers; returns (the first of them, the generation they belong to)."""

    async def begin_upload(self, upload: Upload) -> None:
        """Journals an upload."""

    async def checkpoint(self, upload_id: str, first_segment: int, leaves: bytes) -> int:
        """Records durable segments' leaves; returns how many segments are recorded in all."""

    async def get_upload(self, upload_id: str) -> Upload:
        """Returns a journalled upload. Raises PiccoloError NOT_FOUND."""

    def read_leaves(self, upload_id: str) -> AsyncIterator[bytes]:
        """Yields the recorded leaves, whole segments at a time."""

    async def list_uploads(self) -> Sequence[Upload]:
        """Returns all journalled uploads."""

    async def forget_upload(self, upload_id: str) -> None:
        """Ends an upload that will not be published."""

    async def prepare(self, intent: Intent) -> Sequence[Refusal]:
        """Journals an intent without the files it refuses; nothing when it refuses all."""

    async def publish(self, object_id: bytes, missing: Sequence[int]) -> Sequence[Published]:
        """Makes an intent's files visible, in the order of the journalled intent. Idempotent.

        A version of a lower order than its file's current one is put into the history.
        """

    async def list_intents(self) -> Sequence[Intent]:
        """Returns intents neither published nor abandoned, oldest first."""

    async def abandon(self, object_id: bytes) -> None:
        """Drops an intent."""

    async def get_manifest(self, path: str, version_id: bytes) -> Manifest:
        """Returns the manifest of a version, b"" for the current one. Raises PiccoloError NOT_FOUND."""

    async def get_object(self, object_id: bytes) -> StoredObject:
        """Returns an object. Raises PiccoloError NOT_FOUND."""

    async def list_objects(
        self, *, under: str = "", keeper: bytes = b"", page_token: str = "", page_size: int = 1000
    ) -> tuple[Sequence[StoredObject], str]:
        """Returns a page of objects and the next page's token, "" after the last."""

    async def list_packs(self, page_token: str = "") -> tuple[Sequence[PackUse], str]:
        """Returns a page of packs and the next page's token, "" after the last."""

    async def list_exposed(self, page_token: str = "") -> tuple[Sequence[StoredObject], str, Left]:
        """Returns a page of kept objects whose keys strangers may know, the next page's token ("" after the
        last), and with the first page how much there is of it in all."""

    async def locate(self, version_ids: Sequence[bytes]) -> Sequence[bytes]:
        """Returns the objects that versions lie in, in the order asked; b"" for an unknown version."""

    async def list_object_files(self, object_id: bytes, *, kept: bool = False) -> Sequence[NewFile]:
        """Returns the file versions in an object, once for each file that keeps them, the path "" for none.

        Those come first of which the version is the current one.
        `kept`: only what something still refers to.
        """

    async def update_layout(
        self, stored: StoredObject, expected_layout: bytes, burying: Burying | None = None
    ) -> None:
        """Replaces an object's layout. Raises PiccoloError CONFLICT when another is in force."""

    async def enqueue_repairs(self, repairs: Sequence[Repair]) -> None:
        """Queues repairs; an object is queued once, with its highest urgency."""

    async def list_repairs(self, *, due: bool, page_size: int = 100) -> tuple[Sequence[Repair], int]:
        """Returns the most urgent repairs and how many are queued in all."""

    async def finish_repair(self, object_id: bytes, retry_at: int | None = None) -> None:
        """Takes a repair out of the queue, or puts it back until then."""

    async def list_reclaimable(self, page_size: int = 1000) -> Sequence[StoredObject]:
        """Returns objects that no kept version needs; what was replaced, once a backup says so."""

    async def record_tombstone(
        self, tombstone: bytes, object_ids: Sequence[bytes], keepers: Sequence[bytes]
    ) -> int:
        """Forgets objects and queues their tombstone for each keeper; returns its number."""

    async def list_tombstones(
        self, keeper: bytes = b"", page_token: str = ""
    ) -> tuple[Sequence[PendingTombstone], str]:
        """Returns what a keeper, or each, has not acknowledged, oldest first, and the next page's token."""

    async def acknowledge_tombstone(self, tombstone_id: int, keeper: bytes) -> None:
        """Ends the queueing of a tombstone for one keeper."""

    async def remove(self, path: str, *, recursive: bool, expected_revision: int | None) -> int:
        """Removes a name for good; returns how many files. Raises PiccoloError NOT_FOUND, CONFLICT."""

    async def end_removed(self, trash_id: int) -> tuple[int, str]:
        """Ends an entry of the trash for good; returns how many files, and the name it had.

        Raises PiccoloError NOT_FOUND.
        """

    async def redundancy(self) -> tuple[int, int]:
        """Returns (k, m) as the owner set them, each 0 when it is left to the circle's rule."""

    async def get_state(self, key: str) -> bytes | None:
        """Returns a value of the vault's own state, None when there is none."""

    async def put_state(self, key: str, value: bytes | None) -> None:
        """Writes a value of the vault's own state; None removes it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is. `result` is JSON."""

    phase: str = ""
    done: int = 0
    total: int = 0
    result: str = ""
    error_reason: str = ""
    error_message: str = ""
    state: str = field(default="running")


class Operations(Protocol):
    """Long work that is watched elsewhere."""

    async def start(self, kind: str, subject: str, unit: str) -> str:
        """Records new work; returns its id."""

    async def running(self, kinds: Collection[str]) -> list[str]:
        """Returns the ids of operations of these kinds that have not ended."""

    async def advance(self, operation_id: str, progress: Progress) -> bool:
        """Records progress or the end; returns whether somebody asked for an end."""
