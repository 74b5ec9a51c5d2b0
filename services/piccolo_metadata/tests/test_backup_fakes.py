"""An owner, and a cloud in memory that can misbehave; test_backup_contract.py holds it to the real one."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import running
from piccolo_formats.backup_body import open_body_key
from piccolo_formats.backup_entry import (
    PREFIX_SIZE,
    VerifiedHeader,
    open_header,
    parse_prefix,
    split_entry,
)
from piccolo_formats.digests import Digest, digest
from piccolo_formats.errors import FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey, signature_is_valid
from piccolo_formats.records.backup import Delegation, EntryHeader, EntryKind, Head
from piccolo_formats.records.generations import Claim
from piccolo_formats.signed import countersign, open_signed, sign

from piccolo_metadata.adapters.schema import SCHEMA_VERSION
from piccolo_metadata.core.backup_entry import Draft, EntryBuilder
from piccolo_metadata.core.backup_points import Point
from piccolo_metadata.engine.backup_ports import Access, Kept, Piece
from piccolo_metadata.engine.backup_restore import Progress


def dropping(locator: bytes, before: int, nonce: bytes) -> bytes:
    """What the locator key signs for DropChain (protos/piccolo/cloud/v1/cloud.proto)."""
    request = digest("request", locator, before.to_bytes(8))
    return b"piccolo/cloud/v1\x00DropChain\x00" + nonce + request


@dataclass
class Owner:
    """The holder of 24 words: what the vault does for the backup."""

    kek: Kek = field(default_factory=lambda: Kek.generate(os.urandom))

    @property
    def locator(self) -> bytes:
        return self.kek.locator().public

    def delegation(self, key: bytes, generation: int = 1) -> bytes:
        record = Delegation(
            locator=self.locator, generation=generation, key=key, backup=self.kek.backup().public
        )
        return sign(record, self.kek.locator()).to_bytes()

    def claim(self, generation: int) -> bytes:
        record = Claim(
            circle=bytes(16),
            owner=digest("owner-id", self.kek.owner_root().public),
            generation=generation,
            device=bytes(32),
            time=int(time.time()),
        )
        return sign(record, self.kek.owner_root()).to_bytes()

    def countersigned(self, head: bytes) -> bytes:
        return countersign(open_signed(Head, head), self.kek.locator()).to_bytes()

    def dropped(self, before: int, nonce: bytes) -> bytes:
        """The signature by which the cloud deletes what came before an entry."""
        return self.kek.locator().sign(dropping(self.locator, before, nonce))

    def open_key(self, generation: int, seq: int, sealed: bytes) -> bytes:
        """A body key, as the vault opens it from what it is told of an entry."""
        header = EntryHeader(
            suite=1,
            locator=self.locator,
            generation=generation,
            seq=seq,
            kind=EntryKind.SNAPSHOT,
            base=seq,
            prev=None if seq == 1 else bytes(32),
            schema=1,
            plain_size=0,
            body_size=0,
            body_hash=bytes(32),
            sealed_key=sealed,
            delegation=b"x",
            time=0,
        )
        return open_body_key(header, self.kek.backup()).reveal()


@dataclass
class Vault:
    """Answers a restore's questions; implements engine.backup_restore.Asker."""

    owner: Owner
    told: list[Progress] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
        self.asked += [point.seq for point in points]
        return [self.owner.open_key(point.generation, point.seq, point.sealed_key) for point in points]

    async def tell(self, progress: Progress) -> None:
        self.told.append(progress)


