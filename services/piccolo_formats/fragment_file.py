"""A fragment file on a keeper's disk (section 8), in parts; who keeps it does the reading and writing.

    header block (512) | blocks | leaves | commit record | trailer record | check, length, magic (44)

The check covers all but the blocks, and the leaves cover those: so a file is whole exactly when verify_tail
and the blocks' leaves say so.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from piccolo_formats import merkle
from piccolo_formats.digests import DIGEST_SIZE, digest, same
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.records.fragment import FragmentHeader, FragmentTrailer

HEADER_SIZE = 512
HEAD_MAGIC = b"PICFRAG\x01"
TAIL_MAGIC = b"PICTAIL\x01"
FOOTER_SIZE = DIGEST_SIZE + 4 + len(TAIL_MAGIC)
MAX_TRAILER = 512
_RECORD_START = len(HEAD_MAGIC) + 4


@dataclass(frozen=True, slots=True)
class Footer:
    """The last 44 bytes: the check and the length of the trailer record before them."""

    check: bytes
    trailer_length: int


@dataclass(frozen=True, slots=True)
class FragmentMap:
    """Where the parts of a fragment file lie: offsets from the file's start, in bytes."""

    header: FragmentHeader
    trailer: FragmentTrailer
    blocks_size: int
    trailer_length: int

    @property
    def leaves_offset(self) -> int:
        """Where the leaves begin."""
        return HEADER_SIZE + self.blocks_size

    @property
    def record_offset(self) -> int:
        """Where the commit record begins."""
        return self.leaves_offset + DIGEST_SIZE * self.trailer.blocks

    @property
    def trailer_offset(self) -> int:
        """Where the trailer record begins."""
        return self.record_offset + self.trailer.record_length

    @property
    def file_size(self) -> int:
        """Bytes of the whole file."""
        return self.trailer_offset + self.trailer_length + FOOTER_SIZE

    def block(self, index: int) -> tuple[int, int]:
        """Return (offset in the file, length) of a block."""
        if not 0 <= index < self.trailer.blocks:
            raise FormatError(
                "block-index", f"there is no block {index}: the fragment has {self.trailer.blocks}"
            )
        size, last = self.header.block_size, index == self.trailer.blocks - 1
        return HEADER_SIZE + index * size, self.trailer.last_block_size if last else size


def build_header(header: FragmentHeader) -> bytes:
    """Return the first 512 bytes."""
    record = header.to_record()
    block = HEAD_MAGIC + struct.pack(">I", len(record)) + record
    if len(block) > HEADER_SIZE:
        raise FormatError("fragment-header", "the header record does not fit its 512 bytes")
    return block.ljust(HEADER_SIZE, b"\0")


def parse_header(block: bytes) -> FragmentHeader:
    """Parse the first 512 bytes."""
    if len(block) != HEADER_SIZE or not block.startswith(HEAD_MAGIC):
        raise FormatError("fragment-magic", "this file does not begin as a fragment file does")
    end = _RECORD_START + int.from_bytes(block[len(HEAD_MAGIC) : _RECORD_START])
    if end > HEADER_SIZE or any(block[end:]):
        raise FormatError("fragment-header", "the header block is not filled as it must be")
    return FragmentHeader.from_record(block[_RECORD_START:end])


def build_tail(header_block: bytes, leaves: bytes, last_block_size: int, record: bytes = b"") -> bytes:
    """Return all that follows the blocks: leaves, commit record (or none), trailer and footer."""
    header = parse_header(header_block)
    trailer = FragmentTrailer(
        blocks=len(leaves) // DIGEST_SIZE,
        last_block_size=last_block_size,
        root=_root_of(header, leaves, last_block_size),
        record_length=len(record),
    ).to_record()
    check = _check(header_block, leaves, record, trailer)
    return b"".join((leaves, record, trailer, check, struct.pack(">I", len(trailer)), TAIL_MAGIC))


def parse_footer(footer: bytes) -> Footer:
    """Parse a file's last 44 bytes. FormatError (`fragment-incomplete`) when the file has no tail."""
    if len(footer) != FOOTER_SIZE or not footer.endswith(TAIL_MAGIC):
        raise FormatError("fragment-incomplete", "this fragment file is not finished")
    length = int.from_bytes(footer[DIGEST_SIZE : DIGEST_SIZE + 4])
    if not 1 <= length <= MAX_TRAILER:
        raise FormatError("fragment-footer", "the trailer record has an impossible length")
    return Footer(footer[:DIGEST_SIZE], length)


def map_file(header: FragmentHeader, trailer_record: bytes, file_size: int) -> FragmentMap:
    """Lay out a file from its header and trailer records; both are proven only by verify_tail."""
    trailer = FragmentTrailer.from_record(trailer_record)
    if not trailer.last_block_size <= header.block_size or trailer.blocks > merkle.MAX_BLOCKS:
        raise FormatError("block-size", "the trailer's blocks contradict the header")
    blocks_size = (trailer.blocks - 1) * header.block_size + trailer.last_block_size
    made = FragmentMap(header, trailer, blocks_size, len(trailer_record))
    if made.file_size != file_size:
        raise FormatError("fragment-size", f"the file has {file_size} bytes, not {made.file_size}")
    return made


def verify_tail(
    header_block: bytes, leaves: bytes, record: bytes, trailer_record: bytes, footer: Footer
) -> None:
    """Check that header, leaves, commit record and trailer are as they were written, and the root is theirs.

    Raises AuthenticationError (`fragment-check`, `merkle-root`): the disk lost or changed bytes.
    """
    if not same(_check(header_block, leaves, record, trailer_record), footer.check):
        raise AuthenticationError("fragment-check", "the fragment file is not as it was written")
    trailer = FragmentTrailer.from_record(trailer_record)
    if (len(leaves), len(record)) != (trailer.blocks * DIGEST_SIZE, trailer.record_length):
        raise FormatError("fragment-size", "the trailer names other lengths than the file has")
    if _root_of(parse_header(header_block), leaves, trailer.last_block_size) != trailer.root:
        raise AuthenticationError("merkle-root", "the fragment's leaves are not those of its root")


def split_leaves(leaves: bytes) -> list[bytes]:
    """Return the leaves one by one."""
    if not leaves or len(leaves) % DIGEST_SIZE:
        raise FormatError("hash-size", "leaves have 32 bytes each, and a fragment has at least one")
    return [leaves[at : at + DIGEST_SIZE] for at in range(0, len(leaves), DIGEST_SIZE)]


def _root_of(header: FragmentHeader, leaves: bytes, last_block_size: int) -> bytes:
    return merkle.root(split_leaves(leaves), header.block_size, last_block_size)


def _check(header_block: bytes, leaves: bytes, record: bytes, trailer: bytes) -> bytes:
    return digest("fragment", header_block, leaves, record, trailer, struct.pack(">I", len(trailer)))
