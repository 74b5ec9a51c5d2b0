"""What the device remembers besides files: metadata's other services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Literal, Protocol, TypeAlias

from piccolo_gateway.core.bodies.memory import (
    AuditEvents,
    AuditFilter,
    AuditVerified,
    Backup,
    Operation,
    Operations,
    RestorePoints,
    Settings,
    Snapshot,
    Value,
)


class State(Protocol):
    """The gateway's own small values, which travel in the owner's backup."""

    async def list(self, prefix: str) -> dict[str, bytes]:
        """All values whose key begins so, by key."""
        ...

    async def get(self, key: str) -> bytes | None:
        """One value; None when there is none."""
        ...

    async def put(self, values: Mapping[str, bytes]) -> None:
        """Writes values in one transaction."""
        ...

    async def remove(self, *keys: str) -> None:
        """Removes values in one transaction; what is not there is removed already."""
        ...


class OperationsPort(Protocol):
    """Long work."""

    async def get(self, operation_id: str) -> Operation:
        """One operation; NOT_FOUND when there is none."""
        ...

    async def list(self, *, page_size: int, page_token: str, running: bool) -> Operations:
        """A page of them."""
        ...

    async def cancel(self, operation_id: str) -> Operation:
        """Asks for an end."""
        ...

    def watch(self, operation_id: str, after: int) -> AsyncIterator[Operation]:
        """Each change after a revision; an empty id is all."""
        ...


class SettingsPort(Protocol):
    """The owner's settings."""

    async def get(self) -> Settings:
        """All of them."""
        ...

    async def set(self, values: Mapping[str, Value | None]) -> Settings:
        """Changes some; None is the default."""
        ...


Topic: TypeAlias = Literal["files", "settings", "audit"]


class ChangesPort(Protocol):
    """That something has changed, not what."""

    def watch(self, topic: Topic) -> AsyncIterator[int]:
        """A topic's mark now, and after each change; marks rise."""
        ...


class Audit(Protocol):
    """The audit log."""

    async def append(self, actor: str, action: str, subject: str, outcome: str) -> None:
        """Adds an event."""
        ...

    async def list(self, wanted: AuditFilter, *, page_size: int, page_token: str) -> AuditEvents:
        """A page of the wanted events, newest first."""
        ...

    async def verify(self) -> AuditVerified:
        """Walks the chain."""
        ...


class Backups(Protocol):
    """The backup at the cloud."""

    async def status(self) -> Backup:
        """How far it is."""
        ...

    def watch(self) -> AsyncIterator[Backup]:
        """The status now and at every change."""
        ...

    async def points(self) -> RestorePoints:
        """What can be restored."""
        ...

    async def snapshot(self) -> Snapshot:
        """Starts a new chain, and waits until it is at the cloud."""
        ...
