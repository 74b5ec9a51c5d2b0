"""A cloud that is away, full, slow, deaf, older, somebody else's; and the fence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.backup_records import PENDING
from piccolo_metadata.engine import backup as backup_module
from piccolo_metadata.engine.backup import Status
from piccolo_metadata.ports import SNAPSHOT_WANTED
from piccolo_metadata.tests.test_backup_device import (
    CHANGESET,
    CLAIM,
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


async def _two_entries(folder: Path, owner: Owner, cloud: FakeCloud) -> tuple[Status, Status]:
    """A device backs up twice, then it is off; returns how far it was each time."""
    async with device(folder, owner, cloud) as one, one.running():
        await one.delegate()
        await one.make("a")
        before = await one.backed_up()
        await one.make("b")
        return before, await one.backed_up()


class TestCloudInTrouble:
    async def test_away_and_back(
        self, one: Device, cloud: FakeCloud, owner: Owner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backup_module, "pause", lambda *_: 3_600.0)
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        cloud.away = True
        await one.make("b", "c")
        status = await one.until(lambda now: bool(now.problem))
        assert status.pending == 2
        assert "away" in status.problem
        calls = cloud.calls
        await one.make("d")
        await asyncio.sleep(0.2)
        assert cloud.calls == calls, "a commit does not cut the waiting short"
        cloud.away = False
        one.backup.wake()
        status = await one.backed_up()
        assert status.problem == ""
        check_log(owner, cloud)

    async def test_slow(self, one: Device, cloud: FakeCloud, owner: Owner) -> None:
        await one.make(*map(str, range(50)))
        await one.delegate()
        await one.backed_up()
        cloud.slow = asyncio.Event()
        await one.make("a")
        await cloud.waiting.wait()
        await one.make("b", "c", "d")
        await one.delegate()
        status = await one.backup.status()
        assert (status.pending, status.problem) == (4, "")
        cloud.slow.set()
        await one.backed_up()
        assert cloud.kinds() == [SNAPSHOT, CHANGESET, CHANGESET]
        check_log(owner, cloud)

    async def test_an_answer_that_is_lost(self, one: Device, cloud: FakeCloud, owner: Owner) -> None:
        await one.delegate()
        await one.make("a")
        cloud.deaf = True
        await one.until(lambda now: bool(now.problem))
        assert list(cloud.entries) == [1]
        first = cloud.entries[1]
        cloud.deaf = False
        one.backup.wake()
        await one.backed_up()
        assert cloud.entries[1] == first
        check_log(owner, cloud)

    async def test_full(self, one: Device, cloud: FakeCloud) -> None:
        cloud.full = True
        await one.delegate()
        await one.make("a")
        status = await one.until(lambda now: bool(now.problem))
        assert (status.problem, status.problem_reason) == ("The log is full.", "LOG_FULL")
        assert (await one.outbox.backlog()).entries == 1
        cloud.full = False
        one.backup.wake()
        await one.backed_up()

    async def test_an_outbox_that_was_given_up(self, one: Device, cloud: FakeCloud, owner: Owner) -> None:
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        cloud.away = True
        await one.make("b")
        await one.until(lambda now: bool(now.problem))
        position = await one.position()
        last = (await one.outbox.backlog()).last
        assert last > position.outbox
        await one.outbox.acknowledge(last, {SNAPSHOT_WANTED: b"", PENDING: None})
        await one.spool.discard()
        assert (await one.backup.status()).pending == last - position.outbox
        cloud.away = False
        one.backup.wake()
        await one.backed_up()
        assert cloud.kinds()[-1] is SNAPSHOT
        assert check_log(owner, cloud)[-1] == last

    async def test_entries_given_up_while_a_snapshot_was_under_way(
        self, one: Device, cloud: FakeCloud
    ) -> None:
        """Then SNAPSHOT_WANTED is acknowledged away with a snapshot that does not hold them."""
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        cloud.away = True
        await one.make("b")
        await one.until(lambda now: bool(now.problem))
        await one.make("c")
        await one.outbox.acknowledge((await one.outbox.backlog()).last, {})
        cloud.away = False
        one.backup.wake()
        status = await one.backed_up()
        assert status.pending == 0
        assert cloud.kinds()[-1] is SNAPSHOT

    async def test_an_older_log(self, one: Device, cloud: FakeCloud) -> None:
        await one.delegate()
        for name in ("a", "b", "c"):
            await one.make(name)
            await one.backed_up()
        newest = max(cloud.entries)
        lost = cloud.entries.pop(newest)
        await one.make("d")
        status = await one.until(lambda now: "lost" in now.problem)
        assert status.seq == newest
        assert max(cloud.entries) == newest - 1
        cloud.entries[newest] = lost
        one.backup.wake()
        await one.backed_up()
        assert (await one.backup.status()).problem == ""

    async def test_another_log_of_the_same_length(
        self, tmp_path: Path, cloud: FakeCloud, owner: Owner
    ) -> None:
        """A copy of this device wrote it while this one was off, say; told before more is written."""
        before, status = await _two_entries(tmp_path, owner, cloud)
        ours = cloud.entries[status.seq]
        cloud.entries[status.seq], _ = Author(owner).entry(before.head_hash, status.seq)
        async with device(tmp_path, owner, cloud) as one, one.running():
            told = await one.until(lambda now: bool(now.problem))
            assert "not the one that this device wrote" in told.problem
            assert not told.fenced
            cloud.entries[status.seq] = ours
            one.backup.wake()
            await one.make("c")
            await one.backed_up()
        check_log(owner, cloud)

    async def test_a_newer_device_in_our_place(self, tmp_path: Path, cloud: FakeCloud, owner: Owner) -> None:
        """It was restored from a log that had lost our last entry."""
        before, status = await _two_entries(tmp_path, owner, cloud)
        newer = Author(owner, 2)
        cloud.entries[status.seq], _ = newer.entry(before.head_hash, status.seq, CLAIM, base=before.seq)
        async with device(tmp_path, owner, cloud) as one, one.running():
            assert (await one.until(lambda now: now.fenced)).fenced_by

    async def test_other_bytes_in_our_place(self, one: Device, cloud: FakeCloud, owner: Owner) -> None:
        await one.delegate()
        await one.make("a")
        status = await one.backed_up()
        twin = Author(owner)
        cloud.entries[status.seq + 1], _ = twin.entry(status.head_hash, status.seq + 1)
        await one.make("b")
        told = await one.until(lambda now: bool(now.problem))
        assert "not the one that this device wrote" in told.problem or "Another entry" in told.problem
        assert not told.fenced
        assert told.pending == 1
        assert len(cloud.entries) == status.seq + 1

    async def test_a_log_that_is_somebody_elses_already(
        self, one: Device, cloud: FakeCloud, owner: Owner
    ) -> None:
        cloud.entries[1], _ = Author(owner).entry(None, 1)
        await one.delegate()
        await one.make("a")
        status = await one.until(lambda now: bool(now.problem))
        assert "already" in status.problem
        assert len(cloud.entries) == 1


class TestFence:
    async def test_for_good(self, tmp_path: Path, owner: Owner, cloud: FakeCloud) -> None:
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.delegate()
            await one.make("a")
            status = await one.backed_up()
            assert status.fenced_by == b""
            heir = Author(owner, generation=2)
            last = status.seq + 1
            cloud.entries[last], _ = heir.entry(status.head_hash, last, CLAIM, base=1)
            await one.make("b")
            status = await one.until(lambda now: now.fenced)
            assert "generation 2" in status.problem
            assert status.fenced_by == (proof := cloud.header(last).signed.to_bytes())
            assert status.pending == 1
        calls = cloud.calls
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.delegate()
            await one.make("c")
            await asyncio.sleep(0.1)
            status = await one.backup.status()
            assert (status.fenced, status.fenced_by) == (True, proof)
            assert cloud.calls == calls
            assert max(cloud.entries) == last
            with pytest.raises(PiccoloError) as told:
                await one.backup.start_snapshot()
            assert (told.value.kind, told.value.reason) == (Kind.DENIED, "FENCED")

    async def test_found_at_the_start_without_writing(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud
    ) -> None:
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.delegate()
            await one.make("a")
            status = await one.backed_up()
        last = status.seq + 1
        cloud.entries[last], _ = Author(owner, generation=2).entry(status.head_hash, last, CLAIM, base=1)
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            assert (await one.until(lambda now: now.fenced)).seq == last - 1

    async def test_a_cloud_that_lies(
        self, one: Device, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await one.delegate()
        await one.make("a")
        status = await one.backed_up()
        forger = Author(Owner(), generation=9)
        stolen, _ = forger.entry(status.head_hash, 2)
        for details in ({}, {"claim_header": "no base64"}, {"claim_header": stolen[12:500].hex()}):

            async def lie(*_: Any, told: dict[str, str] = details) -> None:
                raise PiccoloError(Kind.DENIED, "FENCED", "Give up.", told)

            with monkeypatch.context() as patch:
                patch.setattr(cloud, "append", lie)
                await one.make("b")
                told = await one.until(lambda now: "prove" in now.problem)
                assert not told.fenced
            one.backup.wake()
            assert not (await one.backed_up()).fenced
