"""Reading a log and deleting its old chains, over every store."""

from __future__ import annotations

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_entry import PREFIX_SIZE, parse_prefix

from piccolo_cloud.core.log import Extent
from piccolo_cloud.core.names import entry_key
from piccolo_cloud.ports import ObjectStore
from piccolo_cloud.testing import MemoryObjectStore
from piccolo_cloud.tests.clouds import CHANGESET, CLAIM, MOVED, SNAPSHOT, Cloud, history
from piccolo_cloud.tests.owners import Device, Owner


@pytest.fixture
def cloud(store: ObjectStore) -> Cloud:
    return Cloud(store)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def device(owner: Owner) -> Device:
    return owner.device()


class TestRead:
    async def test_headers(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        kinds = [SNAPSHOT, *[CHANGESET] * 35]
        made = await history(cloud, device, *kinds)
        found = await cloud.read(owner, headers=True)
        assert list(found) == list(range(1, 37))
        for entry in made:
            prefix = found[entry.seq]
            assert entry.data.startswith(prefix)
            assert len(prefix) == PREFIX_SIZE + parse_prefix(prefix[:PREFIX_SIZE])

    async def test_spans(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        await history(cloud, device, SNAPSHOT, CHANGESET, CHANGESET)
        for first, last, expected in ((2, 0, [2, 3]), (0, 2, [1, 2]), (2, 2, [2]), (3, 9, [3]), (4, 0, [])):
            for headers in (True, False):
                assert list(await cloud.read(owner, first, last, headers=headers)) == expected

    async def test_an_older_delegate_may_read(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        made = await history(cloud, device, SNAPSHOT)
        await cloud.append(heir := owner.device(2), heir.entry(made[-1], CLAIM))
        authority = device.authority(cloud.door.challenge(), "GetHead", 0)
        assert (await cloud.logs.head(authority)).last == 2

    @pytest.mark.parametrize("headers", [True, False])
    async def test_a_lost_entry(self, cloud: Cloud, owner: Owner, device: Device, headers: bool) -> None:
        await history(cloud, device, SNAPSHOT, CHANGESET, CHANGESET, CHANGESET)
        await cloud.store.delete(entry_key(owner.locator, 3))
        seen: list[int] = []
        authority = owner.authority(cloud.door.challenge(), "ReadEntries", 0)

        async def read() -> None:
            async for piece in cloud.logs.read(authority, 0, 0, headers_only=headers):
                seen.append(piece.seq)  # noqa: PERF401 - what was told before the failure counts

        with pytest.raises(PiccoloError) as told:
            await read()
        assert seen == [1, 2]
        assert (told.value.kind, told.value.reason) == (Kind.DATA_LOSS, "LOG_DAMAGED")
        assert told.value.details["seq"] == "3"

    async def test_a_rotten_head_stops_writing_but_not_reading(self, owner: Owner, device: Device) -> None:
        store = MemoryObjectStore()
        made = await history(Cloud(store), device, SNAPSHOT, CHANGESET)
        rotten = bytearray(made[1].data)
        rotten[40] ^= 1
        store.overwrite(entry_key(owner.locator, 2), bytes(rotten))
        cloud = Cloud(store)
        refused = await cloud.refused(device, device.entry(made[1], CHANGESET))
        assert (refused.kind, refused.reason) == (Kind.DATA_LOSS, "LOG_DAMAGED")
        assert (await cloud.read(owner, 0, 1)) == {1: made[0].data}
        assert (await cloud.head(owner)).last == 2


class TestDrop:
    async def test_whole_chains_go_and_the_last_never(
        self, cloud: Cloud, owner: Owner, device: Device
    ) -> None:
        made = await history(cloud, device, SNAPSHOT, CHANGESET, SNAPSHOT, CHANGESET, SNAPSHOT, CHANGESET)
        for before in (2, 4, 6, 7):
            with pytest.raises(PiccoloError) as told:
                await cloud.drop(owner, before)
            assert (told.value.kind, told.value.reason) == (Kind.PRECONDITION, "NOT_A_SNAPSHOT")
        assert await cloud.drop(owner, 1) == 0
        assert await cloud.drop(owner, 5) == 4
        assert await cloud.drop(owner, 5) == 0
        assert list(await cloud.read(owner)) == [5, 6]
        assert await cloud.head(owner) == Extent(5, 6, len(made[4].data) + len(made[5].data))
        with pytest.raises(PiccoloError) as told:
            await cloud.read(owner, 3)
        assert (told.value.kind, told.value.reason) == (Kind.OUT_OF_RANGE, "ENTRY_DROPPED")
        with pytest.raises(PiccoloError) as told:
            await cloud.append(device, made[3])
        assert told.value.reason == "ENTRY_DROPPED"
        await cloud.append(device, device.entry(made[-1], CHANGESET))

    async def test_of_a_closed_log_everything_but_its_end_may_go(
        self, cloud: Cloud, owner: Owner, device: Device
    ) -> None:
        made = await history(cloud, device, SNAPSHOT, CHANGESET, SNAPSHOT, CHANGESET, MOVED)
        with pytest.raises(PiccoloError) as told:
            await cloud.drop(device, 5)
        assert told.value.reason == "OWNER_ONLY"
        assert await cloud.drop(owner, 5) == 4
        assert await cloud.drop(owner, 5) == 0
        assert await cloud.read(owner) == {5: made[4].data}
        fresh = Cloud(cloud.store)
        assert (await fresh.refused(device, device.entry(made[-1], CHANGESET))).reason == "LOG_MOVED"

    async def test_a_delegate_deletes_nothing(self, cloud: Cloud, device: Device) -> None:
        await history(cloud, device, SNAPSHOT, SNAPSHOT)
        with pytest.raises(PiccoloError) as told:
            await cloud.drop(device, 2)
        assert (told.value.kind, told.value.reason) == (Kind.DENIED, "OWNER_ONLY")
        assert list(await cloud.read(device.owner)) == [1, 2]

    async def test_an_interrupted_drop_is_finished_by_the_next(
        self, cloud: Cloud, owner: Owner, device: Device
    ) -> None:
        made = await history(cloud, device, SNAPSHOT, CHANGESET, SNAPSHOT)
        await cloud.store.delete(entry_key(owner.locator, 1))
        assert list(await cloud.read(owner)) == [2, 3]
        assert await cloud.drop(owner, 3) == 1
        await cloud.append(device, device.entry(made[-1], CHANGESET))
        assert list(await cloud.read(owner)) == [3, 4]

    async def test_an_empty_log(self, cloud: Cloud, owner: Owner) -> None:
        with pytest.raises(PiccoloError) as told:
            await cloud.drop(owner, 1)
        assert told.value.reason == "NOT_A_SNAPSHOT"


async def test_logs_are_apart(cloud: Cloud) -> None:
    one, two = Owner().device(), Owner().device()
    first = await history(cloud, one, SNAPSHOT, CHANGESET)
    second = await history(cloud, two, SNAPSHOT)
    assert await cloud.read(one.owner) == {each.seq: each.data for each in first}
    assert await cloud.read(two.owner) == {each.seq: each.data for each in second}


async def test_a_moved_log_is_closed(cloud: Cloud, device: Device) -> None:
    made = await history(cloud, device, SNAPSHOT, MOVED)
    refused = await cloud.refused(device, device.entry(made[-1]))
    assert (refused.kind, refused.reason) == (Kind.PRECONDITION, "LOG_MOVED")
