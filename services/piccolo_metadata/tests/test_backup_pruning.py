"""Old chains go, and never one that anything of the last thirty days rests on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.adapters.cloud_files import DiskFiles
from piccolo_metadata.core.ages import DAY
from piccolo_metadata.core.backup_retention import BASES, KEPT_SECONDS, Bases, no_bases
from piccolo_metadata.engine.backup_pruning import Pruner, Pruning
from piccolo_metadata.tests.test_backup_device import Device, device, quick
from piccolo_metadata.tests.test_backup_fakes import FakeCloud, Owner, Vault

__all__ = ["quick"]


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def cloud(owner: Owner) -> FakeCloud:
    return FakeCloud(owner.locator)


@pytest.fixture
async def one(tmp_path: Path, owner: Owner, cloud: FakeCloud) -> AsyncIterator[Device]:
    """A device with a chain of the first day."""
    async with device(tmp_path / "one", owner, cloud) as made, made.running():
        await made.make("of the first day")
        await made.delegate()
        await made.backed_up()
        yield made


def pruner(one: Device, cloud: FakeCloud) -> Pruner:
    return Pruner(one.outbox, cloud, DiskFiles(), one.memory.database.look)


async def chain(one: Device, cloud: FakeCloud, name: str) -> int:
    """A new chain with something in it, seen by the pruner; returns its snapshot's seq."""
    seq = await one.backup.start_snapshot()
    await one.make(name)
    await one.backed_up()
    assert await pruner(one, cloud).begin() == Pruning()
    return seq


async def pruned(one: Device, cloud: FakeCloud, owner: Owner) -> int:
    """What the vault does; returns how many entries went."""
    work = pruner(one, cloud)
    asked = await work.begin()
    if not asked.before:
        return 0
    signature = owner.dropped(asked.before, asked.nonce)
    async with one.backup.paused():
        return await work.prune(asked.locator, asked.before, asked.nonce, signature)


async def refused(one: Device, cloud: FakeCloud) -> str:
    with pytest.raises(PiccoloError) as told:
        await pruner(one, cloud).begin()
    return told.value.reason


