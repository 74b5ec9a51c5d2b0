"""A device without its process, what it holds, and its key and spool."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
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
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.adapters.cloud_files import DiskFiles, DiskSpool
from piccolo_metadata.adapters.cloud_key import own_key
from piccolo_metadata.adapters.schema import recorded_tables
from piccolo_metadata.core.backup_records import POSITION as POSITION_KEY
from piccolo_metadata.core.backup_records import Position
from piccolo_metadata.core.paths import Path as FilePath
from piccolo_metadata.engine import backup as backup_module
from piccolo_metadata.engine import files, publishing, state
from piccolo_metadata.engine.backup import Backup, Status
from piccolo_metadata.engine.backup_ledger import countersigned
from piccolo_metadata.engine.backup_ports import CloudLog
from piccolo_metadata.engine.backup_restore import Restored, Restorer, Wish
from piccolo_metadata.engine.backup_writer import Writer
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import Outbox, Transaction
from piccolo_metadata.testing import ManualClock, TestMemory, memory
from piccolo_metadata.tests.builders import a_file, an_intent, content_of
from piccolo_metadata.tests.test_backup_fakes import FakeCloud, Owner, Vault

SNAPSHOT, CHANGESET, CLAIM, MOVED = (
    EntryKind.SNAPSHOT,
    EntryKind.CHANGESET,
    EntryKind.CLAIM,
    EntryKind.MOVED,
)
Wrap = Callable[[str, Any], Any]
Content = dict[str, list[tuple[Any, ...]]]
OWNER = Owner()
LIVES: dict[int, tuple[Path, dict[int, bytes], dict[int, Content]]] = {}


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

    async def until(self, good: Callable[[Status], bool], seconds: float = 60) -> Status:
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

    def content(self) -> Content:
        """What the owner has, apart from what a restore is to change."""
        return content(self.memory.database.path)


def content(path: Path) -> Content:
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


def flipped(data: bytes, at: int) -> bytes:
    return bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])


@pytest.mark.parametrize(
    ("part", "spoil"),
    [
        ("body", lambda data: data[:-1]),
        ("body", lambda data: flipped(data, len(data) // 2)),
        ("prefix", lambda data: flipped(data, 0)),
        ("prefix", lambda data: flipped(data, len(data) // 2)),
        ("prefix", lambda data: flipped(data, len(data) - 1)),
    ],
)
async def test_a_damaged_spool_is_made_anew(
    tmp_path: Path, owner: Owner, cloud: FakeCloud, part: str, spoil: Callable[[bytes], bytes]
) -> None:
    async with device(tmp_path / "one", owner, cloud) as one, one.running():
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        cloud.away = True
        await one.make("b")
        await one.until(lambda now: bool(now.problem))
    (kept,) = (tmp_path / "one/backup/spool").glob(f"*.{part}")
    kept.write_bytes(spoil(kept.read_bytes()))
    cloud.away = False
    async with device(tmp_path / "one", owner, cloud) as one, one.running():
        await one.until(lambda now: now.seq == 2)
    check_log(owner, cloud)


async def test_a_spool_that_the_disk_does_not_read_is_made_anew(
    tmp_path: Path, owner: Owner, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with device(tmp_path / "one", owner, cloud) as one, one.running():
        await one.delegate()
        await one.make("a")
        await one.backed_up()
        cloud.away = True
        await one.make("b")
        await one.until(lambda now: bool(now.problem))
    cloud.away, bad, read = False, {2}, DiskSpool.read

    async def failing(spool: DiskSpool, seq: int) -> AsyncGenerator[bytes]:
        async with aclosing(read(spool, seq)) as pieces:
            yield await anext(pieces)
            if seq in bad:
                raise PiccoloError(Kind.UNAVAILABLE, "DISK_FAILED", "The disk does not read it.")
            async for piece in pieces:
                yield piece

    def heal(spool: DiskSpool, except_seq: int | None) -> None:
        bad.clear()  # what is written anew lies elsewhere
        discard(spool, except_seq)

    discard = DiskSpool._discard
    monkeypatch.setattr(DiskSpool, "read", failing)
    monkeypatch.setattr(DiskSpool, "_discard", heal)
    async with device(tmp_path / "one", owner, cloud) as one, one.running():
        await one.until(lambda now: now.seq == 2)
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
    written = path.read_bytes()
    flipped = (bytes([*written[:at], written[at] ^ 1, *written[at + 1 :]]) for at in range(len(written)))
    for spoilt in (b"", b"short", *flipped):
        path.write_bytes(spoilt)
        with pytest.raises(PiccoloError) as told:
            own_key(path, os.urandom)
        assert (told.value.kind, told.value.reason) == (Kind.PRECONDITION, "KEY_DAMAGED")


async def test_a_long_seal_ends_when_the_process_stops(tmp_path: Path) -> None:
    spool, begun, loop = DiskSpool(tmp_path / "spool"), asyncio.Event(), asyncio.get_running_loop()

    def endless(write: Callable[[bytes], object]) -> bytes:
        while True:
            write(bytes(1000))
            loop.call_soon_threadsafe(begun.set)

    async with asyncio.timeout(60):
        task = asyncio.create_task(spool.store(1, endless))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await spool.size(1) is None


async def test_an_older_countersignature_replaces_no_newer_one(one: Device, owner: Owner) -> None:
    await one.delegate()
    heads = []
    for name in ("a", "b"):
        await one.make(name)
        heads.append(owner.countersigned((await one.backed_up()).head))
    for head in (heads[1], heads[0]):
        await one.backup.countersign(head)
    assert await one.memory.database.read(countersigned) == heads[1]
