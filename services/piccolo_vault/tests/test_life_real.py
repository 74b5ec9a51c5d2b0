"""The later life of objects over the real metadata service and real fragment-stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from piccolo_vault.ports.objects import ObjectKind
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.real import RealCircle, only_good_endpoints, real_circle
from piccolo_vault.tests.test_store_real import SETTINGS, Running, vault

pytestmark = pytest.mark.component
LIFE = replace(SETTINGS, quiet_seconds=0.0, compact_seconds=0.0)


@pytest.fixture
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealCircle]:
    """A circle of the test's own."""
    async with real_circle(tmp_path_factory.mktemp("l"), 4) as made:
        yield made


async def packs(at: Running) -> set[bytes]:
    listed, _ = await at.context.objects.list_objects()
    return {each.object_id for each in listed if each.kind is ObjectKind.PACK}


async def test_small_files_are_compacted_and_the_old_packs_end(real: RealCircle) -> None:
    files = {f"/d/{number}": random_bytes(2_000 + number) for number in range(60)}
    async with vault(real, only_good_endpoints(real.circle), LIFE) as at:
        await asyncio.gather(*(at.put(path, data) for path, data in files.items()))
        for path in list(files)[::6]:
            files[path] = random_bytes(500)
            await at.put(path, files[path])  # the version before stays in the history
        for path in list(files)[5:55]:
            await at.store.delete(path, recursive=False, expected_revision=None)
            del files[path]
        old = await packs(at)
        assert await at.store.chores.compactor.round() > 1
        assert {path: await at.get(path) for path in files} == files
        await at.store.maintenance._reclaim()
        left = await packs(at)
        assert len(left) < len(old)
        assert {path: await at.get(path) for path in files} == files
        assert await at.context.objects.list_tombstones() == ([], "")
        listed, token = await at.context.objects.list_packs()
        assert (len(listed), token) == (len(left), "")
        assert await at.store.chores.compactor.round() == 0
