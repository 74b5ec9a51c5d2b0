"""Restoring: the whole way round, to any point, and from logs that are wrong in every way."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.changesets import frame_changeset
from piccolo_formats.records.backup import Changeset, EntryKind
from piccolo_formats.records.generations import Successor
from piccolo_formats.signed import sign

from piccolo_metadata.core.backup_points import Point
from piccolo_metadata.engine import backup as backup_module
from piccolo_metadata.engine.backup_restore import Progress
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner, Vault
from piccolo_metadata.tests.test_backup_writing import Device, check_log, device

SNAPSHOT, CHANGESET, CLAIM, MOVED = (
    EntryKind.SNAPSHOT,
    EntryKind.CHANGESET,
    EntryKind.CLAIM,
    EntryKind.MOVED,
)
Content = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are gathered for a moment only."""
    monkeypatch.setattr(backup_module, "GATHER_SECONDS", 0.02)


OWNER = Owner()
LIVES: dict[int, tuple[Path, dict[int, bytes], dict[int, Content]]] = {}


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


async def history(folder: Path, owner: Owner, cloud: FakeCloud, *, chains: int = 2) -> dict[int, Content]:
    """A device that has lived (in folder/one), and what it held at each entry. Lived once, then copied."""
    if chains not in LIVES:
        LIVES[chains] = await _live(Path(tempfile.mkdtemp(dir=folder.parent)), owner, chains)
    lived, entries, held = LIVES[chains]
    shutil.copytree(lived, folder / "one", symlinks=True)
    cloud.entries = dict(entries)
    return held


async def _live(folder: Path, owner: Owner, chains: int) -> tuple[Path, dict[int, bytes], dict[int, Content]]:
    held: dict[int, Content] = {}
    cloud = FakeCloud(owner.locator)
    async with device(folder, owner, cloud) as one:
        await one.make(*(f"at first {number}" for number in range(30)))
        async with one.running():
            await one.delegate()
            for chain in range(chains):
                if chain:
                    await one.backup.start_snapshot()
                for name in ("a", "b", "c"):
                    held[(await one.backed_up()).seq] = one.content()
                    await one.make(f"{chain} {name}")
                held[(await one.backed_up()).seq] = one.content()
    assert sorted(held) == sorted(cloud.entries)
    assert cloud.kinds() == [SNAPSHOT, CHANGESET, CHANGESET, CHANGESET] * chains
    return folder, cloud.entries, held


async def refused(work: Awaitable[object]) -> PiccoloError:
    with pytest.raises(PiccoloError) as told:
        await work
    return told.value


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


DAMAGE = ["body", "body-end", "header", "cut", "cut-in-header", "lost", "longer"]


def spoil(cloud: FakeCloud, seq: int, how: str) -> None:
    """Damages an entry as a rotten disk, a cut connection or a liar would."""
    data = cloud.entries[seq]
    match how:
        case "body":
            cloud.alter(seq, -40)
        case "body-end":
            cloud.alter(seq, -1)
        case "header":
            cloud.alter(seq, 60)
        case "cut":
            cloud.entries[seq] = data[:-100]
        case "cut-in-header":
            cloud.entries[seq] = data[:100]
        case "lost":
            del cloud.entries[seq]
        case "longer":
            cloud.entries[seq] = data + b"more"


