"""The way of a file over the real metadata service and real fragment-stores, as processes with mutual TLS."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from piccolo.metadata.v1 import memory_pb2, memory_pb2_grpc
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.tasks import Tasks

from piccolo_vault.adapters.codecs import best_codec
from piccolo_vault.adapters.keeper import GrpcKeepers
from piccolo_vault.adapters.metadata import MetadataObjects, MetadataOperations
from piccolo_vault.core.circle import Circle
from piccolo_vault.core.storage.settings import StoreSettings
from piccolo_vault.engine.storage.context import Context, Numbers
from piccolo_vault.engine.storage.files import Finish, Step, WriteStart, Written
from piccolo_vault.engine.storage.peers import Peers
from piccolo_vault.engine.storage.pipeline import Pipeline
from piccolo_vault.engine.storage.store import Store
from piccolo_vault.testing import FakeCircle, random_bytes
from piccolo_vault.tests.real import RealCircle, only_good_endpoints, real_circle
from piccolo_vault.tests.world import MIB, Bytes

pytestmark = pytest.mark.component
NAME = "an-upload-with-a-name"
SETTINGS = StoreSettings(heard_seconds=0.0, settle_seconds=0.0, repair_pause=0.0, stall_seconds=5.0)


class Running:
    """A vault's way of a file over real services."""

    def __init__(self, store: Store, context: Context, real: RealCircle) -> None:
        self.store, self.context, self.real = store, context, real
        self.durable: list[int] = []

    async def put(self, path: str, data: bytes, *, finish: bool = True, **start: object) -> Written | None:
        async def steps() -> AsyncIterator[Step]:
            for at in range(0, len(data), MIB):
                yield data[at : at + MIB]
            if finish:
                yield Finish(len(data))

        async def report(durable: int) -> None:
            self.durable.append(durable)

        return await self.store.write(WriteStart(path, **start), steps(), report)  # type: ignore[arg-type]

    async def get(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        sink = Bytes()
        await self.store.read(path, sink, offset=offset, length=length)
        return bytes(sink.content)


@asynccontextmanager
async def vault(
    real: RealCircle, circle: Circle, settings: StoreSettings = SETTINGS
) -> AsyncIterator[Running]:
    """One life of the vault; metadata and keepers outlive it."""
    async with real.metadata.connect() as channel, Tasks() as tasks:
        objects, source = MetadataObjects(channel), FakeCircle(circle)

        async def closing(work: object) -> None:
            await work  # type: ignore[misc]

        keepers = GrpcKeepers(real.keyring, lambda work: tasks.create_task(closing(work)))
        pipeline = Pipeline(best_codec(), 2)
        context = Context(
            keyring=real.keyring,
            peers=Peers(source, keepers, objects, time.time, real.keyring),
            objects=objects,
            operations=MetadataOperations(channel),
            pipeline=pipeline,
            settings=settings,
            random=os.urandom,
            now=time.time,
            numbers=Numbers(objects, real.keyring),
            tasks=tasks,
        )
        store = Store(context, source, real.keyring)
        store.start()
        try:
            async with asyncio.timeout(120):
                yield Running(store, context, real)
        finally:
            await tasks.finish()
            await keepers.close()
            pipeline.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealCircle]:
    """A circle that several tests use and none harms."""
    async with real_circle(tmp_path_factory.mktemp("s"), 4) as made:
        yield made


@pytest.fixture
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealCircle]:
    """A circle of the test's own."""
    async with real_circle(tmp_path_factory.mktemp("r"), 4) as made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
async def test_files_of_all_sizes_go_in_and_come_out(shared: RealCircle) -> None:
    async with vault(shared, only_good_endpoints(shared.circle)) as here:
        for size in (0, 1, 262_144, 262_145, MIB, MIB + 1, 4 * MIB, 4 * MIB + 1, 17 * MIB + 5):
            data = random_bytes(size)
            written = await here.put(f"/{size}", data, media="a/b")
            assert written is not None
            assert written.health.words == "survives the loss of any 2 of 4 devices"
            assert await here.get(f"/{size}") == data
            # the last block of a fragment is short, and asked for alone
            assert await here.get(f"/{size}", max(0, size - 1), min(1, size)) == data[-1:]
        assert await here.get(f"/{17 * MIB + 5}", 5 * MIB + 1, 2 * MIB) == data[5 * MIB + 1 : 7 * MIB + 1]
        many = {f"/many/{number}": random_bytes(number) for number in range(200)}
        await asyncio.gather(*(here.put(path, data) for path, data in many.items()))
        for path, data in many.items():
            assert await here.get(path) == data


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stale_address_is_passed_over(shared: RealCircle) -> None:
    async with vault(shared, shared.circle) as here:
        for _ in range(2):
            await here.store.maintenance.look_at_all()
        written = await here.put("/f", b"x" * 1000)
        assert written is not None
        assert written.health.placed == 4


@pytest.mark.asyncio(loop_scope="module")
async def test_an_upload_goes_on_in_the_next_life_and_keepers_check_what_they_have(
    shared: RealCircle,
) -> None:
    data, circle = random_bytes(40 * MIB + 3), only_good_endpoints(shared.circle)
    async with vault(shared, circle) as here:
        await here.put("/resumed", data[: 24 * MIB], finish=False, upload_id=NAME)
    async with vault(shared, circle) as here:
        offset = (await here.store.upload(NAME)).offset
        assert 16 * MIB <= offset <= 24 * MIB
        here.durable.clear()

        async def steps() -> AsyncIterator[Step]:
            yield data[offset : offset + MIB]
            for at in range(offset + MIB, len(data), MIB):
                yield data[at : at + MIB]
            yield Finish(len(data))

        async def report(durable: int) -> None:
            here.durable.append(durable)

        written = await here.store.write(WriteStart("/resumed", upload_id=NAME), steps(), report)
        assert written is not None
        assert written.health.placed == 4
        assert here.durable[0] == offset
        assert await here.get("/resumed") == data


