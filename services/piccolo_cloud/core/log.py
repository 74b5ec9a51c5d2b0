"""What may be appended to a log, given where it stands (docs/storage-format.md, section 11).

* The next entry has the next seq and names the newest entry's hash; nothing follows `moved`.
* A generation below the log's is fenced: another device has claimed the log since. Only a claim raises it.
* A generation has one delegate. Two devices that were delegated the same one cannot both write.
* Which of two entries gets a place is decided by the store's exclusive creation, and by nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.backup import EntryKind

if TYPE_CHECKING:
    from piccolo_formats.backup_entry import VerifiedHeader


@dataclass(frozen=True, slots=True)
class LogHead:
    """The newest entry of a log."""

    seq: int
    generation: int
    hash: bytes
    base: int
    kind: EntryKind
    key: bytes

    def details(self) -> dict[str, str]:
        """What a refused writer is told of it."""
        return {
            "head_seq": str(self.seq),
            "head_generation": str(self.generation),
            "head_hash": self.hash.hex(),
        }


@dataclass(frozen=True, slots=True)
class Extent:
    """Which entries of a log are kept, and their bytes; all 0 for an empty log."""

    first: int
    last: int
    bytes: int


@dataclass(frozen=True, slots=True)
class LogState:
    """Where a log stands; an empty one has no head."""

    extent: Extent
    head: LogHead | None

    def with_entry(self, entry: VerifiedHeader, size: int) -> LogState:
        """The state after an entry of `size` bytes was appended."""
        seq = entry.header.seq
        return LogState(Extent(self.extent.first or seq, seq, self.extent.bytes + size), head_of(entry))


EMPTY = LogState(Extent(0, 0, 0), None)


def head_of(entry: VerifiedHeader) -> LogHead:
    """The head that an entry is when it is the newest."""
    header = entry.header
    return LogHead(
        header.seq,
        header.generation,
        entry.record_hash(),
        header.base,
        header.kind,
        entry.delegation.record.key,
    )


def check_follows(head: LogHead | None, entry: VerifiedHeader) -> None:
    """Refuse an entry that does not belong behind this head.

    Raises PiccoloError CONFLICT: GENERATION_TAKEN, FORK; PRECONDITION: LOG_GAP, LOG_MOVED, CLAIM_FIRST;
    INVALID: CHAIN_WRONG. A lower generation is `is_fenced`, which the caller asks first.
    """
    header = entry.header
    if head is None:
        if header.seq != 1:
            raise _gap(0, {})
        return
    if header.seq != head.seq + 1:
        raise _gap(head.seq, head.details())
    if head.kind is EntryKind.MOVED:
        raise PiccoloError(
            Kind.PRECONDITION,
            "LOG_MOVED",
            "This log is closed: its owner has new words and writes elsewhere.",
            head.details(),
        )
    _check_generation(head, entry)
    if header.prev != head.hash:
        raise fork(head, "it does not follow the newest one")
    if header.kind is not EntryKind.SNAPSHOT and header.base != head.base:
        raise PiccoloError(
            Kind.INVALID, "CHAIN_WRONG", "The entry does not continue the newest chain.", head.details()
        )


def is_fenced(head: LogHead | None, entry: VerifiedHeader) -> bool:
    """Whether a higher generation than the entry's has written to the log."""
    return head is not None and entry.header.generation < head.generation


def fork(head: LogHead, why: str) -> PiccoloError:
    """The alarm: two histories of one log."""
    return PiccoloError(
        Kind.ALREADY_EXISTS,
        "FORK",
        f"The log holds another entry than the one that was sent: {why}. Two devices, or an old copy of one, "
        "write to this log.",
        head.details(),
    )


def fenced(head: LogHead, claim: dict[str, str]) -> PiccoloError:
    """The end of an older generation; `claim` holds the evidence for it."""
    return PiccoloError(
        Kind.DENIED,
        "FENCED",
        f"Another device has taken over this log as generation {head.generation}; "
        "this one may write no more.",
        {**claim, **head.details()},
    )


def _check_generation(head: LogHead, entry: VerifiedHeader) -> None:
    header, claims = entry.header, entry.header.kind is EntryKind.CLAIM
    if header.generation == head.generation:
        if entry.delegation.record.key == head.key and not claims:
            return
        raise PiccoloError(
            Kind.CONFLICT,
            "GENERATION_TAKEN",
            f"Generation {head.generation} belongs to another device; claim the next one.",
            head.details(),
        )
    if not claims:
        raise PiccoloError(
            Kind.PRECONDITION,
            "CLAIM_FIRST",
            f"Generation {header.generation} has to be claimed before it writes.",
            head.details(),
        )


def _gap(seq: int, details: dict[str, str]) -> PiccoloError:
    return PiccoloError(
        Kind.PRECONDITION,
        "LOG_GAP",
        f"The log ends with entry {seq}; the next is {seq + 1}.",
        {"head_seq": str(seq), **details},
    )
