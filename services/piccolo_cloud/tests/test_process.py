"""The cloud as a process: TLS, the wire, limits of memory, and kill -9."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from piccolo.cloud.v1 import cloud_pb2, cloud_pb2_grpc
from piccolo_chassis import rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import Service, running, spawned, until_ready
from piccolo_formats.backup_body import BodySealer, EntryPlace
from piccolo_formats.backup_entry import build_prefix
from piccolo_formats.digests import digest
from piccolo_formats.records.backup import EntryHeader, EntryKind
from piccolo_formats.signed import sign
from piccolo_formats.tls import certificate_fingerprint, certificate_name, to_pem

from piccolo_cloud.adapters.s3_store import S3Settings
from piccolo_cloud.tests.owners import Device, Entry, Owner

pytestmark = [pytest.mark.component, pytest.mark.usefixtures("no_leaked_processes")]

MIB = 1 << 20


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "state": str(folder / "state"),
        "listen": "127.0.0.1:0",
        "folder": {"reserve": 0},
        **more,
    }


def port_of(folder: Path) -> int:
    return int((folder / "state/port").read_text())


def served_certificate(folder: Path) -> bytes:
    pem = ssl.get_server_certificate(("127.0.0.1", port_of(folder)), timeout=10)
    return ssl.PEM_cert_to_DER_cert(pem)


@asynccontextmanager
async def client(folder: Path) -> AsyncIterator[Client]:
    """A device that knows the fingerprint and nothing else."""
    der = await asyncio.to_thread(served_certificate, folder)
    assert certificate_fingerprint(der).hex() == (folder / "state/fingerprint").read_text().strip()
    credentials = grpc.ssl_channel_credentials(to_pem(der))
    name = [("grpc.ssl_target_name_override", certificate_name(der))]
    target = f"127.0.0.1:{port_of(folder)}"
    async with rpc.connect(target, credentials=credentials, options=name) as channel:
        yield Client(channel)


class Client:
    """The calls of a device."""

    def __init__(self, channel: Channel) -> None:
        self.logs = cloud_pb2_grpc.LogServiceStub(channel)
        self.boxes = cloud_pb2_grpc.MailboxServiceStub(channel)

    async def authority(self, who: Owner | Device, method: str, argument: int) -> cloud_pb2.Authority:
        nonce = (await self.logs.Challenge(cloud_pb2.ChallengeRequest())).nonce
        given = who.authority(nonce, method, argument)
        return cloud_pb2.Authority(
            locator=given.locator,
            delegation=given.delegation,
            nonce=given.nonce,
            signature=given.signature,
        )

    async def append(self, device: Device, entry: Entry) -> int:
        return await self.append_stream(device, entry.seq, len(entry.data), iter(_cut(entry.data)))

    async def append_stream(self, device: Device, seq: int, size: int, chunks: Iterator[bytes]) -> int:
        authority = await self.authority(device, "Append", seq)

        async def requests() -> AsyncIterator[cloud_pb2.AppendRequest]:
            opened = cloud_pb2.AppendOpen(authority=authority, seq=seq, size=size)
            yield cloud_pb2.AppendRequest(open=opened)
            for chunk in chunks:
                yield cloud_pb2.AppendRequest(data=chunk)

        response = await self.logs.Append(requests(), timeout=60)
        return response.seq

    async def read(self, owner: Owner, first: int = 0, *, headers_only: bool = False) -> dict[int, bytes]:
        request = cloud_pb2.ReadEntriesRequest(
            authority=await self.authority(owner, "ReadEntries", first),
            first=first,
            headers_only=headers_only,
        )
        found: dict[int, bytes] = {}
        async for piece in self.logs.ReadEntries(request, timeout=60):
            assert len(piece.data) <= 32_768  # who reads waits a minute for each, and the line may be slow
            found[piece.seq] = found.get(piece.seq, b"") + piece.data
        return found

    async def head(self, owner: Owner) -> cloud_pb2.GetHeadResponse:
        authority = await self.authority(owner, "GetHead", 0)
        return await self.logs.GetHead(cloud_pb2.GetHeadRequest(authority=authority))


def _cut(data: bytes) -> list[bytes]:
    return [data[start : start + MIB] for start in range(0, len(data), MIB)]


async def test_the_wire(tmp_path: Path) -> None:
    owner = Owner()
    device = owner.device()
    async with running("cloud", settings(tmp_path), tmp_path) as process, client(tmp_path) as cloud:
        first = device.entry(None, plain=os.urandom(3 * MIB))
        second = device.entry(first)
        for entry in (first, second, first):
            assert await cloud.append(device, entry) == entry.seq
        head = await cloud.head(owner)
        assert (head.seq, head.first, head.bytes) == (2, 1, len(first.data) + len(second.data))
        assert await cloud.read(owner) == {1: first.data, 2: second.data}
        headers = await cloud.read(owner, headers_only=True)
        assert first.data.startswith(headers[1])
        assert len(headers[1]) < 2000
        with pytest.raises(PiccoloError) as told:
            await cloud.append(device, device.entry(first, plain=b"other"))
        assert (told.value.kind, told.value.reason) == (Kind.ALREADY_EXISTS, "FORK")
        assert told.value.details["head_hash"] == second.hash.hex()
        drop = cloud_pb2.DropChainRequest(authority=await cloud.authority(owner, "DropChain", 2), before=2)
        assert (await cloud.logs.DropChain(drop)).dropped == 1
        box = b"b" * 32
        await cloud.boxes.Drop(cloud_pb2.DropRequest(address=box, message=b"hello"))
        collected = await cloud.boxes.Collect(cloud_pb2.CollectRequest(address=box))
        assert list(collected.messages) == [b"hello"]
        log = process.raw_log()
        for secret in (owner.locator, digest("locator", owner.locator), box, device.key.public):
            assert secret.hex() not in log
        assert "127.0.0.1" not in log


async def test_messages_out_of_order(tmp_path: Path) -> None:
    device = Owner().device()
    async with running("cloud", settings(tmp_path), tmp_path), client(tmp_path) as cloud:
        opened = cloud_pb2.AppendOpen(authority=await cloud.authority(device, "Append", 1), seq=1, size=100)
        bad: list[tuple[list[cloud_pb2.AppendRequest], str]] = [
            ([], "OPEN_FIRST"),
            ([cloud_pb2.AppendRequest(data=b"x")], "OPEN_FIRST"),
            ([cloud_pb2.AppendRequest(open=opened)] * 2, "OPEN_FIRST"),
            ([cloud_pb2.AppendRequest()], "OPEN_FIRST"),
            ([cloud_pb2.AppendRequest(open=cloud_pb2.AppendOpen(seq=1, size=1))], "REQUEST_INVALID"),
        ]
        for requests, reason in bad:
            with pytest.raises(PiccoloError) as told:
                await cloud.logs.Append(iter(requests))
            assert (told.value.kind, told.value.reason) == (Kind.INVALID, reason)
        with pytest.raises(PiccoloError) as told:
            await cloud.boxes.Drop(cloud_pb2.DropRequest(address=b"short", message=b"x"))
        assert told.value.reason == "REQUEST_INVALID"


async def test_a_restart_keeps_certificate_and_logs(tmp_path: Path) -> None:
    device = Owner().device()
    entry = device.entry(None)
    fingerprints = []
    for _ in range(2):
        async with running("cloud", settings(tmp_path), tmp_path), client(tmp_path) as cloud:
            await cloud.append(device, entry)
            fingerprints.append((tmp_path / "state/fingerprint").read_text())
    assert fingerprints[0] == fingerprints[1]
    assert (tmp_path / "state/tls.key").stat().st_mode & 0o077 == 0


async def test_a_configured_certificate(tmp_path: Path) -> None:
    async with running("cloud", settings(tmp_path), tmp_path):
        pass
    own = tmp_path / "own"
    own.mkdir()
    for name in ("tls.key", "tls.pem"):
        (tmp_path / "state" / name).rename(own / name)
    tls = {"key": str(own / "tls.key"), "certificate": str(own / "tls.pem")}
    async with running("cloud", settings(tmp_path, tls=tls), tmp_path):
        der = await asyncio.to_thread(served_certificate, tmp_path)
        assert to_pem(der) == (own / "tls.pem").read_bytes()
        assert not (tmp_path / "state/tls.key").exists()
        told = (tmp_path / "state/fingerprint").read_text().strip()
        assert told == certificate_fingerprint(der).hex()
    (own / "tls.key").write_text("no key")
    await _does_not_start(tmp_path, settings(tmp_path, tls=tls), "CERTIFICATE_UNREADABLE")


async def _does_not_start(folder: Path, config: dict[str, Any], reason: str, status: int = 78) -> None:
    async with spawned("cloud", config, folder) as process:
        assert await process.exited() == status, process.raw_log()
        assert reason in process.raw_log()
        assert "Traceback" not in process.raw_log()


async def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/tls.key").write_text("no key")
    (tmp_path / "state/format").write_text("piccolo-cloud 1\n")
    await _does_not_start(tmp_path, settings(tmp_path), "CERTIFICATE_UNREADABLE")
    (tmp_path / "state/tls.key").unlink()
    await _does_not_start(tmp_path, settings(tmp_path, limits={"entry": 0}), "CONFIG_WRONG")
    await _does_not_start(tmp_path, settings(tmp_path, s3={"bucket": "b"}), "CREDENTIAL_MISSING")
    async with running("cloud", settings(tmp_path), tmp_path):
        other = settings(tmp_path / "other", listen=f"127.0.0.1:{port_of(tmp_path)}")
        await _does_not_start(tmp_path / "other", other, "ADDRESS_IN_USE", status=1)
        twin = settings(tmp_path)
        await _does_not_start(tmp_path / "twin", twin, "STATE_IN_USE", status=1)


async def test_s3_by_configuration(tmp_path: Path, s3_settings: S3Settings) -> None:
    s3 = {
        "bucket": s3_settings.bucket,
        "endpoint": s3_settings.endpoint,
        "access_key": s3_settings.access_key,
        "allow_http": True,
    }
    device = Owner().device()
    first = device.entry(None, plain=os.urandom(20 * MIB))
    second = device.entry(first)
    for _ in range(2):
        async with (
            running("cloud", settings(tmp_path, s3=s3), tmp_path, credentials={"s3-secret-key": b"secret\n"}),
            client(tmp_path) as cloud,
        ):
            for entry in (first, second):
                await cloud.append(device, entry)
            assert await cloud.read(device.owner) == {1: first.data, 2: second.data}
    assert not (tmp_path / "state/objects").exists()


def _large_entry(device: Device, folder: Path, size: int) -> tuple[bytes, Path]:
    """The prefix of an entry and a file with its body, made in bounded memory."""
    sealer = BodySealer(EntryPlace(device.owner.locator, device.generation, 1), os.urandom)
    path = folder / "body"
    with path.open("wb") as body:
        for sealed in sealer.seal(os.urandom(MIB) for _ in range(size // MIB)):
            body.write(sealed)
    summary = sealer.summary()
    header = EntryHeader(
        suite=1,
        locator=device.owner.locator,
        generation=device.generation,
        seq=1,
        kind=EntryKind.SNAPSHOT,
        base=1,
        prev=None,
        schema=1,
        plain_size=summary.plain_size,
        body_size=summary.body_size,
        body_hash=summary.body_hash,
        sealed_key=sealer.sealed_key(device.owner.kek.backup().public),
        delegation=device.delegation,
        time=0,
    )
    return build_prefix(sign(header, device.key)), path


def _peak(process: Service) -> int:
    """The most memory that the process ever had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


