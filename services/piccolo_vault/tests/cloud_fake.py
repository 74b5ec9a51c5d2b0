"""Backup logs at a cloud that may stand behind several devices."""

from __future__ import annotations

from dataclasses import dataclass, field

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.backup import EntryHeader
from piccolo_formats.signed import open_signed

from piccolo_vault.engine.keys.pulse import Pulse


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a log: who wrote it, its header, the key of its body, and what a restore brings."""

    generation: int
    delegate: bytes
    header: bytes
    sealed: bytes = bytes(80)
    body_key: bytes = b""
    content: dict[str, bytes] = field(default_factory=dict)
    files: int = 0
    claim: bytes = b""
    moved: bytes = b""

    @property
    def hash(self) -> bytes:
        """The hash of its header record."""
        return open_signed(EntryHeader, self.header).record_hash()


@dataclass(slots=True)
class FakeCloud:
    """Backup logs by locator; one cloud may stand behind several devices."""

    logs: dict[bytes, list[Entry]] = field(default_factory=dict)
    away: bool = False
    changed: Pulse = field(default_factory=Pulse)

    def log(self, locator: bytes) -> list[Entry]:
        """A log's entries; raises PiccoloError UNAVAILABLE while the cloud is away."""
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "CLOUD_AWAY", "The cloud cannot be reached.")
        return self.logs.get(locator, [])

    def append(self, locator: bytes, entry: Entry) -> None:
        """Adds an entry, if its generation may write."""
        log = self.log(locator)
        head = log[-1] if log else None
        if head is not None and entry.claim and entry.claim == head.claim:
            return
        if head is not None and head.moved:
            raise PiccoloError(Kind.PRECONDITION, "LOG_MOVED", "This log is closed.")
        taken = head is not None and (
            entry.generation < head.generation
            or (entry.generation == head.generation and (entry.claim or entry.delegate != head.delegate))
        )
        if head is not None and taken:
            details = {"head_generation": str(head.generation)}
            raise PiccoloError(Kind.DENIED, "FENCED", "Another device took over this log.", details)
        self.logs[locator] = [*log, entry]
        self.changed.fire()
