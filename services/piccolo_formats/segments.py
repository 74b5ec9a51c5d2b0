"""A file's plaintext as sealed segments (section 3): padding, arithmetic, sealing and opening.

Every sealing draws a fresh salt, so a segment that is sealed twice never repeats a key stream; index, last
flag and lengths are authenticated, so segments cannot be swapped, cut off or passed from file to file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from piccolo_formats.digests import hkdf
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.secret import draw

if TYPE_CHECKING:
    from cryptography.utils import Buffer

    from piccolo_formats.fek import Fek, Scope
    from piccolo_formats.secret import Random

SEGMENT_SIZE = 1_048_576
SALT_SIZE = 32
TAG_SIZE = 16
OVERHEAD = SALT_SIZE + TAG_SIZE
MAX_SIZE = 2**63 - 1
_NONCE = bytes(12)


def padme(length: int) -> int:
    """Round a length up as Padme does (Nikitin et al., PURBs, 2019): at most 12 % more, less with size."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment's place. `length` counts its plaintext with padding, `data_length` without."""

    index: int
    last: bool
    length: int
    data_length: int
    segment_size: int = SEGMENT_SIZE

    def __post_init__(self) -> None:
        """Raise FormatError when the numbers contradict each other."""
        if not 0 <= self.data_length <= self.length <= self.segment_size < 2**32 - OVERHEAD:
            raise FormatError("segment-lengths", "a segment's lengths contradict each other")
        if not 0 <= self.index < 2**64 or (not self.last and self.length != self.segment_size):
            raise FormatError("segment-lengths", "only the last segment of a file is shorter than the others")

    @property
    def sealed_length(self) -> int:
        """Bytes of the sealed segment."""
        return self.length + OVERHEAD


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """How a file of `size` bytes is cut. Files in packs and backup bodies are not padded."""

    size: int
    segment_size: int = SEGMENT_SIZE
    padded: bool = True

    def __post_init__(self) -> None:
        """Raise FormatError for a size that no file has."""
        if not 0 <= self.size <= MAX_SIZE:
            raise FormatError("file-size", "a file's size is between 0 and 2^63-1 bytes")
        if not 1 <= self.segment_size < 2**32 - OVERHEAD:
            raise FormatError("segment-size", "a segment's size is between 1 byte and 4 GiB")

    @property
    def padded_size(self) -> int:
        """Bytes of plaintext that are sealed, padding included."""
        return padme(self.size) if self.padded else self.size

    @property
    def count(self) -> int:
        """Number of segments: an empty file has one, which is empty."""
        return max(1, -(-self.padded_size // self.segment_size))

    @property
    def sealed_size(self) -> int:
        """Bytes of all sealed segments joined."""
        return self.padded_size + OVERHEAD * self.count

    def segment(self, index: int) -> Segment:
        """Return segment `index`. Raises FormatError when there is none of that number."""
        if not 0 <= index < self.count:
            raise FormatError("segment-index", f"there is no segment {index}: the file has {self.count}")
        start = index * self.segment_size
        length = min(self.segment_size, self.padded_size - start)
        data_length = min(max(self.size - start, 0), length)
        return Segment(index, index == self.count - 1, length, data_length, self.segment_size)

    def sealed_offset(self, index: int) -> int:
        """Where the sealed segment begins among the sealed segments joined."""
        return index * (self.segment_size + OVERHEAD)

    def covering(self, offset: int, length: int) -> range:
        """Return the indices of the segments that hold plaintext [offset, offset+length), cut to the file."""
        end = min(offset + length, self.size)
        if offset < 0 or length < 0:
            raise FormatError("range", "a range begins at 0 or later and has no negative length")
        if offset >= end:
            return range(0)
        return range(offset // self.segment_size, -(-end // self.segment_size))


class SegmentSealer:
    """Seals the segments of one file version. Safe to use from several threads at once."""

    __slots__ = ("_key", "_random", "_scope")

    def __init__(self, fek: Fek, scope: Scope, random: Random) -> None:
        """Seal under the FEK, which belongs to this scope alone."""
        self._key = fek.reveal()
        self._scope = scope.to_bytes()
        self._random = random

    def seal_into(self, segment: Segment, data: Buffer, out: Buffer) -> int:
        """Seal exactly segment.data_length bytes, zero-padded to segment.length, into the start of `out`.

        `out` must not overlap `data`. Returns segment.sealed_length. Raises FormatError for a wrong size.
        """
        source = memoryview(data).cast("B")
        if len(source) != segment.data_length:
            raise FormatError("segment-lengths", f"{len(source)} bytes given for {segment.data_length}")
        target = _room(out, segment.sealed_length)
        plain: Buffer = source
        if segment.length != segment.data_length:
            plain = bytearray(segment.length)
            plain[: len(source)] = source
        salt = draw(self._random, SALT_SIZE)
        target[:SALT_SIZE] = salt
        cipher = AESGCM(_segment_key(self._key, self._scope, segment, salt))
        cipher.encrypt_into(_NONCE, plain, _associated(self._scope, segment), target[SALT_SIZE:])
        return segment.sealed_length

    def seal(self, segment: Segment, data: Buffer) -> bytes:
        """Seal as `seal_into` does, into fresh bytes."""
        out = bytearray(segment.sealed_length)
        self.seal_into(segment, data, out)
        return bytes(out)


class SegmentOpener:
    """Opens the segments of one file version. Safe to use from several threads at once."""

    __slots__ = ("_key", "_scope")

    def __init__(self, fek: Fek, scope: Scope, commitment: bytes | None = None) -> None:
        """Check the key's commitment first; AuthenticationError (`wrong-key`) when it is another key's.

        None only where the format has no commitment: for a body key that came sealed by itself.
        """
        if commitment is not None:
            fek.check_commitment(scope, commitment)
        self._key = fek.reveal()
        self._scope = scope.to_bytes()

    def open_into(self, segment: Segment, sealed: Buffer, out: Buffer) -> int:
        """Open a sealed segment into the start of `out`, which has room for segment.length bytes.

        Returns segment.data_length: what follows it is padding. `out` must not overlap `sealed`. Raises
        AuthenticationError (`segment-altered`); then `out` holds zeros.
        """
        source = memoryview(sealed).cast("B")
        if len(source) != segment.sealed_length:
            raise FormatError(
                "segment-lengths", f"a sealed segment has {len(source)} bytes, not {segment.sealed_length}"
            )
        target = _room(out, segment.length)
        cipher = AESGCM(_segment_key(self._key, self._scope, segment, bytes(source[:SALT_SIZE])))
        try:
            cipher.decrypt_into(_NONCE, source[SALT_SIZE:], _associated(self._scope, segment), target)
        except InvalidTag as error:
            # The cipher writes before it has seen the tag: what it wrote must not be used by mistake.
            target[:] = bytes(len(target))
            raise AuthenticationError(
                "segment-altered", f"segment {segment.index} is not as its owner sealed it"
            ) from error
        return segment.data_length

    def open(self, segment: Segment, sealed: Buffer) -> bytes:
        """Open as `open_into` does; return the bytes without padding."""
        out = bytearray(segment.length)
        return bytes(out[: self.open_into(segment, sealed, out)])


def _room(out: Buffer, size: int) -> memoryview:
    view = memoryview(out).cast("B")
    if len(view) < size:
        raise FormatError("buffer-size", f"the buffer has {len(view)} bytes, {size} are needed")
    return view[:size]


def _segment_key(key: bytes, scope: bytes, segment: Segment, salt: bytes) -> bytes:
    place = struct.pack(">QB", segment.index, segment.last)
    return hkdf(key, b"piccolo/seg/v1" + scope + place, salt=salt)


def _associated(scope: bytes, segment: Segment) -> bytes:
    return scope + struct.pack(
        ">QBII", segment.index, segment.last, segment.data_length, segment.segment_size
    )
