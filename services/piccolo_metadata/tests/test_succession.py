"""The memory follows its owner to new words: all wraps at once, the logs apart, the old one closed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_body import open_body, open_body_key
from piccolo_formats.backup_entry import PREFIX_SIZE, parse_prefix
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.core.objects import ObjectKind
from piccolo_metadata.engine import backup as backup_module
from piccolo_metadata.engine import outbox, publishing, rewrapping, state
from piccolo_metadata.engine.backup_closing import Closer
from piccolo_metadata.engine.backup_emptying import Emptier
from piccolo_metadata.engine.backup_ports import Access, Kept, Piece
from piccolo_metadata.engine.rewrapping import Wrap
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import Rows, Transaction
from piccolo_metadata.testing import ManualClock
from piccolo_metadata.tests.builders import Bench, a_file, an_intent
from piccolo_metadata.tests.test_backup_device import Device, device, refused
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner, Vault

OLD, NEW = 1, 2


def wrapped(epoch: int, filling: bytes = b"w") -> bytes:
    return epoch.to_bytes(4) + filling * 72


def put_file(tx: Transaction, path: str, epoch: int = OLD) -> None:
    """A file, and a pack with a file in it."""
    for kind, pack_key in ((ObjectKind.FILE, b""), (ObjectKind.PACK, wrapped(epoch))):
        name = f"{path}-{kind}"
        file = a_file(name, name)
        file = replace(file, content=replace(file.content, wrapped_key=wrapped(epoch)))
        intent = an_intent(file, name=name, kind=kind)
        intent = replace(intent, object=replace(intent.object, wrapped_pack_key=pack_key))
        publishing.prepare(tx, intent)
        publishing.publish(tx, intent.object.object_id, ())


def all_wraps(rows: Rows) -> list[Wrap]:
    return rewrapping.listing(rows, 1_000, "", 1_000).items


def restaged(rows: Rows, epoch: int) -> list[Wrap]:
    others = rewrapping.listing(rows, epoch, "", 1_000).items
    return [replace(each, wrapped=wrapped(epoch, each.wrapped[4:5])) for each in others]


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.do(put_file, "/a")
    made.do(put_file, "/b")
    return made


def test_wraps_are_listed_page_by_page_with_what_they_belong_to(bench: Bench) -> None:
    whole, place = bench.now(all_wraps), ""
    assert [bool(each.content) for each in whole] == [False, False, True, True, True, True]
    found = []
    while True:
        page = bench.now(rewrapping.listing, NEW, place, 1)
        found += page.items
        if not page.more:
            break
        place = page.items[-1].place
    assert found == whole
    assert bench.now(rewrapping.listing, OLD, "", 10).items == []


def test_what_is_staged_changes_nothing_and_is_in_no_backup(bench: Bench) -> None:
    before, last = bench.now(all_wraps), bench.now(outbox.backlog).last
    bench.do(rewrapping.stage, bench.now(restaged, NEW))
    assert bench.now(all_wraps) == before
    assert bench.now(outbox.backlog).last == last


def test_all_wraps_come_into_force_at_once(bench: Bench) -> None:
    bench.do(rewrapping.stage, bench.now(restaged, NEW))
    bench.do(rewrapping.swap, NEW, None, [StateValue("lineage", b"l", 0)])
    assert {each.wrapped for each in bench.now(all_wraps)} == {wrapped(NEW)}
    assert bench.now(state.get, "vault", "lineage").value == b"l"
    assert bench.now(lambda rows: rows.one("SELECT count(*) FROM local WHERE key LIKE 'rewrap%'")) == (0,)
    bench.do(rewrapping.swap, NEW, None, [])


def test_nothing_changes_while_a_wrap_is_missing(bench: Bench) -> None:
    before = bench.now(all_wraps)
    bench.do(rewrapping.stage, bench.now(restaged, NEW)[1:])
    with pytest.raises(PiccoloError) as missing:
        bench.do(rewrapping.swap, NEW, None, [StateValue("lineage", b"l", 0)])
    assert (missing.value.kind, missing.value.reason) == (Kind.PRECONDITION, "WRAPS_MISSING")
    assert bench.now(all_wraps) == before
    with pytest.raises(PiccoloError, match="no value"):
        bench.now(state.get, "vault", "lineage")
    # what came in meanwhile is staged too
    bench.do(put_file, "/c")
    bench.do(rewrapping.stage, bench.now(restaged, NEW))
    bench.do(rewrapping.swap, NEW, None, [])
    assert {each.wrapped for each in bench.now(all_wraps)} == {wrapped(NEW)}


class Clouds:
    """A cloud with a log for each of several words."""

    configured = True

    def __init__(self, *owners: Owner) -> None:
        self.logs = {owner.locator: FakeCloud(owner.locator) for owner in owners}

    def of(self, owner: Owner) -> FakeCloud:
        return self.logs[owner.locator]

    async def head(self, access: Access) -> Kept:
        return await self.logs[access.locator].head(access)

    async def append(self, access: Access, seq: int, size: int, chunks: AsyncIterator[bytes]) -> None:
        await self.logs[access.locator].append(access, seq, size, chunks)

    def read(self, access: Access, first: int, last: int, *, headers_only: bool) -> AsyncGenerator[Piece]:
        return self.logs[access.locator].read(access, first, last, headers_only=headers_only)

    async def challenge(self) -> bytes:
        return b"n" * 32

    async def drop(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        assert (nonce, signature) == (b"n" * 32, b"s" * 64)
        entries = self.logs[locator].entries
        gone = [seq for seq in entries if seq < before]
        for seq in gone:
            del entries[seq]
        return len(gone)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are gathered for a moment only."""
    monkeypatch.setattr(backup_module, "GATHER_SECONDS", 0.02)


