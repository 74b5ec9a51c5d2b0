"""Restoring: the whole way round, to any point, and what is refused."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind
from piccolo_formats.records.generations import Successor
from piccolo_formats.signed import sign

from piccolo_metadata.core.backup_points import Point
from piccolo_metadata.engine import backup_restore
from piccolo_metadata.engine.backup_restore import Progress
from piccolo_metadata.tests.test_backup_device import (
    CHANGESET,
    CLAIM,
    MOVED,
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
def vault(owner: Owner) -> Vault:
    return Vault(owner)


@pytest.fixture
async def two(tmp_path: Path, owner: Owner, cloud: FakeCloud) -> AsyncIterator[Device]:
    """A blank device."""
    async with device(tmp_path / "two", owner, cloud, generation=2) as made, made.running():
        yield made


class TestWholeWay:
    async def test_everything_comes_back(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        restored = await two.restore(vault)
        last = max(cloud.entries)
        assert restored.seq == last
        assert restored.head_hash == cloud.header(last).record_hash()
        assert restored.generation == 1
        assert restored.files == 36
        assert (restored.confirmed_until, restored.device_until) == (0, cloud.header(last).header.time)
        assert two.content() == held[last]
        assert vault.asked == [5, 6, 7, 8]
        assert vault.told[-1].done == vault.told[-1].total > 0
        assert not list((two.folder / "work").glob("restore.*"))
        assert await two.outbox.is_empty() is False

    async def test_every_kept_point(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        for seq, content in held.items():
            async with device(tmp_path / f"to {seq}", owner, cloud) as blank:
                points = await blank.backup.points(blank.delegation())
                assert [point.seq for point in points] == sorted(held, reverse=True)
                restored = await blank.restore(vault, seq)
                assert restored.seq == seq
                assert restored.device_until == cloud.header(seq).header.time
                assert blank.content() == content

    async def test_the_new_device_goes_on_and_the_old_one_is_fenced(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud)
        await two.restore(vault)
        assert not (await two.backup.status()).enabled
        claimed = await two.backup.claim(owner.claim(2), two.delegation())
        assert claimed == 9
        await two.make("anew")
        await two.backed_up()
        assert cloud.kinds()[8:10] == [CLAIM, SNAPSHOT]
        assert cloud.header(9).header.generation == 2
        check_log(owner, cloud)
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.make("too late")
            status = await one.until(lambda now: now.fenced)
            assert "generation 2" in status.problem
        written = two.content()
        async with device(tmp_path / "three", owner, cloud) as three:
            assert (await three.restore(vault)).generation == 2
            assert three.content() == written

    async def test_what_the_words_confirmed(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            clock = one.memory.clock
            await one.make("a")
            await one.delegate()
            confirmed = await one.backed_up()
            clock.wall_seconds += 1000
            await one.backup.countersign(owner.countersigned(confirmed.head))
            await one.until(lambda now: now.seq > confirmed.seq and not now.pending)
            clock.wall_seconds += 1000
            await one.make("b")
            await one.backed_up()
        restored = await two.restore(vault)
        assert restored.confirmed_until == confirmed.last_backup
        assert restored.device_until == confirmed.last_backup + 2000

    async def test_a_pruned_log(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        for seq in (1, 2, 3):  # and a deletion that was interrupted
            del cloud.entries[seq]
        assert [point.seq for point in await two.backup.points(two.delegation())] == [8, 7, 6, 5]
        missing = await refused(two.restore(vault, 4))
        assert (missing.kind, missing.reason) == (Kind.NOT_FOUND, "POINT_MISSING")
        assert (await two.restore(vault)).seq == 8
        assert two.content() == held[8]


async def test_progress_is_told_within_one_body(
    tmp_path: Path,
    owner: Owner,
    cloud: FakeCloud,
    two: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backup_restore, "_STEP", 1)
    await history(tmp_path, owner, cloud, chains=1)
    told: list[Progress] = []

    class Listener(Vault):
        async def tell(self, progress: Progress) -> None:
            told.append(progress)

    await two.restore(Listener(owner))
    fetching = [each.done for each in told if each.phase == "fetching the snapshot"]
    assert len(set(fetching)) > 2
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert all(each.done <= each.total for each in told)


class TestRefusals:
    async def test_a_memory_that_is_not_empty(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        await two.make("mine")
        before = two.content()
        error = await refused(two.restore(vault))
        assert (error.kind, error.reason) == (Kind.PRECONDITION, "MEMORY_NOT_EMPTY")
        assert two.content() == before
        assert vault.asked == []

    async def test_a_memory_that_fills_meanwhile(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)

        class Meddler(Vault):
            async def tell(self, progress: Progress) -> None:
                if progress.phase == "putting it in place":
                    await two.make("mine")

        error = await refused(two.restore(Meddler(owner)))
        assert error.reason == "MEMORY_NOT_EMPTY"
        assert [row[0] for row in two.content()["content"]] != []
        assert len(two.content()["content"]) == 1

    async def test_wrong_words_find_nothing(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, vault: Vault
    ) -> None:
        stranger = Owner()
        async with device(tmp_path / "two", stranger, FakeCloud(stranger.locator)) as two:
            error = await refused(two.restore(Vault(stranger)))
        assert (error.kind, error.reason) == (Kind.NOT_FOUND, "BACKUP_MISSING")

    async def test_another_owners_words_open_nothing(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        before = two.content()

        class Liar(Vault):
            async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
                return [os.urandom(self.size) for _ in points]

            size = 32

        class Mute(Liar):
            size = 5

        class Silent(Vault):
            async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
                return []

        for vault in (Liar(owner), Mute(owner), Silent(owner)):
            for accept in (False, True):
                error = await refused(two.restore(vault, accept_broken=accept))
                assert (error.kind, error.reason) == (Kind.INVALID, "KEYS_WRONG")
        assert two.content() == before
        assert await two.outbox.is_empty()

    async def test_a_newer_schema(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        author = Author(owner)
        first, first_hash = author.entry(None, 1, schema=99)
        cloud.entries[1] = first
        cloud.entries[2], _ = author.entry(first_hash, 2, CHANGESET, base=1, schema=99)
        before = two.content()
        error = await refused(two.restore(vault))
        assert (error.kind, error.reason) == (Kind.PRECONDITION, "SCHEMA_NEWER")
        assert "Update this device" in error.message
        assert vault.asked == []
        assert two.content() == before

    async def test_a_newer_schema_behind_an_older_chain_leaves_the_older_points(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)
        heir = Author(owner, generation=2)
        claim, claim_hash = heir.entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        cloud.entries[5] = claim
        cloud.entries[6], _ = heir.entry(claim_hash, 6, schema=99)
        assert (await refused(two.restore(vault))).reason == "SCHEMA_NEWER"
        assert (await two.restore(vault, 4)).generation == 2
        assert two.content() == held[4]

    async def test_points_that_are_none(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        cloud.entries[5], _ = Author(owner, 2).entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        for seq in (5, 6, 1 << 40):
            error = await refused(two.restore(vault, seq))
            assert (error.kind, error.reason) == (Kind.NOT_FOUND, "POINT_MISSING")

    async def test_moved_words(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)
        last = cloud.header(4)
        roots = Owner().kek.owner_root(), owner.kek.owner_root()
        successor = Successor(
            owner=bytes(32),
            old_root=roots[1].public,
            new_root=roots[0].public,
            kek_epoch=2,
            generation=2,
            time=0,
        )
        heir = Author(owner, 2)
        claim, claim_hash = heir.entry(last.record_hash(), 5, CLAIM, base=1)
        cloud.entries[5] = claim
        cloud.entries[6], _ = heir.entry(claim_hash, 6, MOVED, sign(successor, *roots).to_bytes(), base=1)
        error = await refused(two.restore(vault))
        assert (error.kind, error.reason) == (Kind.PRECONDITION, "LOG_MOVED")
        await two.restore(vault, 4)
        assert two.content() == held[4]

    async def test_wrong_delegations(self, two: Device, vault: Vault, owner: Owner) -> None:
        for generation, other in ((1, Owner()), (2, owner)):
            wish = replace(two, owner=other) if other is not owner else two
            wish.key = two.key if other is owner else Author(owner).key
            error = await refused(wish.restore(vault))
            assert error.reason in ("DELEGATION_WRONG", "BACKUP_MISSING")
            assert generation
