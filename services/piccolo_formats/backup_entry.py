"""An entry of the backup log (section 11): `magic | u32 header length | Signed("entry") | body`.

The header carries the locator key's delegation to its signer, so that an entry proves itself to whoever knows
the locator: the cloud that takes it, and a blank device with nothing but the words.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.records.backup import Delegation, EntryHeader
from piccolo_formats.signed import Signed, open_signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC = b"PICBKUP\x01"
PREFIX_SIZE = len(MAGIC) + 4
MAX_HEADER = 8192


@dataclass(frozen=True, slots=True)
class VerifiedHeader:
    """A header that its delegate signed, and the delegation that the locator key signed."""

    signed: Signed[EntryHeader]
    delegation: Signed[Delegation]

    @property
    def header(self) -> EntryHeader:
        """The header record."""
        return self.signed.record

    def record_hash(self) -> bytes:
        """The hash that the next entry names as its predecessor."""
        return self.signed.record_hash()


def entry_name(seq: int) -> str:
    """Return an entry's name in the log's folder."""
    if not 1 <= seq < 2**64:
        raise FormatError("entry-seq", "entries are numbered from 1")
    return f"log/{seq:016x}"


def build_prefix(header: Signed[EntryHeader]) -> bytes:
    """Return all that comes before the body."""
    data = header.to_bytes()
    if len(data) > MAX_HEADER:
        raise FormatError("entry-header", "the entry's header is too long")
    return MAGIC + struct.pack(">I", len(data)) + data


def parse_prefix(prefix: bytes) -> int:
    """Return the header's length, from the first 12 bytes."""
    if len(prefix) != PREFIX_SIZE or not prefix.startswith(MAGIC):
        raise FormatError("entry-magic", "this does not begin as a backup entry does")
    length = int.from_bytes(prefix[len(MAGIC) :])
    if not 1 <= length <= MAX_HEADER:
        raise FormatError("entry-header", "the entry's header has an impossible length")
    return length


def open_header(data: bytes, locator: bytes) -> VerifiedHeader:
    """Verify Signed("entry") for a log: its signer is the one whom the locator key delegated.

    Raises AuthenticationError (`entry-locator`, `entry-delegation`, `bad-signature`, `not-signed`) or
    FormatError.
    """
    signed = open_signed(EntryHeader, data)
    header = signed.record
    if header.locator != locator:
        raise AuthenticationError("entry-locator", "this backup entry belongs to another log")
    delegation = open_signed(Delegation, header.delegation, required=[locator])
    if (delegation.record.locator, delegation.record.generation) != (locator, header.generation):
        raise AuthenticationError(
            "entry-delegation", "the entry's delegation is for another log or generation"
        )
    signed.require(delegation.record.key)
    return VerifiedHeader(signed, delegation)


def split_entry(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Split an entry that comes piece by piece into Signed("entry")'s bytes and an iterator over the body."""
    source, buffer = iter(chunks), bytearray()
    _fill(buffer, source, PREFIX_SIZE)
    length = parse_prefix(bytes(buffer[:PREFIX_SIZE]))
    _fill(buffer, source, PREFIX_SIZE + length)
    header = bytes(buffer[PREFIX_SIZE : PREFIX_SIZE + length])
    return header, _rest(bytes(buffer[PREFIX_SIZE + length :]), source)


def _fill(buffer: bytearray, source: Iterator[bytes], size: int) -> None:
    while len(buffer) < size:
        chunk = next(source, None)
        if chunk is None:
            raise FormatError("entry-short", "the backup entry is cut short")
        buffer += chunk


def _rest(first: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from source