@pytest.fixture
def people() -> tuple[Owner, Owner]:
    return Owner(), Owner()


@pytest.fixture
def clouds(people: tuple[Owner, Owner]) -> Clouds:
    return Clouds(*people)


async def lived(one: Device) -> None:
    """A device with files whose backup is at the cloud, as one snapshot."""
    await one.memory.database.write(put_file, "/a")
    await one.delegate()
    await one.backed_up()


async def moved(one: Device, new: Owner) -> None:
    """The step to new words, as the vault takes it."""
    database = one.memory.database
    await database.write(rewrapping.stage, await database.read(restaged, NEW))
    delegation = new.delegation(one.key.public, one.generation)
    await one.backup.succeed(NEW, delegation, [StateValue("lineage", b"l", 0)])


async def test_the_new_log_begins_with_everything_and_the_old_one_gets_nothing_more(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        before = dict(clouds.of(old).entries)
        await moved(one, new)
        await one.backed_up()
        await one.memory.database.write(put_file, "/later", NEW)
        await one.backed_up()
        await moved(one, new)  # again, as after a crash: no change
        await one.backed_up()
        held = one.content()
    assert clouds.of(old).entries == before
    assert clouds.of(new).kinds()[0] is EntryKind.SNAPSHOT
    async with device(tmp_path / "two", new, clouds) as two:
        await two.restore(Vault(new))
        assert two.content() == held
        assert {each.wrapped for each in await two.memory.database.read(all_wraps)} == {wrapped(NEW)}
    async with device(tmp_path / "three", old, clouds) as three:
        await three.restore(Vault(old))
        assert {each.wrapped for each in await three.memory.database.read(all_wraps)} == {wrapped(OLD)}


async def test_an_entry_under_way_goes_to_the_log_that_it_was_made_for(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        log = clouds.of(old)
        log.slow = asyncio.Event()
        await one.memory.database.write(put_file, "/b")
        await log.waiting.wait()
        step = asyncio.create_task(moved(one, new))
        await asyncio.sleep(0.05)
        assert not step.done()
        log.slow.set()
        await step
        await one.backed_up()
    assert log.kinds() == [EntryKind.SNAPSHOT, EntryKind.CHANGESET]
    assert clouds.of(new).kinds() == [EntryKind.SNAPSHOT]


async def test_a_cloud_that_is_away_holds_nothing_up_and_the_snapshot_follows(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        clouds.of(new).away = True
        await moved(one, new)
        await one.until(lambda now: bool(now.problem))
    clouds.of(new).away = False
    async with device(tmp_path / "one", new, clouds) as one, one.running():  # after a restart too
        await one.backed_up()
    assert clouds.of(new).kinds() == [EntryKind.SNAPSHOT]


async def test_a_delegation_of_another_generation_moves_nothing(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        database = one.memory.database
        await database.write(rewrapping.stage, await database.read(restaged, NEW))
        error = await refused(one.backup.succeed(NEW, new.delegation(one.key.public, 2), []))
        assert (error.kind, error.reason) == (Kind.CONFLICT, "GENERATION_OLD")
        assert {each.wrapped for each in await database.read(all_wraps)} == {wrapped(OLD)}
        assert (await one.position()).locator == old.locator


def closer(one: Device, clouds: Clouds) -> Closer:
    return Closer(clouds, one.key, ManualClock(), os.urandom, lambda: one.outbox.schema)


def plain_of(owner: Owner, cloud: FakeCloud, seq: int) -> bytes:
    header, data = cloud.header(seq).header, cloud.entries[seq]
    body = data[PREFIX_SIZE + parse_prefix(data[:PREFIX_SIZE]) :]
    return b"".join(open_body(header, open_body_key(header, owner.kek.backup()), [body]))


async def test_the_old_log_is_closed_once(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        await moved(one, new)
        log, close = clouds.of(old), closer(one, clouds)
        log.deaf = True  # the cloud takes it and its answer is lost
        assert (
            await refused(close.close(one.delegation(), old.claim(1), b"successor"))
        ).kind is Kind.UNAVAILABLE
        log.deaf = False
        await close.close(one.delegation(), old.claim(1), b"successor")
        assert log.kinds()[-2:] == [EntryKind.SNAPSHOT, EntryKind.MOVED]
        assert plain_of(old, log, max(log.entries)) == b"successor"
    async with device(tmp_path / "two", old, clouds) as two:
        error = await refused(two.restore(Vault(old)))
        assert error.reason == "LOG_MOVED"
        assert "replaced by new ones on 20" in error.message


async def test_another_device_claims_the_old_log_before_it_closes_it(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, _ = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
    async with device(tmp_path / "two", old, clouds) as two:
        close = closer(two, clouds)
        await close.close(two.delegation(2), old.claim(2), b"s")
    assert clouds.of(old).kinds()[-2:] == [EntryKind.CLAIM, EntryKind.MOVED]


@pytest.mark.parametrize("place", ["header", "lost", "forged"])
async def test_what_is_broken_in_the_old_log_keeps_it_neither_open_nor_full(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds, place: str
) -> None:
    """A thief with the old words may have written what nobody can follow."""
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        await one.memory.database.write(state.put, "vault", [StateValue("more", b"m", 0)], [], check=False)
        await one.backed_up()
        await moved(one, new)
        log, generation = clouds.of(old), 1
        last = max(log.entries)
        match place:
            case "header":
                log.alter(1, 60)
            case "lost":
                del log.entries[1]
            case "forged":
                thief, generation = Author(old, 2), 3
                prev = log.header(last).record_hash()
                log.entries[last + 1], prev = thief.entry(prev, last + 1, EntryKind.CLAIM, base=1)
                log.entries[last + 2], _ = thief.entry(prev, last + 2, EntryKind.CHANGESET, base=1, schema=99)
        delegation = one.delegation(generation)
        await closer(one, clouds).close(delegation, old.claim(generation), b"successor")
        assert plain_of(old, log, max(log.entries)) == b"successor"
        emptier = Emptier(clouds, one.key)
        before, nonce = await emptier.begin(delegation)
        await emptier.empty(old.locator, before, nonce, b"s" * 64)
        assert log.kinds() == [EntryKind.MOVED]


async def test_a_log_that_does_not_exist_is_not_closed(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    async with device(tmp_path / "one", people[0], clouds) as one:
        await closer(one, clouds).close(one.delegation(), people[0].claim(1), b"s")
    assert clouds.of(people[0]).entries == {}


async def test_a_closed_log_is_emptied_and_opens_nothing_to_the_old_words(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        emptier = Emptier(clouds, one.key)
        assert (await refused(emptier.begin(one.delegation()))).reason == "LOG_OPEN"
        await moved(one, new)
        await closer(one, clouds).close(one.delegation(), old.claim(1), b"s")
        before, nonce = await emptier.begin(one.delegation())
        assert before == max(clouds.of(old).entries) > 1
        assert await emptier.empty(old.locator, before, nonce, b"s" * 64) == before - 1
        assert clouds.of(old).kinds() == [EntryKind.MOVED]
        assert await emptier.begin(one.delegation()) == (0, b"")
        await closer(one, clouds).close(one.delegation(), old.claim(1), b"s")  # and it is closed still
        assert clouds.of(old).kinds() == [EntryKind.MOVED]
    async with device(tmp_path / "two", old, clouds) as two:
        assert (await refused(two.restore(Vault(old)))).reason == "LOG_MOVED"


async def test_an_emptying_that_was_cut_off_is_gone_on_with(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    old, new = people
    async with device(tmp_path / "one", old, clouds) as one, one.running():
        await lived(one)
        await one.memory.database.write(state.put, "vault", [StateValue("more", b"m", 0)], [], check=False)
        await one.backed_up()
        await moved(one, new)
        await closer(one, clouds).close(one.delegation(), old.claim(1), b"s")
        assert clouds.of(old).kinds()[1:] == [EntryKind.CHANGESET, EntryKind.MOVED]
        del clouds.of(old).entries[1]
        before, nonce = await Emptier(clouds, one.key).begin(one.delegation())
        await Emptier(clouds, one.key).empty(old.locator, before, nonce, b"s" * 64)
        assert clouds.of(old).kinds() == [EntryKind.MOVED]


async def test_a_log_that_does_not_exist_needs_no_emptying(
    tmp_path: Path, people: tuple[Owner, Owner], clouds: Clouds
) -> None:
    async with device(tmp_path / "one", people[0], clouds) as one:
        assert await Emptier(clouds, one.key).begin(one.delegation()) == (0, b"")
