"""The commit record: what every counted keeper stores beside its fragment (section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Part, Record, key


class ObjectKind(StrEnum):
    """What an object is."""

    FILE = "file"
    PACK = "pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFile(Part):
    """One file version of the object. `offset` and `length` place its sealed segments in the object.

    `generation` and `seq`: its own order, that of the layout it was first published under; for ever the same.
    """

    path: s.Path
    modified: s.I64
    media: s.Name | None
    content: Annotated[bytes, s.Bytes(1, 1024)]
    mac: s.Hash
    wrapped: s.WrappedKey = field(metadata=key("key"))
    offset: s.U64
    length: s.Count
    generation: s.Count
    seq: s.Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Record):
    """What a commit record says, to the owner only. `layout` is Signed("layout"), its bytes."""

    TYPE: ClassVar[str] = "summary"

    owner: s.OwnerId
    circle: s.Id
    generation: s.Count
    seq: s.Count
    kind: ObjectKind
    layout: s.SignedBytes
    pack_key: s.WrappedKey | None
    files: Annotated[tuple[SummaryFile, ...], 65_536]

    def check(self) -> None:
        """Raise FormatError unless a lone file is one entry from offset 0, and a pack has its key."""
        if self.kind is ObjectKind.FILE:
            if self.pack_key is not None or len(self.files) != 1 or self.files[0].offset != 0:
                raise FormatError("summary-files", "a lone file is one entry at offset 0, without a pack key")
        elif self.pack_key is None or not self.files:
            raise FormatError("summary-files", "a pack has a pack key and at least one file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit(Record):
    """The commit record as keepers see it: `sealed` is Sealed("summary") to the owner's backup key."""

    TYPE: ClassVar[str] = "commit"

    owner: s.OwnerId
    generation: s.Count
    seq: s.Count
    sealed: Annotated[bytes, s.Bytes(1, 2**24 + 1024)]
