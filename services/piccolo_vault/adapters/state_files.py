"""The vault's state folder: small files, written as the chassis writes them, durably or not at all."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from piccolo_chassis import state
from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 20


class FolderFiles:
    """`StateFiles` in a folder that this process holds (chassis `state.claim`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> bytes | None:
        """Returns a file's bytes, None when there is none.

        Raises PiccoloError UNAVAILABLE (STATE_UNREADABLE).
        """
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as failed:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "STATE_UNREADABLE",
                f"The vault cannot read {name} in its state folder: {failed.strerror}. Check the disk.",
            ) from failed

    def save(self, name: str, content: bytes) -> None:
        """Replaces a file; raises PiccoloError FULL (STATE_FULL) or UNAVAILABLE (STATE_UNWRITABLE)."""
        try:
            state.write_durably(self._folder / name, content)
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
