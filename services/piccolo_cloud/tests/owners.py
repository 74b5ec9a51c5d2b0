"""An owner with devices that write a backup log, as the metadata service does."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from piccolo_formats.backup_body import BodySealer, EntryPlace
from piccolo_formats.backup_entry import build_prefix
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Delegation, EntryHeader, EntryKind
from piccolo_formats.signed import sign

from piccolo_cloud.core.authority import Authority, request_message


@dataclass(frozen=True)
class Entry:
    """An entry's bytes and what the next one needs to know."""

    data: bytes
    header: EntryHeader
    hash: bytes

    @property
    def seq(self) -> int:
        return self.header.seq


@dataclass
class Owner:
    """The holder of 24 words."""

    kek: Kek = field(default_factory=lambda: Kek.generate(os.urandom))

    @property
    def locator(self) -> bytes:
        return self.kek.locator().public

    def device(self, generation: int = 1) -> Device:
        return Device(self, generation)

    def authority(self, nonce: bytes, method: str, argument: int) -> Authority:
        """Signed by the locator key itself."""
        message = request_message(method, nonce, self.locator, argument)
        return Authority(self.locator, b"", nonce, self.kek.locator().sign(message))


@dataclass
class Device:
    """A delegate: the metadata service of one device."""

    owner: Owner
    generation: int
    key: SigningKey = field(default_factory=lambda: SigningKey(os.urandom(32)))

    @property
    def delegation(self) -> bytes:
        record = Delegation(
            locator=self.owner.locator,
            generation=self.generation,
            key=self.key.public,
            backup=self.owner.kek.backup().public,
        )
        return sign(record, self.owner.kek.locator()).to_bytes()

    def authority(self, nonce: bytes, method: str, argument: int) -> Authority:
        message = request_message(method, nonce, self.owner.locator, argument)
        return Authority(self.owner.locator, self.delegation, nonce, self.key.sign(message))

    def entry(
        self,
        before: Entry | None,
        kind: EntryKind = EntryKind.SNAPSHOT,
        plain: bytes = b"a database",
        **changed: Any,
    ) -> Entry:
        """The entry that follows `before`; `changed` makes it wrong."""
        seq = before.seq + 1 if before else 1
        sealer = BodySealer(EntryPlace(self.owner.locator, self.generation, seq), os.urandom)
        body = b"".join(sealer.seal([plain]))
        summary = sealer.summary()
        header = EntryHeader(
            suite=1,
            locator=self.owner.locator,
            generation=self.generation,
            seq=seq,
            kind=kind,
            base=seq if kind is EntryKind.SNAPSHOT else before.header.base if before else 0,
            prev=before.hash if before else None,
            schema=1,
            plain_size=summary.plain_size,
            body_size=summary.body_size,
            body_hash=summary.body_hash,
            sealed_key=sealer.sealed_key(self.owner.kek.backup().public),
            delegation=self.delegation,
            time=1_800_000_000 + seq,
        )
        signed = sign(replace(header, **changed), self.key)
        return Entry(build_prefix(signed) + body, signed.record, signed.record_hash())


async def pieces(content: bytes, size: int = 1 << 20) -> AsyncIterator[bytes]:
    """Content as a stream brings it."""
    for start in range(0, len(content), size):
        yield content[start : start + size]