class TestBroken:
    @pytest.mark.parametrize("how", DAMAGE)
    async def test_a_changeset(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        spoil(cloud, 7, how)
        before = two.content()
        error = await refused(two.restore(vault))
        assert (error.kind, error.reason) == (Kind.DATA_LOSS, "CHAIN_BROKEN")
        assert error.details == {"seq": "7", "whole": "6"}
        assert two.content() == before
        restored = await two.restore(vault, accept_broken=True)
        assert restored.seq == 6
        assert two.content() == held[6]

    @pytest.mark.parametrize("how", DAMAGE)
    async def test_the_newest_snapshot(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        spoil(cloud, 5, how)
        error = await refused(two.restore(vault))
        assert error.details == {"seq": "5", "whole": "4"}
        restored = await two.restore(vault, accept_broken=True)
        assert restored.seq == 4
        assert two.content() == held[4]

    @pytest.mark.parametrize("how", DAMAGE)
    async def test_the_only_snapshot(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        spoil(cloud, 1, how)
        for accept in (False, True):
            error = await refused(two.restore(vault, accept_broken=accept))
            assert error.kind is Kind.DATA_LOSS or error.reason == "BACKUP_MISSING"
        assert await two.outbox.is_empty()

    @pytest.mark.parametrize("how", ["body", "cut", "lost", "header"])
    async def test_older_points_need_no_permission(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        spoil(cloud, 7, how)
        assert (await two.restore(vault, 6)).seq == 6
        assert two.content() == held[6]

    async def test_a_forged_entry(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        """Anyone can seal to the owner's public key; nobody else can sign."""
        await history(tmp_path, owner, cloud, chains=1)
        thief = Author(Owner())
        thief.owner = owner
        cloud.entries[5], _ = thief.entry(cloud.header(4).record_hash(), 5, CHANGESET, base=1)
        error = await refused(two.restore(vault))
        assert error.details == {"seq": "5", "whole": "4"}

    async def test_a_forked_log(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)
        cloud.entries[3], _ = Author(owner).entry(cloud.header(2).record_hash(), 3, CHANGESET, base=1)
        error = await refused(two.restore(vault))
        assert error.details == {"seq": "4", "whole": "3"}
        restored = await two.restore(vault, 2)
        assert restored.seq == 2
        assert two.content() == held[2]

    @pytest.mark.parametrize("what", ["garbage", "other rows", "other digest", "other schema", "a gap"])
    async def test_changes_that_do_not_fit(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, what: str
    ) -> None:
        """Signed and sealed as they should be, by a device that was out of its mind."""
        held = await history(tmp_path, owner, cloud, chains=1)
        numbers = check_log(owner, cloud)
        good = Changeset(schema=1, first=1, last=1, digest=bytes(32), changeset=b"")
        number = numbers[-1] + 1
        plain = {
            "garbage": os.urandom(500),
            "other rows": frame_changeset(replace(good, first=number, last=number, changeset=os.urandom(50))),
            "other digest": frame_changeset(replace(good, first=number, last=number)),
            "other schema": frame_changeset(replace(good, first=number, last=number, schema=7)),
            "a gap": frame_changeset(replace(good, first=number + 1, last=number + 1)),
        }[what]
        heir = Author(owner, generation=2)
        claim, claim_hash = heir.entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        cloud.entries[5] = claim
        cloud.entries[6], _ = heir.entry(claim_hash, 6, CHANGESET, plain, base=1)
        if what == "other schema":
            assert (await refused(two.restore(vault))).kind in (Kind.DATA_LOSS, Kind.PRECONDITION)
            return
        error = await refused(two.restore(vault))
        assert (error.reason, error.details) == ("CHAIN_BROKEN", {"seq": "6", "whole": "4"})
        restored = await two.restore(vault, accept_broken=True)
        assert (restored.seq, restored.generation) == (4, 2)
        assert two.content() == held[4]

    async def test_a_snapshot_that_is_no_database(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)
        heir = Author(owner, generation=2)
        claim, claim_hash = heir.entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        cloud.entries[5] = claim
        cloud.entries[6], _ = heir.entry(claim_hash, 6, SNAPSHOT, os.urandom(10_000))
        error = await refused(two.restore(vault))
        assert (error.reason, error.details) == ("CHAIN_BROKEN", {"seq": "6", "whole": "4"})
        assert (await two.restore(vault, accept_broken=True)).seq == 4
        assert two.content() == held[4]

    async def test_a_cloud_that_changes_its_mind(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        """Between the headers and the bodies."""
        await history(tmp_path, owner, cloud, chains=1)

        class Slow(Vault):
            async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
                prev = cloud.header(2).record_hash()
                cloud.entries[3], _ = Author(owner).entry(prev, 3, CHANGESET, base=1)
                return await super().open_keys(points)

        error = await refused(two.restore(Slow(owner)))
        assert (error.reason, error.details["seq"]) == ("CHAIN_BROKEN", "3")

    async def test_a_cloud_that_goes_away_meanwhile(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)

        class Late(Vault):
            async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
                cloud.away = True
                return await super().open_keys(points)

        error = await refused(two.restore(Late(owner), accept_broken=True))
        assert error.kind is Kind.UNAVAILABLE
        assert await two.outbox.is_empty()
        cloud.away = False
        await two.restore(vault)
        assert two.content() == held[4]


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

    async def test_a_fenced_device_comes_back_by_the_words(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, vault: Vault
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        cloud.entries[5], _ = Author(owner, 2).entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        async with device(tmp_path / "one", owner, cloud, generation=3) as one, one.running():
            await one.until(lambda now: now.fenced)
            assert await one.backup.claim(owner.claim(3), one.delegation()) == 6
            await one.make("again")
            await one.backed_up()
        assert cloud.kinds()[5:7] == [CLAIM, SNAPSHOT]
        check_log(owner, cloud)

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

    async def test_on_an_empty_log(self, two: Device, owner: Owner, cloud: FakeCloud) -> None:
        """A circle brought the owner back without a cloud; then there is a new one."""
        await two.make("from the circle")
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 1
        await two.backed_up()
        assert cloud.kinds() == [CLAIM, SNAPSHOT]
        check_log(owner, cloud)
