"""Writing the log: chains, delegations, snapshots on request."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Head
from piccolo_formats.signed import open_signed, sign

from piccolo_metadata.core.backup_records import PENDING
from piccolo_metadata.engine import backup as backup_module
from piccolo_metadata.tests.test_backup_device import (
    CHANGESET,
    SNAPSHOT,
    Device,
    check_log,
    device,
    quick,
)
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner

__all__ = ["quick"]


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def cloud(owner: Owner) -> FakeCloud:
    return FakeCloud(owner.locator)


@pytest.fixture
async def one(tmp_path: Path, owner: Owner, cloud: FakeCloud) -> AsyncIterator[Device]:
    """A device that backs up."""
    async with device(tmp_path / "one", owner, cloud) as made, made.running():
        yield made


async def test_nothing_is_written_without_a_delegation(one: Device, cloud: FakeCloud) -> None:
    await one.make("a")
    await asyncio.sleep(0.1)
    status = await one.backup.status()
    assert (status.enabled, status.seq, status.pending, status.problem) == (False, 0, 1, "")
    assert cloud.calls == 0
    await one.delegate()
    assert (await one.backed_up()).seq == 1
    assert cloud.kinds() == [SNAPSHOT]
    assert (await one.backup.status()).last_backup > 0


async def test_snapshot_then_changesets_then_a_new_chain(one: Device, cloud: FakeCloud, owner: Owner) -> None:
    await one.make(*(f"at first {number}" for number in range(200)))
    await one.delegate()
    await one.backed_up()
    for number in range(40):
        await one.make(f"later {number}")
        await one.backed_up()
    kinds = cloud.kinds()
    assert kinds[:2] == [SNAPSHOT, CHANGESET]
    again = kinds.index(SNAPSHOT, 1)
    assert kinds.count(SNAPSHOT) == 2
    first = len(cloud.entries[1])
    weights = [len(cloud.entries[seq]) for seq in range(2, again + 1)]
    assert 2 * sum(weights) > first
    assert 2 * sum(weights[:-1]) <= first
    check_log(owner, cloud)
    status = await one.backup.status()
    assert status.bytes == sum(map(len, cloud.entries.values()))
    assert (await one.outbox.backlog()).entries == 0


async def test_commits_of_a_moment_are_one_entry(
    one: Device, cloud: FakeCloud, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.make(*(f"at first {number}" for number in range(100)))
    await one.delegate()
    await one.backed_up()
    monkeypatch.setattr(backup_module, "GATHER_SECONDS", 2.0)
    await one.make("a", "b", "c", "d", "e")
    await one.backed_up()
    assert cloud.kinds() == [SNAPSHOT, CHANGESET]
    assert len(check_log(owner, cloud)) == 1 + 5


async def test_the_status_has_a_head_to_countersign(one: Device, cloud: FakeCloud, owner: Owner) -> None:
    await one.make("a")
    await one.delegate()
    status = await one.backed_up()
    head = open_signed(Head, status.head, required=[one.key.public]).record
    assert (head.locator, head.generation, head.seq) == (owner.locator, 1, status.seq)
    assert head.hash == status.head_hash == cloud.header(status.seq).record_hash()
    both = owner.countersigned(status.head)
    await one.backup.countersign(both)
    after = await one.until(lambda now: now.seq > status.seq and not now.pending)
    assert after.last_backup > 0
    lone = sign(head, owner.kek.locator()).to_bytes()
    stranger = Owner().countersigned(status.head)
    for wrong in (status.head, lone, stranger, b"", both[:-1]):
        with pytest.raises(PiccoloError) as told:
            await one.backup.countersign(wrong)
        assert (told.value.kind, told.value.reason) == (Kind.INVALID, "HEAD_WRONG")


class TestDelegate:
    async def refused(self, work: Awaitable[object]) -> tuple[Kind, str]:
        with pytest.raises(PiccoloError) as told:
            await work
        return told.value.kind, told.value.reason

    async def test_wrong_delegations(self, one: Device, owner: Owner) -> None:
        other_key = SigningKey(os.urandom(32))
        forged = Author(owner).delegation
        for wrong in (
            b"",
            os.urandom(300),
            owner.delegation(other_key.public),
            sign(forged.record, other_key).to_bytes(),
            one.delegation()[:-1],
        ):
            assert await self.refused(one.backup.delegate(wrong)) == (Kind.INVALID, "DELEGATION_WRONG")
        assert not (await one.backup.status()).enabled

    async def test_generations(self, one: Device, owner: Owner) -> None:
        await one.backup.delegate(one.delegation(3))
        await one.make("a")
        await one.backed_up()
        await one.backup.delegate(one.delegation(3))
        older, newer = one.backup.delegate(one.delegation(2)), one.backup.delegate(one.delegation(4))
        assert await self.refused(older) == (Kind.CONFLICT, "GENERATION_OLD")
        assert await self.refused(newer) == (Kind.PRECONDITION, "CLAIM_FIRST")

    async def test_new_words_begin_a_new_log(self, one: Device, owner: Owner, cloud: FakeCloud) -> None:
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        one.owner = cloud_owner = Owner()
        cloud.locator, cloud.entries = cloud_owner.locator, {}
        await one.delegate()
        await one.until(lambda now: now.seq == 1 and not now.pending)
        assert cloud.kinds() == [SNAPSHOT]
        check_log(cloud_owner, cloud)

    async def test_again_while_the_first_answer_is_lost(self, one: Device, cloud: FakeCloud) -> None:
        cloud.deaf = True
        await one.make("a")  # before: else it may come after the snapshot, in an entry of its own
        await one.delegate()
        await one.until(lambda now: bool(now.problem))
        cloud.deaf = False
        assert await self.refused(one.backup.delegate(one.delegation(2))) == (
            Kind.PRECONDITION,
            "CLAIM_FIRST",
        )
        await one.delegate()
        await one.backed_up()
        assert cloud.kinds() == [SNAPSHOT] * len(cloud.entries)

    async def test_another_generation_before_the_first_entry(self, one: Device, cloud: FakeCloud) -> None:
        cloud.away = True
        await one.delegate()
        await one.until(lambda now: bool(now.problem))
        await one.outbox.set_local({PENDING: None})
        await one.backup.delegate(one.delegation(2))
        cloud.away = False
        one.backup.wake()
        await one.make("a")
        await one.backed_up()
        assert cloud.header(1).header.generation == 2

    async def test_without_a_cloud(self, one: Device, cloud: FakeCloud) -> None:
        cloud.configured = False
        await one.delegate()
        await one.make("a")
        assert not (await one.backup.status()).enabled
        assert await self.refused(one.backup.start_snapshot()) == (Kind.PRECONDITION, "CLOUD_MISSING")
        assert await self.refused(one.backup.points(b"")) == (Kind.PRECONDITION, "CLOUD_MISSING")


class TestStartSnapshot:
    async def test_a_new_chain_now(self, one: Device, cloud: FakeCloud) -> None:
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        async with asyncio.timeout(60):
            seq = await one.backup.start_snapshot()
        assert cloud.kinds()[-1] is SNAPSHOT
        assert seq == max(cloud.entries)

    async def test_it_says_why_not_and_does_it_later(self, one: Device, cloud: FakeCloud) -> None:
        await one.delegate()
        await one.make(*map(str, range(50)))
        await one.backed_up()
        cloud.away = True
        with pytest.raises(PiccoloError) as told:
            async with asyncio.timeout(60):
                await one.backup.start_snapshot()
        assert told.value.reason == "CLOUD_AWAY"
        cloud.away = False
        one.backup.wake()
        before = max(cloud.entries)
        await one.until(lambda now: now.seq > before)
        assert cloud.kinds()[-1] is SNAPSHOT

    async def test_before_any_delegation(self, one: Device) -> None:
        with pytest.raises(PiccoloError) as told:
            await one.backup.start_snapshot()
        assert told.value.reason == "DELEGATION_MISSING"
