"""The folder under /run in which one step leaves what the next one needs, and the status for all.

Rules:
* Steps have different rights: what was left by one with fewer is read with care, by known names only.
* Secrets are in folders of the service's own, and go with the last step.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import FILES, IGNITION, LARGEST_IGNITION
from piccolo_provision.core.status import Status

_REFUSED: Final = "refused"
_OWNED: Final = "owned"
_AGAIN: Final = "again"
_STATUS: Final = "status.json"


class Handover:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seed, self._files = folder / "seed", folder / "files"

    def leave_seed(self, found: Mapping[str, bytes] | RefusedError | None, *, owned: bool) -> None:
        """What the volume holds, why it cannot be read, or that there is none.

        Args:
            owned: whether somebody owns the device.
        """
        if found is None:
            shutil.rmtree(self._seed, ignore_errors=True)
            return
        left = {_REFUSED: found.why.encode()} if isinstance(found, RefusedError) else found
        self._leave(self._seed, {**left, _OWNED: b""} if owned else left)

    def seed(self) -> dict[str, bytes] | None:
        """What was left of the volume. Raises RefusedError, as left."""
        if not self._seed.is_dir():
            return None
        if refused := read(self._seed, [_REFUSED]):
            raise RefusedError(Reason(refused[_REFUSED].decode("ascii")))
        return read(self._seed, [*FILES, IGNITION])

    def owned(self) -> bool:
        """Whether somebody owned the device when the volume was looked for."""
        return bool(read(self._seed, [_OWNED]))

    def leave_files(self, files: Mapping[str, bytes], *, again: bool = False) -> None:
        """What was made of the configuration, by the names of core/places.py and `hostname`.

        Args:
            again: whether the site is to be asked again.
        """
        self._leave(self._files, {**files, _AGAIN: b""} if again else files)

    def again(self) -> bool:
        """Whether the site is to be asked again."""
        return bool(read(self._files, [_AGAIN]))

    def files(self, names: Iterable[str]) -> dict[str, bytes]:
        """Those files of these names that were left."""
        return read(self._files, names)

    def tell(self, status: Status) -> None:
        """Writes the status, for all to read."""
        partial = self._folder / f".{_STATUS}.new"
        partial.write_bytes(msgspec.json.encode(status))
        partial.chmod(0o644)
        partial.replace(self._folder / _STATUS)

    def clear(self) -> None:
        """Leaves nothing but the status."""
        for folder in (self._seed, self._files):
            shutil.rmtree(folder, ignore_errors=True)

    def _leave(self, folder: Path, files: Mapping[str, bytes]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        owner = self._folder.stat()
        for name, content in files.items():
            (folder / name).write_bytes(content)
            os.chown(folder / name, owner.st_uid, owner.st_gid)
        os.chown(folder, owner.st_uid, owner.st_gid)


def read(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The plain files of these names in a folder that another user fills. Raises OSError for what is none."""
    found = {}
    for name in names:
        try:
            descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_IGNITION:
                raise OSError(f"{name} is no file that was left here")
            found[name] = file.read(LARGEST_IGNITION)
    return found