@dataclass
class FakeCloud:
    """A log in memory with the cloud's rules; what it is told to do wrong, it does wrong."""

    locator: bytes
    entries: dict[int, bytes] = field(default_factory=dict)
    configured: bool = True
    away: bool = False
    full: bool = False
    deaf: bool = False  # takes an entry, and its answer is lost
    slow: asyncio.Event | None = None  # an entry is taken only when this is set
    waiting: asyncio.Event = field(default_factory=asyncio.Event)  # one has come and waits for that
    calls: int = 0
    looked_at: list[int] = field(default_factory=list)  # whose headers were read
    nonce: bytes = b""

    async def head(self, access: Access) -> Kept:
        self._reach(access)
        sizes = sum(map(len, self.entries.values()))
        return Kept(max(self.entries, default=0), min(self.entries, default=0), sizes)

    async def append(self, access: Access, seq: int, size: int, chunks: AsyncIterator[bytes]) -> None:
        self._reach(access)
        data = b"".join([chunk async for chunk in chunks])
        assert len(data) == size
        if self.slow is not None:
            self.waiting.set()
            await self.slow.wait()
        self._check(seq, data)
        self.entries[seq] = data
        if self.deaf:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "The connection was lost.")

    async def read(
        self, access: Access, first: int, last: int, *, headers_only: bool
    ) -> AsyncGenerator[Piece]:
        self._reach(access)
        kept = await self.head(access)
        if 0 < first < kept.first:
            raise PiccoloError(Kind.OUT_OF_RANGE, "ENTRY_DROPPED", "It was deleted.")
        for seq in range(first or kept.first or 1, min(last or kept.seq, kept.seq) + 1):
            if seq not in self.entries or (headers_only and not self._readable(seq)):
                raise PiccoloError(Kind.DATA_LOSS, "LOG_DAMAGED", "It is damaged.", {"seq": str(seq)})
            data = self.entries[seq]
            if headers_only:
                self.looked_at.append(seq)
                data = data[: PREFIX_SIZE + parse_prefix(data[:PREFIX_SIZE])]
            middle = len(data) // 2
            yield Piece(seq, data[:middle], last=False)
            yield Piece(seq, data[middle:], last=True)

    async def challenge(self) -> bytes:
        self.nonce = os.urandom(32)
        return self.nonce

    async def drop(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        signed = nonce == self.nonce and signature_is_valid(
            locator, signature, dropping(locator, before, nonce)
        )
        self.nonce = b""
        if not signed or locator != self.locator:
            raise PiccoloError(Kind.UNAUTHENTICATED, "SIGNATURE_WRONG", "It is not the owner's.")
        if before not in self.entries or self.header(before).header.kind is not EntryKind.SNAPSHOT:
            raise PiccoloError(Kind.PRECONDITION, "NOT_A_SNAPSHOT", "It is no snapshot.")
        gone = [seq for seq in self.entries if seq < before]
        for seq in gone:
            del self.entries[seq]
        return len(gone)

    def header(self, seq: int) -> VerifiedHeader:
        """The verified header of an entry."""
        data = self.entries[seq]
        return open_header(data[PREFIX_SIZE : PREFIX_SIZE + parse_prefix(data[:PREFIX_SIZE])], self.locator)

    def kinds(self) -> list[EntryKind]:
        """The kinds of all entries, in order."""
        return [self.header(seq).header.kind for seq in sorted(self.entries)]

    def alter(self, seq: int, position: int = -40) -> None:
        """Flips a bit."""
        data = bytearray(self.entries[seq])
        data[position] ^= 1
        self.entries[seq] = bytes(data)

    def _reach(self, access: Access) -> None:
        self.calls += 1
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "CLOUD_AWAY", "The cloud is away.")
        assert access.locator == self.locator
        open_signed(Delegation, access.delegation, required=[self.locator])

    def _readable(self, seq: int) -> bool:
        try:
            return self.header(seq).header.seq == seq
        except Exception:
            return False

    def _check(self, seq: int, data: bytes) -> None:
        header = _opened(data, self.locator)
        head = self.header(max(self.entries)) if self.entries else None
        details = {"head_seq": str(head.header.seq if head else 0)}
        if self.entries.get(seq) == data:
            return
        if self.full and header.header.kind not in (EntryKind.CLAIM, EntryKind.MOVED):
            raise PiccoloError(Kind.FULL, "LOG_FULL", "The log is full.")
        if head and header.header.generation < head.header.generation:
            claim = next(
                entry
                for entry in map(self.header, sorted(self.entries))
                if entry.header.generation == head.header.generation
            )
            proof = base64.b64encode(claim.signed.to_bytes()).decode()
            raise PiccoloError(Kind.DENIED, "FENCED", "Fenced.", {"claim_header": proof, **details})
        if seq in self.entries or (
            head and seq == head.header.seq + 1 and header.header.prev != head.record_hash()
        ):
            raise PiccoloError(Kind.ALREADY_EXISTS, "FORK", "Another entry is there.", details)
        if seq != (head.header.seq if head else 0) + 1:
            raise PiccoloError(Kind.PRECONDITION, "LOG_GAP", "Another entry is next.", details)


def _opened(data: bytes, locator: bytes) -> VerifiedHeader:
    """The header of an entry whose every byte is as it was signed for."""
    try:
        signed, pieces = split_entry([data])
        entry = open_header(signed, locator)
    except FormatError as wrong:
        raise PiccoloError(Kind.INVALID, "ENTRY_MALFORMED", f"It is refused: {wrong}.") from wrong
    body = Digest("body")
    for piece in pieces:
        body.update(piece)
    if body.value() != entry.header.body_hash:
        raise PiccoloError(Kind.INVALID, "ENTRY_ALTERED", "The body is not the header's.")
    return entry


class Author:
    """Writes entries by hand, as an honest device or as another would."""

    def __init__(self, owner: Owner, generation: int = 1) -> None:
        self.owner, self.generation = owner, generation
        self.key = SigningKey(os.urandom(32))
        self.delegation = open_signed(Delegation, owner.delegation(self.key.public, generation))

    @property
    def access(self) -> Access:
        return Access(self.owner.locator, self.delegation.to_bytes())

    def entry(
        self,
        prev: bytes | None,
        seq: int,
        kind: EntryKind = EntryKind.SNAPSHOT,
        plain: bytes = b"something",
        base: int | None = None,
        schema: int = SCHEMA_VERSION,
    ) -> tuple[bytes, bytes]:
        """An entry's bytes and the hash of its header."""
        draft = Draft(
            self.delegation, kind, seq, base if base is not None else seq, prev, schema, 1_800_000_000
        )
        builder, body = EntryBuilder(draft, self.key, os.urandom), bytearray()
        prefix = builder.build([plain], body.extend)
        return prefix + bytes(body), builder.hash


def cloud_settings(folder: Path) -> dict[str, Any]:
    """The configuration of a real cloud."""
    return {"state": str(folder / "state"), "listen": "127.0.0.1:0", "folder": {"reserve": 0}}


@asynccontextmanager
async def real_cloud(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """A cloud as a process; its address and its fingerprint."""
    async with running("cloud", cloud_settings(folder), folder):
        yield cloud_address(folder)


def cloud_address(folder: Path) -> tuple[str, str]:
    """Address and fingerprint of a running cloud."""
    port = (folder / "state/port").read_text().strip()
    return f"127.0.0.1:{port}", (folder / "state/fingerprint").read_text().strip()
