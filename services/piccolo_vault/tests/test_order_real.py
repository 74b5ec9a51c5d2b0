"""A recovery over the real metadata service: which version is current, and what its history is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo.metadata.v1 import file_pb2, file_pb2_grpc
from piccolo_chassis.testing import running

from piccolo_vault.adapters.metadata import MetadataObjects
from piccolo_vault.core.storage.compaction import Group
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.real import RealCircle, only_good_endpoints, real_circle
from piccolo_vault.tests.test_store_real import SETTINGS, Running, ended, vault

pytestmark = pytest.mark.component
LIFE = replace(SETTINGS, quiet_seconds=0.0, compact_seconds=0.0)


@pytest.fixture
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealCircle]:
    """A circle of the test's own."""
    async with real_circle(tmp_path_factory.mktemp("o"), 4) as made:
        yield made


async def history(at: Running, path: str) -> list[bytes]:
    """A file's versions, newest first; the first is the current one."""
    async with at.real.metadata.connect() as channel:
        stub = file_pb2_grpc.FileServiceStub(channel)
        told = (await stub.ListVersions(file_pb2.ListVersionsRequest(path=path))).versions
    assert [each.current for each in told] == [True] + [False] * (len(told) - 1)
    return [each.version_id for each in told]


async def put(at: Running, path: str, data: bytes) -> bytes:
    written = await at.put(path, data)
    assert written is not None
    return written.version_id


async def repair(at: Running, path: str, version_id: bytes) -> None:
    """Damages a fragment of what a version lies in and has it rebuilt, which makes the newest record."""
    objects = at.context.objects
    stored = (await objects.get_manifest(path, version_id)).stored
    before = read_layout(stored.layout)
    place = f"f*/live/*/*/{before.fragment_id(0).hex()}"
    (victim,) = Path(at.real.stores[0].folder).parent.glob(place)
    content = bytearray(victim.read_bytes())
    content[600] ^= 1
    victim.write_bytes(content)
    await ended(at, await at.store.check("", 100))
    await ended(at, await at.store.repair(now=True))
    after = read_layout((await objects.get_object(stored.object_id)).layout)
    assert (after.generation, after.seq) > (before.generation, before.seq)


async def test_the_circle_brings_every_version_back_at_its_own_place(
    real: RealCircle, tmp_path: Path
) -> None:
    circle = only_good_endpoints(real.circle)
    lone = [random_bytes(700_000 + number) for number in range(3)]
    async with vault(real, circle, LIFE) as at:
        wanted = {"/lone": [await put(at, "/lone", data) for data in lone]}
        old_p, old_q = await put(at, "/p", b"old p"), await put(at, "/q", b"old q")
        new_q, new_p = await put(at, "/q", b"new q"), await put(at, "/p", b"new p")
        wanted |= {"/p": [old_p, new_p], "/q": [old_q, new_q]}
        for pair in (("/p", old_p), ("/q", new_q)), (("/p", new_p), ("/q", old_q)):
            packs = [(await at.context.objects.get_manifest(*each)).stored.object_id for each in pair]
            await at.store.chores.compactor.compact(Group(tuple(packs), 0, 0, 0))
        await at.store.maintenance._reclaim()
        await repair(at, "/lone", wanted["/lone"][1])
        await repair(at, "/lone", wanted["/lone"][0])  # the oldest has the newest record
        await repair(at, "/p", old_p)
    async with running("metadata", {"state": str(tmp_path / "m")}, tmp_path / "run") as blank:
        async with blank.connect() as channel:  # as a recovery, which goes on where the lost device was not
            await MetadataObjects(channel).reserve(1_000)
        async with vault(replace(real, metadata=blank), circle, LIFE) as at:
            real.keyring.bury = False
            await at.store.maintenance._inventory.reconcile()
            assert real.keyring.bury
            for path, versions in wanted.items():
                assert await history(at, path) == versions[::-1]
            assert await at.get("/lone") == lone[-1]
            assert (await at.get("/p"), await at.get("/q")) == (b"new p", b"new q")
            written = await put(at, "/p", b"newest")
            assert await history(at, "/p") == [written, new_p, old_p]
