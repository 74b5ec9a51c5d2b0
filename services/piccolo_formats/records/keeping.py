"""What keepers and owners tell each other about fragments (section 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record, Row, key


class FragmentState(StrEnum):
    """What a keeper promises about a fragment."""

    PROVISIONAL = "provisional"
    COMMITTED = "committed"


class NoticeKind(StrEnum):
    """Why a keeper asks an owner to move."""

    EVICT = "evict"
    FULL = "full"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptEntry(Row):
    """One fragment that the keeper has fsynced; `size` counts the bytes of its blocks."""

    fragment_id: s.Id = field(metadata=key("fragment"))
    root: s.Hash
    size: s.Count = field(metadata=key("bytes"))
    state: FragmentState
    generation: s.Count
    seq: s.Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Record):
    """The keeper's word for a batch of fragments, signed by its fragment-store role key.

    `generation` is the keeper's own, an entry's is the one that the owner's fragment was put under.
    """

    TYPE: ClassVar[str] = "receipt"

    keeper: s.OwnerId
    generation: s.Count
    owner: s.OwnerId
    entries: tuple[ReceiptEntry, ...]
    time: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone(Record):
    """The owner root's wish to delete fragments; `purge` skips the trash."""

    TYPE: ClassVar[str] = "tombstone"

    owner: s.OwnerId
    generation: s.Count
    seq: s.Count
    purge: bool
    fragments: tuple[s.Id, ...]
    time: s.U64

    def check(self) -> None:
        """Raise FormatError unless the fragments are sorted, each named once."""
        _check_sorted(self.fragments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelete(Record):
    """The owner root's wish to take fragments out of the trash."""

    TYPE: ClassVar[str] = "undelete"

    owner: s.OwnerId
    generation: s.Count
    seq: s.Count
    fragments: tuple[s.Id, ...]
    time: s.U64

    def check(self) -> None:
        """Raise FormatError unless the fragments are sorted, each named once."""
        _check_sorted(self.fragments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Record):
    """A keeper's notice to an owner that it will not keep fragments beyond `until`."""

    TYPE: ClassVar[str] = "notice"

    keeper: s.OwnerId
    owner: s.OwnerId
    kind: NoticeKind
    until: s.U64
    time: s.U64


def _check_sorted(fragments: tuple[bytes, ...]) -> None:
    if not fragments or list(fragments) != sorted(set(fragments)):
        raise FormatError(
            "fragments-order", "the fragments are not sorted, or one is named twice, or none is"
        )
