"""Writing the log: a real database, and a cloud that is away, full, deaf, older, or somebody else's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_body import open_body, open_body_key
from piccolo_formats.backup_chain import LogVerifier
from piccolo_formats.backup_entry import split_entry
from piccolo_formats.changesets import read_changesets
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import EntryKind, Head
from piccolo_formats.signed import open_signed, sign

from piccolo_metadata.adapters.cloud_files import DiskFiles, DiskSpool
from piccolo_metadata.adapters.cloud_key import own_key
from piccolo_metadata.adapters.schema import recorded_tables
from piccolo_metadata.core.backup_records import PENDING, Position
from piccolo_metadata.core.backup_records import POSITION as POSITION_KEY
from piccolo_metadata.core.paths import Path as FilePath
from piccolo_metadata.engine import backup as backup_module
from piccolo_metadata.engine import files, publishing, state
from piccolo_metadata.engine.backup import Backup, Status
from piccolo_metadata.engine.backup_ports import CloudLog
from piccolo_metadata.engine.backup_restore import Restored, Restorer, Wish
from piccolo_metadata.engine.backup_writer import Writer
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import SNAPSHOT_WANTED, Outbox, Transaction
from piccolo_metadata.testing import ManualClock, TestMemory, memory
from piccolo_metadata.tests.builders import a_file, an_intent, content_of
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner, Vault

SNAPSHOT, CHANGESET, CLAIM = EntryKind.SNAPSHOT, EntryKind.CHANGESET, EntryKind.CLAIM
Wrap = Callable[[str, Any], Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are gathered for a moment only."""
    monkeypatch.setattr(backup_module, "GATHER_SECONDS", 0.02)


