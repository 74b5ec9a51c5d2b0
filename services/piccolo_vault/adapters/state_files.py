"""The vault's state folder: small files, each with a digest in front, written durably or not at all.

A file whose digest does not fit reads as empty. No record is: so whoever reads it says what is lost, and a
flipped bit in the wrapped KEK is not taken for a wrong passphrase.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from piccolo_chassis import state
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import DIGEST_SIZE, with_digest, without_digest

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 20
_CONTEXT = "vault-state"


class FolderFiles:
    """`StateFiles` in a folder that this process holds (chassis `state.claim`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> bytes | None:
        """Returns a file's bytes, none of them when they are not as they were written, None without a file.

        Raises PiccoloError UNAVAILABLE (STATE_UNREADABLE).
        """
        try:
            with (self._folder / name).open("rb") as file:
                data = file.read(DIGEST_SIZE + _LARGEST)
        except FileNotFoundError:
            return None
        except OSError as failed:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "STATE_UNREADABLE",
                f"The vault cannot read {name} in its state folder: {failed.strerror}. Check the disk.",
            ) from failed
        return without_digest(_CONTEXT, data) or b""

    def save(self, name: str, content: bytes) -> None:
        """Replaces a file; raises PiccoloError FULL (STATE_FULL) or UNAVAILABLE (STATE_UNWRITABLE)."""
        try:
            state.write_durably(self._folder / name, with_digest(_CONTEXT, content))
        except OSError as failed:
            raise _unwritable(name, failed) from failed

    def remove(self, name: str) -> None:
        """Removes a file, if it is there; raises as `save`."""
        try:
            (self._folder / name).unlink(missing_ok=True)
            state.sync_folder(self._folder)
        except OSError as failed:
            raise _unwritable(name, failed) from failed


def _unwritable(name: str, failed: OSError) -> PiccoloError:
    if failed.errno in (errno.ENOSPC, errno.EDQUOT):
        return PiccoloError(
            Kind.FULL,
            "STATE_FULL",
            f"The disk is full: the vault cannot write {name}. Make room on this device and try again.",
        )
    return PiccoloError(
        Kind.UNAVAILABLE,
        "STATE_UNWRITABLE",
        f"The vault cannot write {name} in its state folder: {failed.strerror}. Check the disk.",
    )
