"""Backup logs under construction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from piccolo_formats.backup_chain import LogVerifier
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Delegation, EntryHeader, EntryKind
from piccolo_formats.signed import Signed, sign

KEK = Kek(b"k" * 32)
LOCATOR = KEK.locator().public
DELEGATES = {generation: SigningKey(bytes([generation]) * 32) for generation in (1, 2, 3)}


def delegation(generation: int, locator: SigningKey | None = None) -> Signed[Delegation]:
    record = Delegation(
        locator=LOCATOR,
        generation=generation,
        key=DELEGATES[generation].public,
        backup=KEK.backup().public,
    )
    return sign(record, locator or KEK.locator())


def header(kind: EntryKind, seq: int, prev: bytes | None, **changes: Any) -> Signed[EntryHeader]:
    generation = changes.get("generation", 1)
    record = EntryHeader(
        suite=1,
        locator=LOCATOR,
        generation=generation,
        seq=seq,
        kind=kind,
        base=seq if kind is EntryKind.SNAPSHOT else 1,
        prev=prev,
        schema=1,
        plain_size=0,
        body_size=0,
        body_hash=bytes(32),
        sealed_key=bytes(80),
        delegation=delegation(generation).to_bytes(),
        time=0,
    )
    return sign(replace(record, **changes), DELEGATES[generation])


@dataclass
class Log:
    """A log under construction."""

    entries: list[Signed[EntryHeader]]

    def append(self, kind: EntryKind, **changes: Any) -> None:
        prev = self.entries[-1].record_hash() if self.entries else None
        seq = self.entries[-1].record.seq + 1 if self.entries else 1
        self.entries.append(header(kind, **{"seq": seq, "prev": prev, **changes}))

    def verified(self, start: int = 0) -> LogVerifier:
        verifier = LogVerifier(LOCATOR)
        for entry in self.entries[start:]:
            verifier.add(entry.to_bytes())
        return verifier


def log_of(*kinds: EntryKind) -> Log:
    log = Log([])
    for kind in kinds:
        log.append(kind)
    return log


SNAPSHOT, CHANGESET, CLAIM, MOVED = EntryKind


def pieces(data: bytes, step: int) -> Iterator[bytes]:
    for at in range(0, len(data), step):
        yield data[at : at + step]
