"""The whole way round with real processes: metadata, the cloud, and kill -9 for both."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from piccolo.metadata.v1 import backup_pb2 as pb
from piccolo.metadata.v1 import backup_pb2_grpc, file_pb2, file_pb2_grpc, memory_pb2, memory_pb2_grpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import Service, no_leaked_processes, running, spawned, until_ready
from piccolo_formats.backup_entry import open_header

from piccolo_metadata.tests.test_backup_fakes import (
    Owner,
    cloud_address,
    cloud_settings,
    real_cloud,
)

__all__ = ["no_leaked_processes"]

pytestmark = [pytest.mark.component, pytest.mark.usefixtures("no_leaked_processes")]


@dataclass
class Device:
    """A metadata process as the vault sees it."""

    owner: Owner
    channel: Channel

    def __post_init__(self) -> None:
        self.backup = backup_pb2_grpc.BackupServiceStub(self.channel)
        self.state = memory_pb2_grpc.StateServiceStub(self.channel)
        self.files = file_pb2_grpc.FileServiceStub(self.channel)

    async def delegation(self, generation: int) -> bytes:
        key = (await self.backup.GetBackupKey(pb.GetBackupKeyRequest())).key
        return self.owner.delegation(key, generation)

    async def delegate(self, generation: int = 1) -> None:
        await self.backup.Delegate(pb.DelegateRequest(delegation=await self.delegation(generation)))

    async def put(self, key: str, value: bytes) -> None:
        values = [memory_pb2.StateValue(key=key, value=value)]
        await self.state.PutState(memory_pb2.PutStateRequest(namespace="test", values=values))

    async def values(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        request = memory_pb2.ListStateRequest(namespace="test", page_size=10_000)
        while True:
            page = await self.state.ListState(request)
            found.update((each.key, each.value) for each in page.values)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def make_directory(self, path: str) -> None:
        await self.files.MakeDirectory(file_pb2.MakeDirectoryRequest(path=path))

    async def until(self, good: Any, seconds: float = 120) -> pb.BackupStatus:
        async with asyncio.timeout(seconds):
            async for answer in self.backup.WatchBackup(pb.WatchBackupRequest()):
                if good(answer.status):
                    return answer.status
        raise AssertionError("the stream ended")

    async def backed_up(self) -> pb.BackupStatus:
        return await self.until(lambda now: now.enabled and not now.pending and now.seq and not now.problem)

    async def restore(self, seq: int = 0) -> tuple[pb.Restored, list[pb.RestoreProgress]]:
        call = self.backup.Restore()
        opened = pb.RestoreOpen(delegation=await self.delegation(1), seq=seq)
        await call.write(pb.RestoreRequest(open=opened))
        told = []
        async for answer in call:
            match answer.WhichOneof("step"):
                case "wanted_keys":
                    keys = [
                        self.owner.open_key(key.generation, key.seq, key.sealed)
                        for key in answer.wanted_keys.keys
                    ]
                    await call.write(pb.RestoreRequest(keys=pb.OpenedKeys(body_keys=keys)))
                case "progress":
                    told.append(answer.progress)
                case "restored":
                    await call.done_writing()
                    return answer.restored, told
        raise AssertionError("the restore ended without a result")

    async def claim(self, generation: int) -> int:
        request = pb.AppendClaimRequest(
            claim=self.owner.claim(generation), delegation=await self.delegation(generation)
        )
        return (await self.backup.AppendClaim(request)).seq


class Forgetful(Owner):
    """Opens keys with other words than those that the backup was made with."""

    def open_key(self, generation: int, seq: int, sealed: bytes) -> bytes:
        return bytes(32)


def settings(folder: Path, cloud: tuple[str, str] | None) -> dict[str, Any]:
    address, fingerprint = cloud or ("", "")
    return {"state": str(folder / "state"), "cloud": {"address": address, "fingerprint": fingerprint}}


@asynccontextmanager
async def device(folder: Path, owner: Owner, cloud: tuple[str, str] | None) -> AsyncIterator[Device]:
    async with running("metadata", settings(folder, cloud), folder) as process, process.connect() as channel:
        yield Device(owner, channel)


@pytest.fixture
def owner() -> Owner:
    return Owner()


async def live(one: Device, owner: Owner) -> tuple[pb.BackupStatus, int, pb.BackupStatus, dict[str, bytes]]:
    """A device's life: what the words confirmed, its second snapshot, its last status and its values."""
    await one.delegate()
    for number in range(20):
        await one.put(f"at first {number}", b"value")
    await one.make_directory("/photos/2026")
    first = await one.backed_up()
    await one.backup.Countersign(pb.CountersignRequest(head=owner.countersigned(first.head)))
    began = time.monotonic()
    await one.put("later", b"new")
    await one.backed_up()
    assert time.monotonic() - began < 10
    snapshot = (await one.backup.StartSnapshot(pb.StartSnapshotRequest())).seq
    await one.put("last", b"newest")
    last = await one.backed_up()
    assert last.bytes > 0
    return first, snapshot, last, await one.values()


