"""The records of the backup log (sections 9 and 11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record


class EntryKind(StrEnum):
    """What an entry of the log holds."""

    SNAPSHOT = "snapshot"
    CHANGESET = "changeset"
    CLAIM = "claim"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation(Record):
    """The locator key's word that `key` appends to the log for a generation, and where to seal backups to."""

    TYPE: ClassVar[str] = "delegation"

    locator: s.PublicKey
    generation: s.Count
    key: s.PublicKey
    backup: s.PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Head(Record):
    """The newest entry of a log, signed by the metadata role key and countersigned by the locator key."""

    TYPE: ClassVar[str] = "head"

    locator: s.PublicKey
    generation: s.Count
    seq: s.Count
    hash: s.Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryHeader(Record):
    """The header of a log entry; `delegation` is Signed("delegation"), its bytes, for the header's signer.

    `time` is when the entry was made, for people who choose a point to restore to; it decides nothing.
    """

    TYPE: ClassVar[str] = "entry"

    suite: s.Suite
    locator: s.PublicKey
    generation: s.Count
    seq: s.Count
    kind: EntryKind
    base: s.U64
    prev: s.Hash | None
    schema: s.U32
    plain_size: s.U64
    body_size: s.U64
    body_hash: s.Hash
    sealed_key: Annotated[bytes, s.Bytes(80, 80)]
    delegation: Annotated[bytes, s.Bytes(1, 1024)]
    time: s.U64

    def check(self) -> None:
        """Raise FormatError unless only entry 1 has no predecessor and the base fits the kind."""
        if (self.seq == 1) != (self.prev is None):
            raise FormatError("entry-prev", "exactly the first entry of a log has no predecessor")
        snapshot = self.kind is EntryKind.SNAPSHOT
        if (snapshot and self.base != self.seq) or (not snapshot and self.base >= self.seq):
            raise FormatError(
                "entry-base", "an entry's base is its chain's snapshot: itself, or an earlier entry"
            )
        if self.kind is EntryKind.CHANGESET and self.base == 0:
            raise FormatError("entry-base", "a changeset follows a snapshot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changeset(Record):
    """One batch of changes of the database: outbox numbers `first` to `last`."""

    TYPE: ClassVar[str] = "changeset"

    schema: s.U32
    first: s.Count
    last: s.Count
    digest: s.Hash
    changeset: s.Blob

    def check(self) -> None:
        """Raise FormatError when the numbers run backwards."""
        if self.first > self.last:
            raise FormatError("changeset-numbers", "a changeset's outbox numbers run backwards")