@given(st.lists(st.tuples(st.integers(0, 20 * DAY), st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_every_state_of_the_last_thirty_days_stays(life: list[tuple[int, bool, bool]]) -> None:
    """Time passes; an entry is made, which may begin a chain; now and then somebody looks."""
    bases, first, base = no_bases(), 1, 1
    entries: list[tuple[int, int]] = []  # age and base
    for age, (_, begins, looks) in zip(accumulate(each[0] for each in life), life, strict=True):
        base = len(entries) + 1 if begins or not entries else base
        entries.append((age, base))
        if looks:
            bases = bases.seen(bytes(32), base, age)
            first = max(first, bases.first_needed(age))
            bases = bases.since(first)
            assert Bases.from_record(bases.to_record()) == bases
        then = [needed for made, needed in entries if made <= age - KEPT_SECONDS]
        assert first <= min([then[-1]] if then else [1])
        assert first == 1 or entries[first - 1][1] == first, "it is a snapshot"


def test_another_log_begins_anew() -> None:
    bases = no_bases().seen(bytes(32), 5, 0).seen(bytes([1]) * 32, 1, 10 * DAY)
    assert bases.first_needed(39 * DAY) == 0
    assert bases.first_needed(40 * DAY) == 1


async def test_what_is_older_than_thirty_days_goes_and_the_rest_restores(
    one: Device, cloud: FakeCloud, owner: Owner, tmp_path: Path
) -> None:
    clock = one.memory.clock
    clock.pass_days(10)
    second = await chain(one, cloud, "of the tenth")
    clock.pass_days(29)
    third = await chain(one, cloud, "of the thirty-ninth")
    assert await pruned(one, cloud, owner) == 0
    clock.pass_days(2)
    assert await pruned(one, cloud, owner) == second - 1
    assert min(cloud.entries) == second
    assert await pruned(one, cloud, owner) == 0
    clock.pass_days(27)
    await one.make("of the sixty-eighth")
    await one.backed_up()
    assert await pruned(one, cloud, owner) == 0
    clock.pass_days(2)
    assert await pruned(one, cloud, owner) == third - second
    assert {point.seq for point in await one.backup.points(b"")} == cloud.entries.keys()
    held = one.content()
    async with device(tmp_path / "blank", owner, cloud, generation=2) as blank:
        await blank.restore(Vault(owner))
        assert blank.content() == held
        await blank.backup.claim(owner.claim(2), blank.delegation())


async def test_the_log_goes_on_after_a_pruning(one: Device, cloud: FakeCloud, owner: Owner) -> None:
    one.memory.clock.pass_days(1)
    await chain(one, cloud, "kept")
    one.memory.clock.pass_days(31)
    assert await pruned(one, cloud, owner)
    await one.make("after")
    status = await one.backed_up()
    assert status.bytes == sum(map(len, cloud.entries.values()))


@pytest.mark.parametrize("place", ["snapshot", "changeset", "header", "lost"])
async def test_nothing_goes_while_what_stands_in_for_it_is_broken(
    one: Device, cloud: FakeCloud, owner: Owner, place: str
) -> None:
    one.memory.clock.pass_days(1)
    second = await chain(one, cloud, "kept")
    one.memory.clock.pass_days(31)
    match place:
        case "snapshot":
            cloud.alter(second)
        case "changeset":
            cloud.alter(second + 1)
        case "header":
            cloud.alter(second + 1, 60)
        case "lost":
            del cloud.entries[second + 1]
    kept = dict(cloud.entries)
    assert await refused(one, cloud) in ("CHAIN_BROKEN", "FORK")
    assert cloud.entries == kept


async def test_what_is_broken_in_what_goes_keeps_nothing(one: Device, cloud: FakeCloud, owner: Owner) -> None:
    one.memory.clock.pass_days(1)
    second = await chain(one, cloud, "kept")
    one.memory.clock.pass_days(31)
    cloud.alter(1)
    assert await pruned(one, cloud, owner) == second - 1


async def test_a_clock_that_is_wrong_deletes_nothing(one: Device, cloud: FakeCloud, owner: Owner) -> None:
    clock = one.memory.clock
    await chain(one, cloud, "kept")
    clock.wall_seconds += 3_000 * DAY
    assert await pruned(one, cloud, owner) == 0
    clock.pass_days(29)
    assert await pruned(one, cloud, owner) == 0
    clock.up_seconds = 10  # it was just started
    assert await pruned(one, cloud, owner) == 0
    clock.pass_days(1.5)
    assert await pruned(one, cloud, owner)


async def test_who_sees_another_log_or_was_fenced_deletes_nothing(
    one: Device, cloud: FakeCloud, owner: Owner, tmp_path: Path
) -> None:
    one.memory.clock.pass_days(1)
    await chain(one, cloud, "kept")
    async with device(tmp_path / "two", owner, cloud, generation=2) as two, two.running():
        await two.restore(Vault(owner))
        await two.backup.claim(owner.claim(2), two.delegation())
        await two.make("of the second device")
        await two.backed_up()
        one.memory.clock.pass_days(31)
        await one.make("too late")
        await one.until(lambda now: now.fenced)
        assert await pruned(one, cloud, owner) == 0
        assert min(cloud.entries) == 1


async def test_what_cannot_be_read_of_the_snapshots_counts_as_new(
    one: Device, cloud: FakeCloud, owner: Owner
) -> None:
    await chain(one, cloud, "kept")
    await one.outbox.set_local({BASES: b"rot"})
    one.memory.clock.pass_days(31)
    assert await pruned(one, cloud, owner) == 0
    one.memory.clock.pass_days(31)
    assert await pruned(one, cloud, owner)


async def test_a_full_log_is_pruned_before_the_first_snapshot_after_a_claim(
    one: Device, cloud: FakeCloud, owner: Owner, tmp_path: Path
) -> None:
    """The claim finds its place in it; the snapshot finds none before something went."""
    second = await chain(one, cloud, "more")
    cloud.full = True
    async with device(tmp_path / "two", owner, cloud, generation=2) as two, two.running():
        await two.restore(Vault(owner))
        await two.backup.claim(owner.claim(2), two.delegation())
        await two.until(lambda now: now.problem_reason == "LOG_FULL")
        assert await pruned(two, cloud, owner) == 0
        two.memory.clock.pass_days(29)
        assert await pruned(two, cloud, owner) == 0
        two.memory.clock.pass_days(2)
        assert await pruned(two, cloud, owner) == second - 1
        cloud.full = False
        await two.backed_up()
    assert min(cloud.entries) == second
    assert cloud.kinds()[-2:] == [EntryKind.CLAIM, EntryKind.SNAPSHOT]
