"""Small files that are replaced whole and durably."""

from __future__ import annotations

from piccolo_fragment_store.ports import Disk


def replace_file(disk: Disk, folder: str, name: str, content: bytes) -> None:
    """Puts a file in the place of one that may be there; a power cut leaves the one or the other."""
    path = f"{folder}/{name}"
    file = disk.create(f"{path}.new")
    try:
        file.append(content)
        file.sync()
    finally:
        file.close()
    disk.rename(f"{path}.new", path)
    disk.sync_folder(folder)


def read_file(disk: Disk, path: str) -> bytes | None:
    """A file's bytes; None when there is none."""
    if not disk.has(path):
        return None
    file = disk.open(path)
    try:
        return file.read_at(0, file.size())
    finally:
        file.close()
