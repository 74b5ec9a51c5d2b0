"""How old things must be before they go, over the vault and the real memory together, with a clock to set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from piccolo.metadata.v1 import file_pb2, file_pb2_grpc, memory_pb2_grpc, object_pb2_grpc
from piccolo_chassis.rpc import connect
from piccolo_metadata.adapters.database import Database
from piccolo_metadata.engine import upkeep
from piccolo_metadata.service.file import FileServicer
from piccolo_metadata.service.object import ObjectServicer
from piccolo_metadata.service.settings import SettingsServicer
from piccolo_metadata.service.state import StateServicer
from piccolo_metadata.testing import ManualClock, memory
from piccolo_vault.adapters.metadata import MetadataObjects
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import random_bytes
from piccolo_vault.testing_keys import serving
from piccolo_vault.tests.world import Bytes, World, world


@dataclass(slots=True)
class Device:
    """A vault over fake keepers and a real memory."""

    here: World
    database: Database
    clock: ManualClock
    files: file_pb2_grpc.FileServiceStub

    async def days(self, count: float) -> None:
        """Lets time pass; memory and vault do what they do by themselves."""
        self.clock.pass_days(count)
        await upkeep.once(self.database, may_give_up=True)
        await self.here.store.maintenance._reclaim()

    async def versions(self, path: str) -> list[bytes]:
        """The kept versions of a file, newest first."""
        answer = await self.files.ListVersions(file_pb2.ListVersionsRequest(path=path))
        return [bytes(each.version_id) for each in answer.versions]

    async def read(self, path: str, version_id: bytes) -> bytes:
        """A version's bytes."""
        sink = Bytes()
        await self.here.store.read(path, sink, version_id=version_id)
        return bytes(sink.content)

    def live(self) -> int:
        """Fragments at the keepers that are not in their trash."""
        return sum(
            kept.state is KeptState.LIVE for keeper in self.here.keepers for kept in keeper.fragments.values()
        )


@asynccontextmanager
async def device(folder: Path) -> AsyncIterator[Device]:
    clock = ManualClock()
    async with memory(folder / "m", clock) as made, world(4) as here:
        database = made.database
        servicers = (
            lambda to: file_pb2_grpc.add_FileServiceServicer_to_server(FileServicer(database), to),
            lambda to: object_pb2_grpc.add_ObjectServiceServicer_to_server(
                ObjectServicer(database, backed_up=False), to
            ),
            lambda to: memory_pb2_grpc.add_StateServiceServicer_to_server(StateServicer(database), to),
            lambda to: memory_pb2_grpc.add_SettingsServiceServicer_to_server(SettingsServicer(database), to),
        )
        (folder / "d").mkdir(mode=0o700)
        async with serving(*servicers, path=folder / "d" / "s"), connect(folder / "d" / "s") as channel:
            here.objects = MetadataObjects(channel)  # type: ignore[assignment]
            await here.crash()
            yield Device(here, database, clock, file_pb2_grpc.FileServiceStub(channel))


async def test_ten_versions_are_kept_and_every_one_for_thirty_days(tmp_path: Path) -> None:
    async with device(tmp_path) as at:
        contents = [random_bytes(300_000 + number) for number in range(14)]
        for data in contents:
            await at.here.put("/f", data)
        await at.days(29)
        assert len(await at.versions("/f")) == 14
        assert at.live() == 14 * 4
        await at.days(2)
        kept = await at.versions("/f")
        assert len(kept) == 10
        assert [await at.read("/f", each) for each in kept] == contents[:3:-1]
        assert at.live() == 10 * 4
        await at.days(1_000)
        assert await at.versions("/f") == kept


async def test_pruned_versions_of_small_files_are_room_that_compaction_wins_back(tmp_path: Path) -> None:
    async with device(tmp_path) as at:
        contents = [random_bytes(100_000 + number) for number in range(14)]
        for data in contents:
            await at.here.put("/f", data)
            await at.here.put("/other", b"kept")
        await at.days(31)
        await at.here.store.chores.compactor.round()
        await at.here.store.maintenance._reclaim()
        assert [await at.read("/f", each) for each in await at.versions("/f")] == contents[:3:-1]
        assert await at.here.get("/other") == b"kept"
        listed, _ = await at.here.objects.list_packs()
        assert sum(each.files for each in listed) == 20
        assert at.live() == 4 * len(listed)


async def test_the_trash_keeps_what_was_removed_and_then_its_fragments_go(tmp_path: Path) -> None:
    async with device(tmp_path) as at:
        data = random_bytes(300_000)
        await at.here.put("/f", data)
        await at.files.Remove(file_pb2.RemoveRequest(path="/f"))
        await at.days(29)
        (removed,) = (await at.files.ListTrash(file_pb2.ListTrashRequest())).removed
        await at.files.RestoreRemoved(file_pb2.RestoreRemovedRequest(trash_id=removed.trash_id))
        assert await at.here.get("/f") == data
        await at.files.Remove(file_pb2.RemoveRequest(path="/f"))
        await at.days(31)
        assert not at.live()