@dataclass
class Device:
    """The metadata service of one device, without its process."""

    folder: Path
    owner: Owner
    memory: TestMemory
    backup: Backup
    restorer: Restorer
    spool: DiskSpool
    key: SigningKey
    generation: int

    @property
    def outbox(self) -> Outbox:
        return self.memory.outbox

    def delegation(self, generation: int | None = None) -> bytes:
        return self.owner.delegation(self.key.public, generation or self.generation)

    async def delegate(self) -> None:
        await self.backup.delegate(self.delegation())

    async def make(self, *names: str) -> None:
        """Changes of all sorts, one commit a name."""
        for name in names:
            await self.memory.database.write(change, name, os.urandom(20))

    async def position(self) -> Position:
        data = await self.outbox.local(POSITION_KEY)
        assert data is not None
        return Position.from_record(data)

    async def until(self, good: Callable[[Status], bool], seconds: float = 20) -> Status:
        """The first status that is good."""
        async with asyncio.timeout(seconds):
            async for status in self.backup.watch(asyncio.Event()):
                if good(status):
                    return status
        raise AssertionError("the status never was as it should be")

    async def backed_up(self) -> Status:
        """Everything is at the cloud, and nothing is wrong."""
        return await self.until(
            lambda now: now.enabled and not now.pending and now.seq > 0 and not now.problem
        )

    async def backed_up_with_problem(self) -> Status:
        """Everything is at the cloud, and there is something to be told."""
        return await self.until(
            lambda now: (
                now.enabled and not now.pending and bool(now.problem) and "snapshot" not in now.problem
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The background task runs meanwhile."""
        task = asyncio.create_task(self.backup.run())
        try:
            yield
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def restore(self, vault: Vault, seq: int = 0, *, accept_broken: bool = False) -> Restored:
        """Restores by the words; as a blank device does, with a delegation to read by."""
        wish = Wish(self.delegation(1), seq, accept_broken)
        async with self.backup.paused():
            return await self.restorer.restore(wish, vault)

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """What the owner has, apart from what a restore is to change."""
        return content(self.memory.database.path)


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = set(recorded_tables(connection)) - {"progress", "audit"}
        return content_of(connection, sorted(tables))
    finally:
        connection.close()


def change(tx: Transaction, name: str, value: bytes) -> None:
    """A value, a directory and a file."""
    state.put(tx, "test", [StateValue(name, value, 0)], [], check=False)
    files.make_directory(tx, FilePath.parse(f"/directories/{name}"))
    intent = an_intent(a_file(f"/files/{name}", (name, value)))
    publishing.prepare(tx, intent)
    publishing.publish(tx, intent.object.object_id, ())


@asynccontextmanager
async def device(
    folder: Path,
    owner: Owner,
    cloud: CloudLog,
    *,
    generation: int = 1,
    wrap: Wrap = lambda _name, part: part,
) -> AsyncIterator[Device]:
    """A device with its state in a folder; `wrap` may put something around each of its parts."""
    async with memory(folder, ManualClock()) as memories:
        key = own_key(folder / "backup/key", os.urandom)
        disk = DiskSpool(folder / "backup/spool")
        outbox, spool, log = wrap("outbox", memories.outbox), wrap("spool", disk), wrap("cloud", cloud)
        writer = Writer(outbox, log, spool, DiskFiles(), key, memories.clock, os.urandom)
        backup = Backup(memories.database, outbox, log, writer, key, lambda: 0.0)
        restorer = Restorer(memories.database, outbox, log, DiskFiles(), key.public)
        yield Device(folder, owner, memories, backup, restorer, disk, key, generation)


def check_log(owner: Owner, cloud: FakeCloud) -> list[int]:
    """Every entry verifies and opens, and the outbox numbers have no gap; returns them."""
    verifier, numbers = LogVerifier(owner.locator), [0]
    for seq in sorted(cloud.entries):
        signed, body = split_entry([cloud.entries[seq]])
        header = verifier.add(signed).header
        plain = b"".join(open_body(header, open_body_key(header, owner.kek.backup()), body))
        if header.kind is CHANGESET:
            for changeset in read_changesets([plain]):
                assert changeset.first == numbers[-1] + 1
                numbers.append(changeset.last)
        elif header.kind is SNAPSHOT:
            assert plain.startswith(b"SQLite format 3\x00")
            numbers.append(_snapshot_number(plain))
    return numbers[1:]


def _snapshot_number(plain: bytes) -> int:
    connection = apsw.Connection(":memory:")
    connection.deserialize("main", plain)
    found = connection.execute("SELECT CAST(value AS TEXT) FROM local WHERE key = 'snapshot.number'").get
    connection.close()
    return int(found)


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
    monkeypatch.setattr(backup_module, "GATHER_SECONDS", 0.3)
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


class TestCloudInTrouble:
    async def test_away_and_back(self, one: Device, cloud: FakeCloud, owner: Owner) -> None:
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
        await one.until(lambda now: now.pending == 1)
        await asyncio.sleep(0.1)
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
        assert status.problem == "The log is full."
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
            heir = Author(owner, generation=2)
            last = status.seq + 1
            cloud.entries[last], _ = heir.entry(status.head_hash, last, CLAIM, base=1)
            await one.make("b")
            status = await one.until(lambda now: now.fenced)
            assert "generation 2" in status.problem
            assert status.pending == 1
        calls = cloud.calls
        async with device(tmp_path / "one", owner, cloud) as one, one.running():
            await one.delegate()
            await one.make("c")
            await asyncio.sleep(0.1)
            status = await one.backup.status()
            assert status.fenced
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
        await one.delegate()
        await one.make("a")
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
        async with asyncio.timeout(10):
            seq = await one.backup.start_snapshot()
        assert cloud.kinds()[-1] is SNAPSHOT
        assert seq == max(cloud.entries)

    async def test_it_says_why_not_and_does_it_later(self, one: Device, cloud: FakeCloud) -> None:
        await one.delegate()
        await one.make(*map(str, range(50)))
        await one.backed_up()
        cloud.away = True
        with pytest.raises(PiccoloError) as told:
            async with asyncio.timeout(10):
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


async def test_a_damaged_spool_is_made_anew(tmp_path: Path, owner: Owner, cloud: FakeCloud) -> None:
    async with device(tmp_path / "one", owner, cloud) as one, one.running():
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        cloud.away = True
        await one.make("b")
        await one.until(lambda now: bool(now.problem))
    (body,) = (tmp_path / "one/backup/spool").glob("*.body")
    body.write_bytes(body.read_bytes()[:-1])
    cloud.away = False
    async with device(tmp_path / "one", owner, cloud) as one, one.running():
        await one.backed_up()
    check_log(owner, cloud)


async def test_a_full_disk(one: Device, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    await one.delegate()
    await one.make("a")
    await one.backed_up()

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DiskSpool, "_store", refuse)
        await one.make("b")
        status = await one.until(lambda now: bool(now.problem))
        assert "disk of this device is full" in status.problem
    one.backup.wake()
    await one.backed_up()


def test_the_key_is_made_once_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "backup/key"
    first = own_key(path, os.urandom)
    assert own_key(path, os.urandom) == first
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    with pytest.raises(PiccoloError) as told:
        own_key(path, os.urandom)
    assert (told.value.kind, told.value.reason) == (Kind.PRECONDITION, "KEY_DAMAGED")
