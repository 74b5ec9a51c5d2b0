"""Audits and hints over real fragment-stores: what a disk lost is found by either, and healed in place."""

from __future__ import annotations

from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.audit import Auditor
from piccolo_vault.engine.storage.figures import KeptFigures
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.real import only_good_endpoints, real_circle
from piccolo_vault.tests.test_store_real import Running, vault
from piccolo_vault.tests.world import MIB

pytestmark = pytest.mark.component
HEADER = 512


async def spoil(folder: Path, here: Running, share: float) -> int:
    """Changes a bit in a share of the blocks that the first keeper has; returns how many."""
    (stored,), _ = await here.context.objects.list_objects()
    layout = read_layout(stored.layout)
    plan, owner = layout.plan(), here.real.circle.members[0].owner_id
    fragment = layout.fragment_id(layout.keepers.index(owner)).hex()
    (path,) = (folder / "f0" / "live").rglob(fragment)
    wrong = max(1, round(plan.count * share))
    with path.open("r+b") as file:
        for block in range(0, plan.count, plan.count // wrong)[:wrong]:
            file.seek(HEADER + block * plan.block_size + 7)
            (byte,) = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte ^ 1]))
    return wrong


async def whole(here: Running) -> bool:
    """Whether each keeper shows every block of its fragment, checked to the root."""
    (stored,), _ = await here.context.objects.list_objects()
    layout = read_layout(stored.layout)
    try:
        for index in range(layout.m):
            await here.store._fetcher.fetch_one(layout, index, range(layout.plan().count))
    except PiccoloError as wrong:
        if wrong.kind is not Kind.DATA_LOSS:
            raise
        return False
    return True


async def test_audits_find_a_twentieth_lost_on_a_real_disk_and_it_is_healed(tmp_path: Path) -> None:
    data = random_bytes(40 * MIB)
    async with (
        real_circle(tmp_path, 4) as real,
        vault(real, only_good_endpoints(real.circle)) as here,
    ):
        await here.put("/f", data)
        assert await spoil(tmp_path, here, 0.05) == 2
        figures = KeptFigures(here.context)
        await figures.load()
        audits = Auditor(here.context, here.store._fetcher, here.store._checker, figures)
        for drawn in await audits.plan():
            await audits.audit(drawn)
        hurt, *others = [figures.of(member.owner_id) for member in real.circle.members]
        assert hurt.failed == 1  # noted once
        assert all(each.failed == 0 and each.audited >= 90 for each in others)
        await here.store.maintenance.repair_due(impatient=False)
        assert await whole(here)
        assert await here.get("/f") == data


async def test_damage_that_a_keeper_knows_of_is_healed_by_its_hint_alone(tmp_path: Path) -> None:
    data = random_bytes(8 * MIB)
    async with (
        real_circle(tmp_path, 4) as real,
        vault(real, only_good_endpoints(real.circle)) as here,
    ):
        await here.put("/f", data)
        await spoil(tmp_path, here, 0.2)
        assert not await whole(here)  # the keeper knows now
        await here.store.maintenance.look_at_all()
        owner = real.circle.members[0].owner_id
        room = here.context.peers.sight(owner).room
        assert room is not None
        assert len(room.damaged) == 1
        await here.store.care.look()
        await here.store.maintenance.repair_due(impatient=False)
        await here.store.maintenance.look_at_all()
        room = here.context.peers.sight(owner).room
        assert room is not None
        assert room.damaged == ()
        assert room.owner_bytes > 0
        assert room.share_bytes == room.offer_bytes // 4
        assert await whole(here)
        assert await here.get("/f") == data
