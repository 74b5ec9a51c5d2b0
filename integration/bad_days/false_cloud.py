"""A cloud that hands out forged logs under the real one's certificate, and the art of forging them.

Rules:
* It listens where the cloud listened, which must have been stopped; it checks nobody and signs nothing.
* It hands out what a log is made of: any entries, under any numbers. What it is asked to append, it counts
  and refuses.
* A forger knows every byte that the cloud ever had, and the keys that are given to it: a thief's own, or
  those of a device that was stolen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import grpc
from piccolo.cloud.v1 import cloud_pb2 as wire
from piccolo.cloud.v1 import cloud_pb2_grpc as stubs
from piccolo_formats.backup_body import BodySealer, EntryPlace
from piccolo_formats.backup_entry import build_prefix, entry_name, split_entry
from piccolo_formats.digests import digest, without_digest
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Delegation, EntryHeader, EntryKind
from piccolo_formats.signed import Signed, open_signed, sign

from integration.device import Cloud, Device

_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is handed out: `seq` is what the cloud says of its place."""

    seq: int
    header: bytes
    body: bytes

    @property
    def said(self) -> EntryHeader:
        """What it says of itself."""
        return open_signed(EntryHeader, self.header).record

    @property
    def signed(self) -> Signed[EntryHeader]:
        """The same with its signatures."""
        return open_signed(EntryHeader, self.header)

    @property
    def prefix(self) -> bytes:
        """What comes before its body."""
        return build_prefix(self.signed)


def entries_of(cloud: Cloud, locator: bytes) -> list[Entry]:
    """Every entry of a log that the cloud keeps, oldest first."""
    folder = cloud.state("cloud") / "objects" / digest("locator", locator).hex()
    found = []
    for path in sorted((folder / "log").iterdir()):
        header, body = split_entry([path.read_bytes()])
        found.append(Entry(int(path.name, 16), header, b"".join(body)))
    assert [path.name for path in sorted((folder / "log").iterdir())] == [
        entry_name(entry.seq).removeprefix("log/") for entry in found
    ]
    return found


def key_of(device: Device) -> SigningKey:
    """What a device's metadata signs entries with: whoever stole its disk has it."""
    kept = without_digest("metadata-key", (device.state("metadata") / "backup" / "key").read_bytes())
    assert kept is not None
    return SigningKey(kept)


@dataclass(frozen=True, slots=True)
class Forger:
    """Makes entries with one key and one delegation, whoever's they are."""

    key: SigningKey
    delegation: bytes

    def signs(self, entry: Entry, **changes: Any) -> Entry:
        """An entry that says something else, under this signature; its body stays."""
        header = replace(entry.said, delegation=self.delegation, **changes)
        return Entry(header.seq, sign(header, self.key).to_bytes(), entry.body)

    def appends(self, last: Entry, random: Any) -> Entry:
        """A changeset behind an entry, sealed as the delegation says, that changes nothing."""
        before, delegated = last.said, open_signed(Delegation, self.delegation).record
        sealer = BodySealer(EntryPlace(delegated.locator, delegated.generation, before.seq + 1), random)
        body = b"".join(sealer.seal([]))
        summary = sealer.summary()
        header = replace(
            before,
            generation=delegated.generation,
            seq=before.seq + 1,
            kind=EntryKind.CHANGESET,
            base=before.seq if before.kind is EntryKind.SNAPSHOT else before.base,
            prev=last.signed.record_hash(),
            plain_size=summary.plain_size,
            body_size=summary.body_size,
            body_hash=summary.body_hash,
            sealed_key=sealer.sealed_key(delegated.backup),
            delegation=self.delegation,
        )
        return Entry(header.seq, sign(header, self.key).to_bytes(), body)


@dataclass(slots=True)
class FalseCloud(stubs.LogServiceServicer):
    """The service. `log` is what it hands out; `taken` counts the entries that it was asked to keep.

    `withholds`: once a memory was restored from it, it answers nothing any more.
    """

    log: Sequence[Entry] = ()
    taken: int = 0
    withholds: bool = False
    _fetched: bool = False
    _silent: bool = False

    async def Challenge(self, request: Any, context: Any) -> Any:
        """A nonce that it never looks at."""
        if self._silent:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return wire.ChallengeResponse(nonce=bytes(32))

    async def GetHead(self, request: Any, context: Any) -> Any:
        """Where the forged log stands."""
        if not self.log:
            return wire.GetHeadResponse()
        size = sum(len(entry.prefix) + len(entry.body) for entry in self.log)
        return wire.GetHeadResponse(seq=self.log[-1].seq, first=self.log[0].seq, bytes=size)

    async def ReadEntries(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Its entries, whole or without their bodies."""
        last = request.last or (1 << 64)
        for entry in self.log:
            if request.first <= entry.seq <= last:
                data = entry.prefix if request.headers_only else entry.prefix + entry.body
                for piece in _pieces(data, entry.seq):
                    yield piece
        if not request.headers_only:
            self._fetched = True
        elif self._fetched and self.withholds:  # what came meanwhile was asked for, too: the restore ends
            self._silent = True

    async def Append(self, requests: AsyncIterator[Any], context: Any) -> Any:
        """Keeps nothing."""
        self.taken += 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    async def DropChain(self, request: Any, context: Any) -> Any:
        """Deletes nothing."""
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")


def _pieces(data: bytes, seq: int) -> Iterator[Any]:
    for start in range(0, len(data), _PIECE):
        end = start + _PIECE
        yield wire.ReadEntriesResponse(seq=seq, data=data[start:end], last=end >= len(data))


@asynccontextmanager
async def false_cloud(cloud: Cloud) -> AsyncIterator[FalseCloud]:
    """The false one in the place of the cloud, which is off meanwhile."""
    await cloud.kill()
    served, server = FalseCloud(), grpc.aio.server()
    stubs.add_LogServiceServicer_to_server(served, server)
    key, shown = (_pem(cloud, name) for name in ("tls.key", "tls.pem"))
    server.add_secure_port(cloud.listens_at, grpc.ssl_server_credentials([(key, shown)]))
    await server.start()
    try:
        yield served
    finally:
        await server.stop(None)
        await cloud.start()


def _pem(cloud: Cloud, name: str) -> bytes:
    return Path(cloud.state("cloud") / name).read_bytes()
