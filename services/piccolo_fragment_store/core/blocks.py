"""Cuts messages into blocks.

Rules:
* A message holds whole blocks. Only the last block of a fragment may be shorter: nothing follows a short one.
* A fragment of many tiny blocks would cost more in leaves than in bytes: such are refused.
"""

from __future__ import annotations

from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

MAX_BLOCKS: Final = 1 << 20
_SMALLEST: Final = 256
_MANY: Final = 4096
_SMALLEST_OF_MANY: Final = 4096


class BlockCutter:
    """Cuts one fragment's messages, of which `count` blocks came before."""

    def __init__(self, block_size: int, count: int = 0) -> None:
        self._size, self._count = block_size, count
        self._last: int | None = None

    @property
    def count(self) -> int:
        """Blocks so far."""
        return self._count

    @property
    def last_block_size(self) -> int:
        """Bytes of the last block so far."""
        return self._last or self._size

    @property
    def full_blocks(self) -> int:
        """Blocks so far without a short last one: those that can be counted in a file without a trailer."""
        return self._count - (1 if self._last is not None else 0)

    def cut(self, data: bytes | memoryview) -> list[memoryview]:
        """The blocks of one message.

        Raises PiccoloError INVALID: BLOCK_AFTER_LAST, TOO_MANY_BLOCKS, BLOCKS_TOO_SMALL.
        """
        if self._last is not None and data:
            raise PiccoloError(
                Kind.INVALID,
                "BLOCK_AFTER_LAST",
                "Blocks follow one that is shorter than the block size; only the last may be short.",
            )
        view = memoryview(data)
        blocks = [view[at : at + self._size] for at in range(0, len(data), self._size)]
        count = self._count + len(blocks)
        self._check(count)
        self._count = count
        if blocks and len(blocks[-1]) < self._size:
            self._last = len(blocks[-1])
        return blocks

    def _check(self, count: int) -> None:
        if count > MAX_BLOCKS:
            raise PiccoloError(
                Kind.INVALID,
                "TOO_MANY_BLOCKS",
                f"A fragment has at most {MAX_BLOCKS} blocks; use larger ones.",
            )
        if count > 1 and self._size < (_SMALLEST_OF_MANY if count > _MANY else _SMALLEST):
            raise PiccoloError(
                Kind.INVALID,
                "BLOCKS_TOO_SMALL",
                f"{count} blocks of {self._size} bytes are too many too small ones; use larger blocks.",
            )
