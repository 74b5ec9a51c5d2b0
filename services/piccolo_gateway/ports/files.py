"""The owner's names: metadata's FileService."""

from __future__ import annotations

from typing import Protocol

from piccolo_gateway.core.bodies.files import Deleted, Entries, Entry, Totals, Trash, Versions


class Files(Protocol):
    """The tree of names. All methods raise PiccoloError as metadata says."""

    async def stat(self, path: str) -> Entry:
        """One entry; NOT_FOUND when nothing has that name."""
        ...

    async def locate(self, entry_id: int) -> Entry:
        """The entry of an id, wherever it is now; NOT_FOUND when it is in the trash or gone."""
        ...

    async def list(self, path: str, *, recursive: bool, page_size: int, page_token: str) -> Entries:
        """A page of a directory."""
        ...

    async def search(self, query: str, *, under: str, page_size: int, page_token: str) -> Entries:
        """A page of the entries whose name holds a text."""
        ...

    async def make_directory(self, path: str) -> Entry:
        """Makes a directory and its missing parents."""
        ...

    async def move(
        self, source: str, destination: str, *, overwrite: bool, expected_revision: int | None
    ) -> Entry:
        """Changes a name."""
        ...

    async def copy(
        self, source: str, destination: str, *, overwrite: bool, expected_revision: int | None
    ) -> Entry:
        """Gives a second name."""
        ...

    async def remove(self, path: str, *, recursive: bool, expected_revision: int | None) -> Deleted:
        """Puts an entry into the trash."""
        ...

    async def versions(self, path: str, *, page_size: int, page_token: str) -> Versions:
        """A page of a file's versions."""
        ...

    async def restore_version(self, path: str, version_id: bytes, *, expected_revision: int | None) -> Entry:
        """Makes a version the current one."""
        ...

    async def trash(self, *, page_size: int, page_token: str) -> Trash:
        """A page of the trash."""
        ...

    async def restore_removed(self, trash_id: int, path: str) -> Entry:
        """Takes an entry out of the trash; an empty path is its old name."""
        ...

    async def totals(self, path: str) -> Totals:
        """What lies below a directory."""
        ...
