"""The records inside a fragment file (section 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record, key


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentHeader(Record):
    """Whose fragment it is, known before its first block."""

    TYPE: ClassVar[str] = "fragment"

    owner: s.OwnerId
    fragment_id: s.Id = field(metadata=key("fragment"))
    generation: s.Count
    seq: s.Count
    block_size: s.U32
    created: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentTrailer(Record):
    """How the fragment ended. `record_length` is 0 while no commit record is in the file."""

    TYPE: ClassVar[str] = "trailer"

    blocks: s.Count
    last_block_size: s.U32
    root: s.Hash
    record_length: s.U32

    def check(self) -> None:
        """Raise FormatError for a fragment whose last block is empty."""
        if self.last_block_size == 0:
            raise FormatError("block-size", "a block has at least one byte")