async def test_large_entries_pass_in_bounded_memory(tmp_path: Path) -> None:
    device = Owner().device()
    prefix, path = await asyncio.to_thread(_large_entry, device, tmp_path, 320 * MIB)
    size = len(prefix) + path.stat().st_size

    def chunks() -> Iterator[bytes]:
        yield prefix
        with path.open("rb") as body:
            while piece := body.read(MIB):
                yield piece

    async with running("cloud", settings(tmp_path), tmp_path) as process, client(tmp_path) as cloud:
        before = _peak(process)
        assert await cloud.append_stream(device, 1, size, chunks()) == 1
        request = cloud_pb2.ReadEntriesRequest(authority=await cloud.authority(device, "ReadEntries", 0))
        received = 0
        async for piece in cloud.logs.ReadEntries(request, timeout=60):
            received += len(piece.data)
        assert received == size
        # what was freed may still be kept, up to 128 MiB (piccolo_chassis.memory); the entry is 320
        assert _peak(process) - before < 192 * MIB


async def test_kill_9_during_appends_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Whatever was acknowledged is there, whole; the entry under way goes through when it is sent again."""
    device, dice = Owner().device(), random.Random(7)
    acknowledged: list[Entry] = []
    following: Entry | None = None
    for _ in range(6):
        async with spawned("cloud", settings(tmp_path), tmp_path) as process:
            await until_ready(process)
            async with client(tmp_path) as cloud:
                kept = await cloud.read(device.owner)
                for entry in acknowledged:
                    assert kept[entry.seq] == entry.data
                assert len(kept) - len(acknowledged) in (0, 1)
                killer = asyncio.create_task(_kill_after(process, dice.uniform(0.02, 0.4)))
                while True:
                    following = following or device.entry(
                        acknowledged[-1] if acknowledged else None,
                        plain=dice.randbytes(dice.choice([10, 1000, 2 * MIB])),
                    )
                    if not await _appended(cloud, process, device, following):
                        break
                    acknowledged.append(following)
                    following = None
                await killer
    assert len(acknowledged) > 6
    async with running("cloud", settings(tmp_path), tmp_path), client(tmp_path) as cloud:
        if following is not None:
            await cloud.append(device, following)
            acknowledged.append(following)
        assert await cloud.read(device.owner) == {entry.seq: entry.data for entry in acknowledged}
        assert list((tmp_path / "state/objects/.incoming").iterdir()) == []


async def _appended(cloud: Client, process: Service, device: Device, entry: Entry) -> bool:
    """Whether the cloud acknowledged it; False when the cloud was killed meanwhile."""
    try:
        await cloud.append(device, entry)
    except PiccoloError as gone:
        # a connection that is torn off has many names; that the process was killed has one
        if await process.exited() != -9:
            raise AssertionError(process.raw_log()) from gone
        return False
    return True


async def _kill_after(process: Service, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await process.kill()
