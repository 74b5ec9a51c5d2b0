"""A new generation claims the log; the old device may still be alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.core.backup_records import PENDING
from piccolo_metadata.engine.backup_restore import Progress
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
def vault(owner: Owner) -> Vault:
    return Vault(owner)


@pytest.fixture
async def two(tmp_path: Path, owner: Owner, cloud: FakeCloud) -> AsyncIterator[Device]:
    """A blank device."""
    async with device(tmp_path / "two", owner, cloud, generation=2) as made, made.running():
        yield made


class TestMeanwhile:
    """The old device is not dead: it writes while the new one restores."""

    @pytest.mark.parametrize("new_chain", [False, True])
    async def test_what_is_written_is_followed(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, new_chain: bool
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.backed_up()
            rounds = 0

            class Busy(Vault):
                async def tell(self, progress: Progress) -> None:
                    nonlocal rounds
                    if progress.phase == "applying changes" and rounds < 3:
                        rounds += 1
                        await one.make(f"round {rounds}")
                        if new_chain:
                            await one.backup.start_snapshot()
                        await one.backed_up()

            restored = await two.restore(Busy(owner))
            assert restored.seq == max(cloud.entries)
            assert two.content() == one.content()
            assert rounds == 3

    async def test_what_was_missed_is_told(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)
        await two.restore(vault)
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.make("after the restore")
            await one.backed_up()
            missed = max(cloud.entries)
            assert await two.backup.claim(owner.claim(2), two.delegation()) == missed + 1
            await one.make("after the claim")
            await one.until(lambda now: now.fenced)
        status = await two.backed_up_with_problem()
        assert f"entries 5 to {missed} are not in this device's memory" in status.problem
        assert two.content() == held[4]
        check_log(owner, cloud)


class TestClaim:
    async def test_again_and_again(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        await two.restore(vault)
        cloud.deaf = True
        error = await refused(two.backup.claim(owner.claim(2), two.delegation()))
        assert error.kind is Kind.UNAVAILABLE
        cloud.deaf = False
        for _ in range(3):
            assert await two.backup.claim(owner.claim(2), two.delegation()) == 5
        await two.make("more")
        await two.backed_up()
        assert cloud.kinds()[4:6] == [CLAIM, SNAPSHOT]
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 5

    async def test_a_generation_that_is_taken(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        await two.restore(vault)
        async with device(tmp_path / "rival", owner, cloud, generation=2) as rival, rival.running():
            await rival.restore(Vault(owner))
            assert await rival.backup.claim(owner.claim(2), rival.delegation()) == 5
            await rival.backed_up()
        error = await refused(two.backup.claim(owner.claim(2), two.delegation()))
        assert (error.kind, error.reason) == (Kind.CONFLICT, "GENERATION_TAKEN")
        assert error.details == {"generation": "2"}
        claimed = await two.backup.claim(owner.claim(3), two.delegation(3))
        assert claimed == 7
        await two.make("more")
        status = await two.backed_up_with_problem()
        assert "entries 6 to 6" in status.problem
        check_log(owner, cloud)
        async with device(tmp_path / "rival", owner, cloud) as rival, rival.running():
            await rival.until(lambda now: now.fenced)

    @pytest.mark.parametrize("kind", [CLAIM, CHANGESET])
    async def test_what_comes_first_between_the_look_and_the_claim_is_followed(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, kind: EntryKind
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        await two.restore(vault)
        cloud.slow = asyncio.Event()
        claiming = asyncio.ensure_future(two.backup.claim(owner.claim(3), two.delegation(3)))
        await cloud.waiting.wait()
        rival = Author(owner, 2) if kind is CLAIM else Author(owner, 1)
        cloud.entries[5], _ = rival.entry(cloud.header(4).record_hash(), 5, kind, base=1)
        cloud.slow.set()
        assert await claiming == 6
        await two.make("more")
        await two.until(lambda now: not now.pending)
        if kind is CLAIM:  # nobody could apply what that changeset says
            check_log(owner, cloud)

    async def test_a_rival_of_the_same_generation_that_comes_first_has_it(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        await two.restore(vault)
        cloud.slow = asyncio.Event()
        claiming = asyncio.ensure_future(refused(two.backup.claim(owner.claim(2), two.delegation())))
        await cloud.waiting.wait()
        cloud.entries[5], _ = Author(owner, 2).entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        cloud.slow.set()
        assert (await claiming).reason == "GENERATION_TAKEN"

    async def test_a_fenced_device_comes_back_by_the_words(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        cloud.entries[5], _ = Author(owner, 2).entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        async with device(tmp_path / "one", owner, cloud, generation=3) as one, one.running():
            assert (await one.until(lambda now: now.fenced)).fenced_by
            assert await one.backup.claim(owner.claim(3), one.delegation()) == 6
            await one.make("again")
            assert (await one.backed_up()).fenced_by == b""
        assert cloud.kinds()[5:7] == [CLAIM, SNAPSHOT]
        check_log(owner, cloud)

    @pytest.mark.parametrize("later", [0, 1])
    async def test_of_a_long_log_only_what_follows_this_memory_s_snapshot_is_read(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, later: int
    ) -> None:
        await history(tmp_path, owner, cloud, chains=2)
        await two.restore(vault)
        if later:
            prev = cloud.header(8).record_hash()
            cloud.entries[9], prev = Author(owner).entry(prev, 9)
            cloud.entries[10], _ = Author(owner).entry(prev, 10, CHANGESET, base=9)
        end = max(cloud.entries)
        cloud.looked_at.clear()
        assert await two.backup.claim(owner.claim(2), two.delegation()) == end + 1
        assert cloud.looked_at[: 5 + 2 * later] == [8, *range(5, end + 1)]
        assert cloud.header(end + 1).header.base == (9 if later else 5)

    async def test_a_memory_whose_place_has_rotted_is_looked_for_from_the_beginning(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=2)
        await two.restore(vault)
        cloud.alter(8, 60)
        error = await refused(two.backup.claim(owner.claim(2), two.delegation()))
        assert (error.reason, error.details) == ("CHAIN_BROKEN", {"seq": "8", "whole": "7"})

    async def test_refusals(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        error = await refused(two.backup.claim(owner.claim(2), two.delegation()))
        assert (error.kind, error.reason) == (Kind.PRECONDITION, "RESTORE_FIRST")
        await two.restore(vault)
        for claim, delegation, reason in (
            (owner.claim(3), two.delegation(2), "CLAIM_WRONG"),
            (b"no claim", two.delegation(2), "CLAIM_WRONG"),
            (owner.claim(2), owner.delegation(Author(owner).key.public, 2), "DELEGATION_WRONG"),
            (owner.claim(2), b"none", "DELEGATION_WRONG"),
        ):
            error = await refused(two.backup.claim(claim, delegation))
            assert (error.kind, error.reason) == (Kind.INVALID, reason)
        lost = cloud.entries.pop(4)
        assert (await refused(two.backup.claim(owner.claim(2), two.delegation()))).reason == "ROLLED_BACK"
        prev = cloud.header(3).record_hash()
        cloud.entries[4], _ = Author(owner).entry(prev, 4, CHANGESET, base=1)
        assert (await refused(two.backup.claim(owner.claim(2), two.delegation()))).reason == "FORK"
        cloud.entries[4] = lost
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 5

    async def test_a_log_that_is_broken_behind_the_memory_is_told_until_it_is_whole(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        await two.restore(vault)
        cloud.entries[5], _ = Author(owner).entry(bytes(32), 5, CHANGESET, base=1)
        error = await refused(two.backup.claim(owner.claim(2), two.delegation()))
        assert (error.kind, error.reason) == (Kind.DATA_LOSS, "CHAIN_BROKEN")
        assert "broken at entry 5" in (await two.backup.status()).problem
        del cloud.entries[5]
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 5
        assert (await two.backup.status()).problem == ""

    async def test_on_an_empty_log(self, two: Device, owner: Owner, cloud: FakeCloud) -> None:
        """A circle brought the owner back without a cloud; then there is a new one."""
        await two.make("from the circle")
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 1
        await two.backed_up()
        assert cloud.kinds() == [CLAIM, SNAPSHOT]
        check_log(owner, cloud)

    async def test_on_an_empty_log_whose_answer_is_lost(
        self, two: Device, owner: Owner, cloud: FakeCloud
    ) -> None:
        cloud.deaf = True
        assert (await refused(two.backup.claim(owner.claim(2), two.delegation()))).kind is Kind.UNAVAILABLE
        cloud.deaf = False
        # the snapshot follows the claim at once: what is made after that may come in it or behind it
        await two.make("before")
        for _ in range(2):
            assert await two.backup.claim(owner.claim(2), two.delegation()) == 1
        await two.backed_up()
        assert cloud.kinds() == [CLAIM, SNAPSHOT]
        await two.make("after")
        await two.backed_up()
        assert cloud.kinds() == [CLAIM, SNAPSHOT, CHANGESET]
        check_log(owner, cloud)

    async def test_a_claim_that_never_arrived_stops_no_backup(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        async with device(tmp_path / "one", owner, cloud) as one:
            cloud.away, calls = False, cloud.calls

            async def fail(*_: object) -> None:
                raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "The connection was lost.")

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(cloud, "append", fail)
                error = await refused(one.backup.claim(owner.claim(2), one.delegation(2)))
            assert error.kind is Kind.UNAVAILABLE
            assert cloud.calls > calls
            await one.make("as before")
            async with one.running():
                await one.backed_up()
                assert cloud.kinds()[4:] == [CHANGESET]
                assert await one.backup.claim(owner.claim(2), one.delegation(2)) == 6
                await one.backed_up()
        check_log(owner, cloud)

    @pytest.mark.parametrize("caller_goes", [False, True])
    async def test_a_claim_whose_answer_was_lost_fences_nobody(
        self,
        tmp_path: Path,
        owner: Owner,
        cloud: FakeCloud,
        monkeypatch: pytest.MonkeyPatch,
        caller_goes: bool,
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        append, taken = cloud.append, asyncio.Event()

        async def silent(*given: Any) -> None:
            await append(*given)
            taken.set()
            await asyncio.Event().wait()

        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.make("looked at")
            await one.until(lambda now: now.seq == 5 and not now.pending)
            with monkeypatch.context() as patch:
                if caller_goes:
                    patch.setattr(cloud, "append", silent)
                else:
                    patch.setattr(cloud, "deaf", True)
                claiming = asyncio.ensure_future(one.backup.claim(owner.claim(2), one.delegation(2)))
                if caller_goes:
                    await taken.wait()
                    claiming.cancel()
                (lost,) = await asyncio.gather(claiming, return_exceptions=True)
                assert isinstance(lost, asyncio.CancelledError if caller_goes else PiccoloError)
            await one.make("as before")
            status = await one.until(lambda now: not now.pending or now.fenced)
            assert not status.fenced
            assert await one.backup.claim(owner.claim(2), one.delegation(2)) == 6
            await one.backed_up()
        assert cloud.kinds()[5:7] == [CLAIM, SNAPSHOT]
        check_log(owner, cloud)

    @pytest.mark.parametrize("between", [False, True])
    async def test_its_own_claim_is_known_by_its_key(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, between: bool
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        if between:
            prev = cloud.header(4).record_hash()
            cloud.entries[5], _ = Author(owner).entry(prev, 5, CHANGESET, base=1)
        async with device(tmp_path / "one", owner, cloud) as one:
            cloud.deaf = True
            error = await refused(one.backup.claim(owner.claim(2), one.delegation(2)))
            assert error.kind is Kind.UNAVAILABLE
            cloud.deaf = False
            await one.outbox.set_local({PENDING: None})  # as a former release did
            seq = max(cloud.entries)
            assert await one.backup.claim(owner.claim(2), one.delegation(2)) == seq
            async with one.running():
                await one.make("and on")
                status = await one.until(lambda now: not now.pending)
                assert ("entries 5 to 5" in status.problem) == between
                if not between:
                    assert status.bytes == sum(map(len, cloud.entries.values()))
        assert cloud.kinds()[seq - 1 : seq + 1] == [CLAIM, SNAPSHOT]
