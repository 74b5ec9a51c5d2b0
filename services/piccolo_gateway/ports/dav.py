"""What WebDAV needs of the owner's names beyond the API: metadata's FileService."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from piccolo_gateway.core.bodies.files import Entry


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry, and what clients noted about it: an XML element by the name of each property."""

    entry: Entry
    properties: Mapping[str, str] = field(default_factory=dict)


class DavFiles(Protocol):
    """The tree of names. All methods raise PiccoloError as metadata says."""

    async def stat(self, path: str, *, noted: bool) -> Noted:
        """One entry."""
        ...

    async def list(self, path: str, *, noted: bool, page_token: str) -> tuple[list[Noted], str]:
        """A page of a directory, and the token of the next."""
        ...

    async def note(self, path: str, put: Mapping[str, str], remove: Sequence[str]) -> None:
        """Sets and forgets properties, all or none."""
        ...

    async def make_directory(self, path: str) -> Entry:
        """Makes a directory where nothing is yet."""
        ...

    async def move(self, source: str, destination: str, *, replace: bool) -> Entry:
        """Changes a name; `replace`: what has the new name goes into the trash, whatever it is."""
        ...

    async def copy(self, source: str, destination: str, *, replace: bool, shallow: bool) -> Entry:
        """Gives a second name; `shallow`: a directory only itself."""
        ...
