"""The erasure code over bytes. Implementations write the same bytes; they differ in speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from piccolo_vault.core.storage.erasure import Code


class Codec(Protocol):
    """Makes blocks out of blocks.

    Safe to use from several threads at once; releases the GIL while it works.
    """

    @property
    def name(self) -> str:
        """What does the work, for the log."""

    def encode(self, code: Code, stripe: bytearray, block_size: int) -> None:
        """Writes the parity of a stripe.

        `stripe` has m blocks of `block_size` bytes: the k primary ones are there, the others are written.
        """

    def rebuild(
        self, code: Code, have: Mapping[int, bytes | memoryview], want: Mapping[int, memoryview]
    ) -> None:
        """Writes the wanted blocks.

        Args:
            code: k and m.
            have: exactly k blocks by index, all of one length.
            want: writable room of that length for each block to make.
        """
