"""The chain of a backup log (section 11), verified entry by entry and in no other order.

* The first entry seen is entry 1, the snapshot that a pruned log begins with, or a lone `moved`.
* Each next entry has the next seq and names the hash of the one before; none may be left out.
* The generation never falls; only a claim raises it.
* A changeset follows the snapshot that it names as base, under the same schema. After `moved` comes nothing.

Whether the log itself is whole (not rolled back, not forked) is asked of the heads that keepers hold, by
`compare`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from piccolo_formats.backup_entry import VerifiedHeader, open_header
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.records.backup import EntryKind

if TYPE_CHECKING:
    from piccolo_formats.records.backup import EntryHeader, Head
    from piccolo_formats.signed import Signed


class Standing(Enum):
    """How a signed head compares with the log."""

    CONTAINED = "contained"
    """The log has the very entry that the head names."""
    ROLLED_BACK = "rolled back"
    """The head names an entry beyond the log's end."""
    FORKED = "forked"
    """The log has another entry in the place that the head names."""
    PRUNED = "pruned"
    """The head is older than the log's beginning, and tells nothing."""


_BEGINNINGS: Final = frozenset({EntryKind.SNAPSHOT, EntryKind.MOVED})


class LogVerifier:
    """Takes a log's headers in order, from its beginning to its end."""

    __slots__ = ("_hashes", "_last", "_locator", "_schema", "_snapshot")

    def __init__(self, locator: bytes) -> None:
        """Begin with nothing trusted but the locator's public key."""
        self._locator = locator
        self._last: VerifiedHeader | None = None
        self._hashes: dict[int, bytes] = {}
        self._snapshot = 0
        self._schema: int | None = None

    @property
    def last(self) -> VerifiedHeader | None:
        """The newest entry that was verified."""
        return self._last

    @property
    def snapshot(self) -> int:
        """The seq of the newest snapshot, where a restore begins; 0 when there was none."""
        return self._snapshot

    def add(self, data: bytes) -> VerifiedHeader:
        """Verify the next entry's header, Signed("entry").

        Raises AuthenticationError (`log-fork`, and what open_header raises) or FormatError (`log-order`,
        `log-generation`, `log-chain`, `log-closed`); then the verifier stands where it stood.
        """
        entry = open_header(data, self._locator)
        if self._last is None:
            self._check_first(entry.header)
        else:
            self._check_next(self._last, entry.header)
        self._check_chain(entry.header)
        if entry.header.kind is EntryKind.SNAPSHOT:
            self._snapshot, self._schema = entry.header.seq, entry.header.schema
        self._last = entry
        self._hashes[entry.header.seq] = entry.record_hash()
        return entry

    def compare(self, head: Signed[Head]) -> Standing:
        """Compare a head, whose signers the caller has judged, with what was added (one entry at least)."""
        if self._last is None:
            raise FormatError("log-order", "no entry of the log was read yet")
        record = head.record
        if record.locator != self._locator:
            raise AuthenticationError("entry-locator", "this head belongs to another log")
        if record.seq > self._last.header.seq:
            return Standing.ROLLED_BACK
        if record.seq not in self._hashes:
            return Standing.PRUNED
        return Standing.CONTAINED if self._hashes[record.seq] == record.hash else Standing.FORKED

    def _check_first(self, header: EntryHeader) -> None:
        if header.seq != 1 and header.kind not in _BEGINNINGS:
            raise FormatError("log-order", "a backup log begins with entry 1, a snapshot, or its end `moved`")

    def _check_next(self, last: VerifiedHeader, header: EntryHeader) -> None:
        before = last.header
        if before.kind is EntryKind.MOVED:
            raise FormatError("log-closed", "this log was closed: it moved to another one")
        if header.seq != before.seq + 1:
            raise FormatError("log-order", f"entry {before.seq + 1} was expected, entry {header.seq} came")
        if header.prev != last.record_hash():
            raise AuthenticationError("log-fork", f"entry {header.seq} does not follow the entry before it")
        claimed = header.kind is EntryKind.CLAIM and header.generation > before.generation
        if header.generation != before.generation and not claimed:
            raise FormatError("log-generation", "only a claim changes the generation, and only upwards")

    def _check_chain(self, header: EntryHeader) -> None:
        if header.kind is EntryKind.SNAPSHOT or (self._last is None and header.seq != 1):
            return  # a lone `moved` is what is left where the chain before it was deleted
        if header.base != self._snapshot:
            raise FormatError("log-chain", f"entry {header.seq} names another snapshot than the newest")
        if header.kind is EntryKind.CHANGESET and header.schema != self._schema:
            raise FormatError("log-chain", f"entry {header.seq} is of another schema than its snapshot")
