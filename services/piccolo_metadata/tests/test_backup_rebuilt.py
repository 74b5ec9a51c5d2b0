"""A memory that was filled without a backup, and what the log is asked about by those who doubt it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.engine import numbers
from piccolo_metadata.engine.backup_trace import Tracer
from piccolo_metadata.ports import Rows
from piccolo_metadata.tests.test_backup_device import (
    CHANGESET,
    CLAIM,
    OWNER,
    SNAPSHOT,
    Device,
    check_log,
    device,
    history,
    quick,
    refused,
)
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner, Vault

__all__ = ["quick"]


@pytest.fixture
def owner() -> Owner:
    return OWNER


@pytest.fixture
def cloud(owner: Owner) -> FakeCloud:
    return FakeCloud(owner.locator)


@pytest.fixture
async def two(tmp_path: Path, owner: Owner, cloud: FakeCloud) -> AsyncIterator[Device]:
    """A blank device."""
    async with device(tmp_path / "two", owner, cloud, generation=2) as made, made.running():
        yield made


def generation(rows: Rows) -> int:
    """The generation that mutation numbers are drawn for."""
    (found,) = rows.one("SELECT generation FROM progress") or (1,)
    return int(found)


class TestRebuilt:
    async def test_a_new_log_begins_with_the_claim(self, owner: Owner, cloud: FakeCloud, two: Device) -> None:
        await two.backup.begin_rebuild()
        await two.make("brought back")
        await two.backup.begin_rebuild()  # a crash came between
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 1
        await two.delegate()
        await two.backed_up()
        assert cloud.kinds() == [CLAIM, SNAPSHOT]
        check_log(owner, cloud)

    async def test_a_log_that_comes_back_is_gone_on_with_and_not_written_over(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        before = dict(cloud.entries)
        cloud.away = True
        await two.backup.begin_rebuild()
        await two.make("brought back")
        assert (await refused(two.backup.claim(owner.claim(2), two.delegation()))).reason == "CLOUD_AWAY"
        assert await two.memory.database.read(generation) == 2  # with the cloud away a majority is enough
        cloud.away = False
        assert (await refused(two.delegate())).reason == "CLAIM_FIRST"
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 5
        await two.delegate()
        await two.make("and more")
        status = await two.backed_up_with_problem()
        assert "entries 1 to 4 are not in this device's memory" in status.problem
        assert {seq: cloud.entries[seq] for seq in before} == before
        assert cloud.kinds()[4:6] == [CLAIM, SNAPSHOT]
        check_log(owner, cloud)
        three = tmp_path / "three"
        async with device(three, owner, cloud, generation=3) as heir, heir.running():
            await heir.restore(Vault(owner))
            assert heir.content() == two.content()

    async def test_of_a_long_log_only_the_newest_chain_is_read(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        await history(tmp_path, owner, cloud, chains=2)
        await two.backup.begin_rebuild()
        await two.make("brought back")
        cloud.looked_at.clear()
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 9
        assert cloud.looked_at[:5] == [8, 5, 6, 7, 8]
        status = await two.backed_up_with_problem()
        assert "entries 1 to 8 are not in this device's memory" in status.problem
        check_log(owner, cloud)

    async def test_without_the_word_a_log_is_restored_first(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        assert (await refused(two.backup.claim(owner.claim(2), two.delegation()))).reason == "RESTORE_FIRST"

    async def test_only_an_empty_memory_is_rebuilt(self, two: Device) -> None:
        await two.make("something")
        assert (await refused(two.backup.begin_rebuild())).reason == "MEMORY_NOT_EMPTY"

    async def test_numbers_go_on_where_no_former_device_has_been(self, two: Device) -> None:
        await two.backup.begin_rebuild()
        first, _ = await two.memory.database.write(numbers.reserve, 1)
        assert first > numbers.SKIPPED


class TestTrace:
    async def test_every_place_up_to_the_head(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        await history(tmp_path, owner, cloud, chains=2)
        tracer = Tracer(two.outbox, cloud, two.key.public)
        nothing = await tracer.trace(two.delegation(1), [1])
        assert (nothing.seq, nothing.places) == (0, {})
        await two.restore(Vault(owner), seq=2)  # an older point: the log's end is told all the same
        told = await tracer.trace(two.delegation(1), [3, 7, 8, 9, 0])
        hashes = {seq: cloud.header(seq).record_hash() for seq in (3, 7, 8)}
        assert (told.generation, told.seq, told.hash) == (1, 8, hashes[8])
        assert told.places == hashes
        for seq in (1, 2, 3):
            del cloud.entries[seq]
        assert (await tracer.trace(two.delegation(1), [2, 5])).places.keys() == {5}

    async def test_a_cloud_that_shows_another_history_afterwards_is_found_out(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        tracer = Tracer(two.outbox, cloud, two.key.public)
        await two.restore(Vault(owner))
        calls = cloud.calls
        assert (await tracer.trace(two.delegation(1), [4])).places.keys() == {4}
        assert cloud.calls == calls  # the head is known
        forger = Author(owner)
        other, _ = forger.entry(cloud.header(1).record_hash(), 2, EntryKind.CHANGESET, base=1)
        cloud.entries[2] = other
        assert (await refused(tracer.trace(two.delegation(1), [2]))).reason == "CHAIN_BROKEN"
        assert (await tracer.trace(two.delegation(1), [3])).places.keys() == {3}
        del cloud.entries[4]
        assert (await refused(tracer.trace(two.delegation(1), [3]))).reason == "CHAIN_BROKEN"
        assert CHANGESET in cloud.kinds()
