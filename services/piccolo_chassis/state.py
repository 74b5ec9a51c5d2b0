"""A service's state folder: who may use it, and in which version its files are.

Rules:
* One process at a time: the folder is held by a lock that the kernel releases when the process ends,
  however it ends.
* The file `format` names the owner and the version. A folder of a version that this release does not open,
  of another service, or one that holds things without saying what they are, is refused and left untouched.
* An older version is the service's to migrate; it calls `stamp` when the last byte of that is durable.
* Each service declares its `Format` as `STATE` in its `config`. Whoever changes how anything in the folder is
  written raises `newest` in one release and `written` in a later one: a device that goes back to the release
  before must open what the newer one wrote (docs/adr/0043). A release's manifest tells devices by the three
  numbers whether they may install it.
* A folder is durable when the one that holds it was synced: what lies in one that is not goes with it when
  the power does, however well it was written itself.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

_FORMAT: Final = "format"
_LOCK: Final = ".lock"
_PREFIX: Final = "piccolo-"
# another user's folder is its owner's to keep; what is never written, as its root, has no sync
_NOT_OURS_TO_SYNC: Final = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.EROFS})


@dataclass(frozen=True, slots=True)
class Format:
    """What a service keeps its state in.

    Attributes:
        service: its name.
        written: the version that it writes.
        oldest: the oldest version that it opens, and brings to the one that it writes.
        newest: the newest version that it opens, and leaves as it is.
    """

    service: str
    written: int
    oldest: int
    newest: int


@dataclass(slots=True)
class Claim:
    """A state folder that is ours while the claim lasts.

    Attributes:
        folder: where the state lies.
        format: what the service keeps it in.
        found: the version that its files are in; lower than the written one when they are to be migrated, and
            higher after a newer release was given up.
    """

    folder: Path
    format: Format
    found: int

    def stamp(self) -> None:
        """Writes, durably, that the files are now in the version that the service writes."""
        said = f"{_owner(self.format)} {self.format.written}\n"
        write_durably(self.folder / _FORMAT, said.encode())
        self.found = self.format.written


@contextmanager
def claim(folder: Path, form: Format) -> Iterator[Claim]:
    """Holds the state folder of a service, making it (mode 0700) when it is not there.

    Raises PiccoloError UNAVAILABLE (STATE_IN_USE) or PRECONDITION (STATE_FOLDER, STATE_FOREIGN, STATE_NEWER,
    STATE_OLDER).
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as refused:
        raise PiccoloError(
            Kind.PRECONDITION, "STATE_FOLDER", f"The state folder {folder} cannot be used: {refused}"
        ) from refused
    try:
        _take(lock, folder)
        yield _read(folder, form)
    finally:
        os.close(lock)


def write_durably(path: Path, content: bytes) -> None:
    """Replaces a small file so that after a crash either the old or the new content is there, whole."""
    partial = path.with_name(f".{path.name}.new")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def make_folder(folder: Path, within: Path | None = None) -> None:
    """Makes a folder (mode 0700) and those above it, durably.

    Those that are there already are synced too, because who made them may have died before that; `within` is
    a folder of which it is known to be durable, so that it and those above it need not be.
    """
    if folder in (within, folder.parent):
        return
    make_folder(folder.parent, within)
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        sync_folder(folder.parent)
    except OSError as refused:
        if refused.errno not in _NOT_OURS_TO_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "STATE_IN_USE",
            f"Another process uses the state folder {folder}; stop it first.",
        ) from held


def version_in(folder: Path, service: str) -> int | None:
    """The version that a folder says it is in; None when it does not say that it is that service's state."""
    try:
        text = (folder / _FORMAT).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _version(text, f"{_PREFIX}{service}")


def _owner(form: Format) -> str:
    return f"{_PREFIX}{form.service}"


def _version(text: str, owner: str) -> int | None:
    name, _, number = text.strip().partition(" ")
    return int(number) if name == owner and number.isascii() and number.isdigit() else None


def _read(folder: Path, form: Format) -> Claim:
    try:
        text = (folder / _FORMAT).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return _fresh(folder, form)
    if (found := _version(text, _owner(form))) is None:
        raise PiccoloError(
            Kind.PRECONDITION,
            "STATE_FOREIGN",
            f"{folder} is no state folder of {_owner(form)}: {_FORMAT} says {text.strip()[:60]!r}. "
            "Nothing was changed; name the right folder, or an empty one, as state.",
        )
    if found > form.newest:
        raise PiccoloError(
            Kind.PRECONDITION,
            "STATE_NEWER",
            f"{folder} was written by a newer release (version {found}, this one knows {form.newest}); "
            "start the newer release again, or restore from a backup.",
        )
    if found < form.oldest:
        raise PiccoloError(
            Kind.PRECONDITION,
            "STATE_OLDER",
            f"{folder} was written by an older release (version {found}, this one opens {form.oldest} and "
            "newer); start a release between the two first, or choose an empty folder.",
        )
    return Claim(folder, form, found)


def _fresh(folder: Path, form: Format) -> Claim:
    ours = {_LOCK, f".{_FORMAT}.new"}  # what a first start that was cut off may leave
    if others := sorted(entry.name for entry in folder.iterdir() if entry.name not in ours):
        raise PiccoloError(
            Kind.PRECONDITION,
            "STATE_FOREIGN",
            f"{folder} holds {others[0]!r} but does not say whose it is; choose an empty folder.",
        )
    make_folder(folder)
    made = Claim(folder, form, form.written)
    made.stamp()
    return made