async def test_the_whole_way_round(tmp_path: Path, owner: Owner) -> None:
    async with real_cloud(tmp_path / "cloud") as cloud:
        async with device(tmp_path / "one", owner, cloud) as one:
            first, snapshot, last, expected = await live(one, owner)
        async with device(tmp_path / "two", owner, cloud) as two:
            delegation = await two.delegation(1)
            points = (await two.backup.ListPoints(pb.ListPointsRequest(delegation=delegation))).points
            assert [point.seq for point in points] == list(range(last.seq, 0, -1))
            assert any(point.base == point.seq == snapshot for point in points)
            restored, told = await two.restore()
            assert (restored.seq, restored.head_hash, restored.generation) == (last.seq, last.head_hash, 1)
            assert restored.confirmed_until == points[-first.seq].time
            assert restored.device_until == points[0].time
            assert told[-1].done == told[-1].total
            assert await two.values() == expected
            assert await two.claim(2) == last.seq + 1
            await two.put("by the new device", b"x")
            await two.backed_up()
            with pytest.raises(PiccoloError) as refused:
                await two.restore()
            assert (refused.value.kind, refused.value.reason) == (Kind.PRECONDITION, "MEMORY_NOT_EMPTY")
        async with device(tmp_path / "one", owner, cloud) as one:
            status = await one.until(lambda now: now.fenced)
            assert "generation 2" in status.problem
            proof = open_header(status.fenced_by, owner.locator).header
            assert (proof.generation, proof.seq) == (2, last.seq + 1)
        async with device(tmp_path / "three", owner, cloud) as three:
            restored, _ = await three.restore(first.seq)
            assert restored.seq == first.seq
            values = await three.values()
            assert "later" not in values
            assert len(values) == 20


async def test_a_damaged_memory_comes_back_from_the_backup(tmp_path: Path, owner: Owner) -> None:
    async with real_cloud(tmp_path / "cloud") as cloud:
        async with device(tmp_path / "one", owner, cloud) as one:
            _, _, last, expected = await live(one, owner)
        database = tmp_path / "one/state/metadata.db"
        database.write_bytes(b"\0" * 100 + database.read_bytes()[100:])
        async with spawned("metadata", settings(tmp_path / "one", cloud), tmp_path / "one") as damaged:
            assert await damaged.exited() == 78
            assert "restore the backup with your 24 words" in damaged.raw_log()
        async with device(tmp_path / "one", owner, cloud) as one:
            assert await one.values() == {}
            restored, _ = await one.restore()
            assert (restored.seq, restored.head_hash) == (last.seq, last.head_hash)
            assert await one.values() == expected
            assert await one.claim(2) == last.seq + 1
            await one.put("after the damage", b"x")
            await one.backed_up()
        async with device(tmp_path / "one", owner, cloud) as one:
            assert await one.values() == {**expected, "after the damage": b"x"}
            assert not (await one.backed_up()).fenced


async def test_wrong_words_and_wrong_messages(tmp_path: Path, owner: Owner) -> None:
    async with real_cloud(tmp_path / "cloud") as cloud:
        async with device(tmp_path / "one", owner, cloud) as one:
            await one.delegate()
            await one.make_directory("/mine")
            await one.backed_up()
        async with device(tmp_path / "two", Owner(), cloud) as two:
            with pytest.raises(PiccoloError) as told:
                await two.restore()
            assert (told.value.kind, told.value.reason) == (Kind.NOT_FOUND, "BACKUP_MISSING")
            opened = pb.RestoreRequest(open=pb.RestoreOpen(delegation=b"none"))
            keys = pb.RestoreRequest(keys=pb.OpenedKeys(body_keys=[bytes(32)]))
            for requests, reason in (
                ([], "OPEN_FIRST"),
                ([keys], "OPEN_FIRST"),
                ([opened], "DELEGATION_WRONG"),
            ):
                with pytest.raises(PiccoloError) as told:
                    await two.backup.Restore(iter(requests)).read()
                assert (told.value.kind, told.value.reason) == (Kind.INVALID, reason)
            two.owner = Forgetful(owner.kek)
            with pytest.raises(PiccoloError) as told:
                await two.restore()
            assert (told.value.kind, told.value.reason) == (Kind.INVALID, "KEYS_WRONG")
            two.owner = owner
            restored, _ = await two.restore()
            assert restored.seq > 0


async def test_a_cloud_that_goes_and_comes_back(tmp_path: Path, owner: Owner) -> None:
    folder = tmp_path / "cloud"
    async with real_cloud(folder) as cloud:
        pass
    listen = {**cloud_settings(folder), "listen": cloud[0]}
    async with device(tmp_path / "one", owner, cloud) as one:
        await one.delegate()
        await one.make_directory("/while/it/was/away")
        status = await one.until(lambda now: bool(now.problem))
        assert "cannot be reached" in status.problem
        async with running("cloud", listen, folder):
            await one.backed_up()
        await one.make_directory("/again")
        status = await one.until(lambda now: bool(now.problem))
        assert "The cloud cannot be reached" in status.problem
        async with running("cloud", listen, folder):
            await one.backed_up()


