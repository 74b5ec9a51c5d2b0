"""What the keys ask of metadata when an owner gets new words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from piccolo_vault.core.keys.rotation import Wrap


class Successions(Protocol):
    """Metadata's part. Every method may raise PiccoloError UNAVAILABLE; each may be asked again."""

    async def wraps(self, epoch: int, page_token: str) -> tuple[Sequence[Wrap], str]:
        """Returns a page of the wraps that are not of this epoch, and the next page's token, "" after all."""

    async def stage(self, wraps: Sequence[Wrap]) -> None:
        """Notes new wraps, which come into force by `swap`."""

    async def swap(
        self, epoch: int, delegation: bytes, put: Mapping[str, bytes], *, exposed: bool = False
    ) -> None:
        """Puts what was staged in force, and the values of the vault's namespace, in one transaction.

        A delegation begins its log in the same one. `exposed`: what the wraps that go belong to is marked in
        it, to be sealed anew. Raises PiccoloError PRECONDITION (WRAPS_MISSING).
        """

    async def close_log(self, delegation: bytes, claim: bytes, successor: bytes) -> None:
        """Closes the log of words that were replaced.

        Raises PiccoloError FENCED with the detail "generation" when a delegation of a higher one is needed.
        """

    async def begin_emptying(self, delegation: bytes) -> tuple[int, bytes]:
        """Returns the seq and the nonce that the locator key signs, so that a closed log loses its backups.

        (0, b"") when nothing is left to lose. Raises PiccoloError PRECONDITION (LOG_OPEN).
        """

    async def empty_log(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        """Deletes what came before `moved` in a closed log; returns how many entries."""

    async def forget(self, key: str) -> None:
        """Removes a value of the vault's namespace."""


LINEAGE_STATE = ("vault", "lineage")
"""Namespace and key of the record "lineage"."""
FORMER_STATE = ("vault", "former")
"""Namespace and key of the record "former", there while something is left that only the former KEK opens.

A memory that the members filled has it without that KEK, while what it could open is sealed anew.
"""
