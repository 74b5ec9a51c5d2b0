"""The way of a file: the vault's StoreService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from piccolo_gateway.core.bodies.care import Attention, MemberFigures
from piccolo_gateway.core.bodies.files import Deleted, FileHealth, StoreHealth, Written


@dataclass(frozen=True, slots=True)
class WriteStart:
    """Where a file goes and under which conditions; see the vault's WriteOpen."""

    path: str
    modified: int = 0
    media: str = ""
    expected_revision: int | None = None
    upload_id: str = ""
    size: int | None = None
    at_risk: bool = False


class Writing(Protocol):
    """One stream of a file into the vault."""

    ended: asyncio.Event
    """Set when the vault has ended the stream, well or not."""

    @property
    def durable(self) -> int:
        """Plaintext bytes that survive a crash of this device's processes, as far as the vault has said."""
        ...

    async def offset(self) -> int:
        """Where a named upload goes on. Raises PiccoloError when it cannot."""
        ...

    async def send(self, data: bytes) -> None:
        """Sends up to 1 MiB, as fast as the vault takes it. Raises how the vault ended the stream."""
        ...

    async def finish(self, size: int) -> Written:
        """Says that the file is whole; returns when it has its name."""
        ...

    async def park(self) -> None:
        """Ends the stream and leaves a named upload open; returns when the vault has put it away."""
        ...


@dataclass(frozen=True, slots=True)
class UploadState:
    """How far a named upload is, and its announced size."""

    offset: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """What is read: facts of the version, and of the bytes that follow."""

    size: int
    version_id: str
    offset: int
    length: int
    media: str
    modified: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Bytes to read; no version is the current one, no length is to the end."""

    path: str
    version_id: bytes = b""
    offset: int = 0
    length: int | None = None


class Store(Protocol):
    """The store."""

    def write(self, start: WriteStart) -> AbstractAsyncContextManager[Writing]:
        """Begins or resumes a file. Leaving the block early leaves nothing of an unnamed one."""
        ...

    def read(
        self, wanted: Wanted
    ) -> AbstractAsyncContextManager[tuple[Head, AsyncIterator[bytes | memoryview]]]:
        """Opens a range of a file; raises PiccoloError before there is a byte."""
        ...

    async def upload(self, upload_id: str) -> UploadState | None:
        """How far a named upload is; None when the vault has nothing of it."""
        ...

    async def abandon(self, upload_id: str) -> None:
        """Ends a named upload; one that the vault does not know is ended already."""
        ...

    async def health(self, path: str, *, ask: bool) -> FileHealth:
        """What a file survives."""
        ...

    async def store_health(self) -> StoreHealth:
        """What everything survives."""
        ...

    async def members(self) -> tuple[list[MemberFigures], list[Attention]]:
        """What is known of each member, and what of it should be looked at."""
        ...

    async def check(self, path: str, read_percent: int) -> str:
        """Begins a check; returns the operation's id."""
        ...

    async def repair(self, *, now: bool) -> str:
        """Begins repairs; returns the operation's id."""
        ...

    async def purge(self, path: str, *, recursive: bool, expected_revision: int | None) -> Deleted:
        """Deletes for good."""
        ...

    async def purge_removed(self, trash_id: int) -> tuple[Deleted, str]:
        """Deletes an entry of the trash for good; also returns the name that it had."""
        ...