async def test_a_stranger_in_the_clouds_place(tmp_path: Path, owner: Owner) -> None:
    async with real_cloud(tmp_path / "cloud") as (address, fingerprint):
        async with device(tmp_path / "one", owner, (address, "00" * 32)) as one:
            await one.delegate()
            status = await one.until(lambda now: bool(now.problem))
            assert "fingerprint" in status.problem
            assert status.seq == 0
        config = settings(tmp_path / "one", (address, ""))
        async with running("metadata", config, tmp_path / "one") as process, process.connect() as channel:
            status = await Device(owner, channel).until(lambda now: bool(now.problem))
            assert status.seq == 0
        config["cloud"]["roots"] = str(tmp_path / "cloud/state/tls.pem")
        async with running("metadata", config, tmp_path / "one") as process, process.connect() as channel:
            await Device(owner, channel).backed_up()
        async with device(tmp_path / "one", owner, (address, fingerprint.upper())) as one:
            await one.make_directory("/more")
            await one.backed_up()
    for wrong in ({"address": "nowhere"}, {"address": "a:99999"}, {"address": "a:1", "fingerprint": "beef"}):
        config = {"state": str(tmp_path / "two/state"), "cloud": wrong}
        async with spawned("metadata", config, tmp_path / "two") as process:
            assert await process.exited() == 78
            assert "CLOUD_SETTINGS" in process.raw_log()


async def test_stopping_ends_the_watchers(tmp_path: Path, owner: Owner) -> None:
    config = settings(tmp_path, None)
    async with running("metadata", config, tmp_path) as process, process.connect() as channel:
        watching = Device(owner, channel).backup.WatchBackup(pb.WatchBackupRequest())
        first = await watching.read()
        assert isinstance(first, pb.WatchBackupResponse)
        assert not first.status.enabled
        began = time.monotonic()
        assert await process.stop() == 0
        assert time.monotonic() - began < 9  # it would be 10 if the watcher had to be cut off


async def test_kill_9_of_both_at_any_moment(tmp_path: Path, owner: Owner) -> None:
    """What was told to be durable is restored; the log has neither gap nor fork."""
    dice = random.Random(11)
    folder, told = tmp_path / "cloud", dict[str, bytes]()
    async with real_cloud(folder) as cloud:
        pass
    listen = {**cloud_settings(folder), "listen": cloud[0]}
    for round_number in range(8):
        async with spawned("cloud", listen, folder) as cloud_process:
            await until_ready(cloud_process)
            async with spawned("metadata", settings(tmp_path / "one", cloud), tmp_path / "one") as process:
                await until_ready(process)
                async with process.connect() as channel, asyncio.TaskGroup() as group:
                    one = Device(owner, channel)
                    await one.delegate()
                    victims = [process, cloud_process] if round_number % 2 else [process]
                    for victim in victims:
                        group.create_task(_kill_after(victim, dice.uniform(0.05, 3.5)))
                    while await _put(one, process, f"{round_number} {len(told)}", dice.randbytes(2000), told):
                        pass
    async with running("cloud", listen, folder):
        async with device(tmp_path / "one", owner, cloud) as one:
            await one.delegate()
            await one.make_directory("/at/the/end")
            last = await one.backed_up()
            values = await one.values()
        assert told.items() <= values.items()
        assert len(told) > 20
        async with device(tmp_path / "two", owner, cloud) as two:
            restored, _ = await two.restore()
            assert restored.seq == last.seq
            assert await two.values() == values
    assert cloud_address(folder)[1] == cloud[1]


async def _put(one: Device, process: Service, key: str, value: bytes, told: dict[str, bytes]) -> bool:
    """Whether the value was told to be durable; False when the process was killed meanwhile."""
    try:
        await one.put(key, value)
    except PiccoloError as gone:
        # a connection that is torn off has many names; that the process was killed has one
        if await process.exited() != -9:
            raise AssertionError(process.raw_log()) from gone
        return False
    told[key] = value
    return True


async def _kill_after(process: Service, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await process.kill()


async def test_a_young_backup_loses_nothing_whoever_asks(tmp_path: Path) -> None:
    owner = Owner()
    async with real_cloud(tmp_path / "c") as cloud, device(tmp_path / "d", owner, cloud) as one:
        await one.delegate()
        await one.put("a", b"1")
        await one.backed_up()
        second = (await one.backup.StartSnapshot(pb.StartSnapshotRequest())).seq
        assert (await one.backup.BeginPruning(pb.BeginPruningRequest())).before == 0
        nonce = bytes(32)  # not one of the cloud's
        request = pb.PruneRequest(
            locator=owner.locator, before=second, nonce=nonce, signature=owner.dropped(second, nonce)
        )
        with pytest.raises(PiccoloError) as refused:
            await one.backup.Prune(request)
        assert refused.value.kind is Kind.UNAUTHENTICATED
        points = await one.backup.ListPoints(pb.ListPointsRequest())
        assert min(point.seq for point in points.points) == 1
