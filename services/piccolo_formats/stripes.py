"""How an object is cut into stripes, and stripes into blocks (section 4). Arithmetic only: no code, no bytes.

Fragment i holds block i of every stripe. All fragments of an object have the same size.
"""

from __future__ import annotations

from dataclasses import dataclass

from piccolo_formats.errors import FormatError
from piccolo_formats.segments import MAX_SIZE, OVERHEAD, SEGMENT_SIZE

LONE_STRIPE_SIZE = SEGMENT_SIZE + OVERHEAD
PACK_STRIPE_SIZE = 65_536
PACK_FILE_LIMIT = 262_144
PACK_SIZE_LIMIT = 4_194_304
MAX_FRAGMENTS = 255


@dataclass(frozen=True, slots=True)
class StripePlan:
    """The cut of an object of `size` bytes, of whose fragments any `k` rebuild it."""

    size: int
    stripe_size: int
    k: int

    def __post_init__(self) -> None:
        """Raise FormatError for numbers that no object has."""
        if not 1 <= self.size <= 2 * MAX_SIZE or not 1 <= self.stripe_size < 2**32:
            raise FormatError("object-size", "an object and its stripes have at least one byte")
        if not 1 <= self.k <= MAX_FRAGMENTS:
            raise FormatError("k-m", f"k is between 1 and {MAX_FRAGMENTS}, not {self.k}")

    @property
    def count(self) -> int:
        """Number of stripes, and of blocks in each fragment."""
        return -(-self.size // self.stripe_size)

    @property
    def block_size(self) -> int:
        """Bytes of every block of a fragment but the last."""
        return -(-min(self.size, self.stripe_size) // self.k)

    @property
    def last_block_size(self) -> int:
        """Bytes of the last block of a fragment."""
        return -(-self.stripe_length(self.count - 1) // self.k)

    @property
    def fragment_size(self) -> int:
        """Bytes of a fragment's blocks joined."""
        return (self.count - 1) * self.block_size + self.last_block_size

    def stripe_length(self, index: int) -> int:
        """Bytes of the object in a stripe, without the zeros that fill it up to k blocks."""
        self._check(index)
        return min(self.stripe_size, self.size - index * self.stripe_size)

    def block_length(self, index: int) -> int:
        """Bytes of block `index` of each fragment."""
        self._check(index)
        return self.last_block_size if index == self.count - 1 else self.block_size

    def block_offset(self, index: int) -> int:
        """Where block `index` begins in each fragment."""
        self._check(index)
        return index * self.block_size

    def covering(self, offset: int, length: int) -> range:
        """Return the stripes that hold the object's bytes [offset, offset+length)."""
        if offset < 0 or length < 1 or offset + length > self.size:
            raise FormatError("range", f"bytes {offset} to {offset + length} are not in the object")
        return range(offset // self.stripe_size, -(-(offset + length) // self.stripe_size))

    def _check(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise FormatError("stripe-index", f"there is no stripe {index}: the object has {self.count}")


def check_k_m(k: int, m: int) -> None:
    """Raise FormatError unless 1 <= k <= m <= 255."""
    if not 1 <= k <= m <= MAX_FRAGMENTS:
        raise FormatError("k-m", f"k={k} of m={m} is impossible: 1 <= k <= m <= {MAX_FRAGMENTS}")