async def test_dead_keepers_are_read_around_and_repaired_around(real: RealCircle) -> None:
    data = random_bytes(9 * MIB)
    async with vault(real, only_good_endpoints(real.circle)) as here:
        await here.put("/f", data)
        await here.put("/small", b"small")
        for store in real.stores[:2]:
            await store.kill()
        assert await here.get("/f") == data
        assert await here.get("/small") == b"small"
        await here.store.maintenance.look_at_all()
        await here.store.maintenance.repair_due(impatient=False)
        health, _ = await here.store.health("/f", ask=True)
        assert health.survives >= 1
        await real.stores[2].kill()
        assert await here.get("/f") == data
        assert await here.get("/small") == b"small"


async def test_lost_fragment_files_are_found_by_a_check_and_rebuilt(real: RealCircle) -> None:
    data = random_bytes(9 * MIB)
    async with vault(real, only_good_endpoints(real.circle)) as here:
        await here.put("/f", data)
        state = Path(real.stores[0].folder).parent / "f0"
        (kept,) = fragments(state, "live/*/*/*")
        content = bytearray(kept.read_bytes())
        content[2_000_000] ^= 1
        kept.write_bytes(content)
        operation = await here.store.check("", 100)
        await ended(here, operation)
        operation = await here.store.repair(now=True)
        await ended(here, operation)
        health, _ = await here.store.health("/f", ask=True)
        assert health.placed == 4
        assert await here.get("/f") == data


def fragments(folder: Path, pattern: str) -> list[Path]:
    """Fragment files, without the commit records beside them."""
    return [path for path in folder.glob(pattern) if path.is_file() and not path.suffix]


async def ended(here: Running, operation_id: str) -> None:
    from piccolo.metadata.v1 import memory_pb2, memory_pb2_grpc

    async with here.real.metadata.connect() as channel:
        stub = memory_pb2_grpc.OperationServiceStub(channel)
        async for told in stub.WatchOperations(memory_pb2.WatchOperationsRequest(operation_id=operation_id)):
            if told.operation.state != memory_pb2.OPERATION_STATE_RUNNING:
                assert told.operation.state == memory_pb2.OPERATION_STATE_SUCCEEDED, told.operation
                return


async def test_a_deletion_moves_fragments_into_the_trash(real: RealCircle) -> None:
    async with vault(real, only_good_endpoints(real.circle)) as here:
        await here.put("/f", random_bytes(9 * MIB))
        await here.put("/kept", random_bytes(9 * MIB))
        assert await here.store.delete("/f", recursive=False, expected_revision=None) == (1, 1)
        folder = Path(real.stores[0].folder).parent
        assert len(fragments(folder, "f*/trash/*/*/*")) == 4
        assert len(fragments(folder, "f*/live/*/*/*")) == 4
        with pytest.raises(PiccoloError) as gone:
            await here.get("/f")
        assert gone.value.kind is Kind.NOT_FOUND
        assert len(await here.get("/kept")) == 9 * MIB


async def test_the_owners_settings_decide_how_new_files_are_cut(real: RealCircle) -> None:
    async with vault(real, only_good_endpoints(real.circle)) as here, real.metadata.connect() as channel:
        settings = memory_pb2_grpc.SettingsServiceStub(channel)

        async def choose(k: int, m: int) -> None:
            values = {"storage.k": str(k), "storage.m": str(m)}
            await settings.SetSettings(memory_pb2.SetSettingsRequest(values=values))

        for wanted, expected in [((0, 0), (2, 4)), ((1, 3), (1, 3)), ((3, 0), (3, 4)), ((0, 3), (1, 3))]:
            await choose(*wanted)
            for size in (1, 300_000, 5 * MIB):
                written = await here.put("/f", random_bytes(size))
                assert written is not None
                assert (written.health.code.k, written.health.code.m) == expected
        await choose(3, 5)
        with pytest.raises(PiccoloError, match="at most 4 fragments"):
            await here.put("/g", b"x")
        with pytest.raises(PiccoloError) as refused:
            await choose(4, 3)
        assert refused.value.reason == "SETTING_WRONG"
        await choose(0, 0)
        assert await here.put("/g", b"x") is not None


@pytest.mark.asyncio(loop_scope="module")
async def test_names_are_refused_by_metadata_and_harm_nobody(shared: RealCircle) -> None:
    async with vault(shared, only_good_endpoints(shared.circle)) as here:
        await here.put("/f", b"x")
        writes = [here.put("/f", b"y", expected_revision=0), here.put("/../g", b"z"), here.put("/h", b"ok")]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert isinstance(results[0], PiccoloError)
        assert results[0].kind is Kind.ALREADY_EXISTS
        assert isinstance(results[1], PiccoloError)
        assert results[1].kind is Kind.INVALID
        assert isinstance(results[2], Written)
        assert await here.get("/f") == b"x"
        assert await here.get("/h") == b"ok"
