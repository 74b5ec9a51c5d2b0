"""Honest fakes of what the way of a file works with: metadata, keepers, circle and keys, in memory.

Rules:
* A fake keeps the contract of its port: what it accepted is there afterwards, what it refused is not.
* What may go wrong is set from outside: a keeper is down, hangs, trickles, lies, is full, dies in the
  middle; a `Steps` stops the world before or after any call to the outside, as a crash of the vault would.
* Signatures, hashes and receipts are real.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import DIGEST_SIZE, digest
from piccolo_formats.kek import Kek, owner_id
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.merkle import leaf, make_proof, root
from piccolo_formats.records.commit import Commit
from piccolo_formats.records.keeping import FragmentState, Receipt, ReceiptEntry, Tombstone
from piccolo_formats.records.manifest import Content, Layout
from piccolo_formats.signed import open_signed, sign

from piccolo_vault.core.circle import Circle, Member, Standing
from piccolo_vault.ports.keepers import Blocks, Head, Kept, KeptState, PutAnswer, Room
from piccolo_vault.ports.objects import (
    Entry,
    Intent,
    Manifest,
    NewFile,
    PendingTombstone,
    Progress,
    Published,
    Refusal,
    Repair,
    StoredObject,
    Upload,
)

CHECKPOINT_BYTES = 16 * 1_048_576


class Steps:
    """Counts calls to the outside; at the chosen one the world stands still, as if the vault had gone."""

    def __init__(self) -> None:
        self.count = 0
        self.stop_at: int | None = None
        self.after = False
        self.reached = asyncio.Event()
        self.names: list[str] = []
        self._next = asyncio.Event()

    async def next(self) -> None:
        """Returns at the next call to the outside."""
        await self._next.wait()

    async def enter(self, name: str) -> int:
        """A call begins; returns its number."""
        number = self.count
        self.count += 1
        self.names.append(name)
        self._next.set()
        self._next = asyncio.Event()
        if number == self.stop_at and not self.after:
            await self._stand_still()
        elif self.reached.is_set():
            await asyncio.Event().wait()
        return number

    async def leave(self, number: int) -> None:
        """A call has had its effect."""
        if number == self.stop_at and self.after:
            await self._stand_still()

    async def _stand_still(self) -> None:
        self.reached.set()
        await asyncio.Event().wait()


class FakeTasks:
    """A parent for tasks, which ends them all at once."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def create_task(self, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a task."""
        task = asyncio.create_task(coro)
        self.tasks.append(task)
        return task

    async def finish(self) -> None:
        """Ends all tasks; raises what one of them failed with."""
        for task in self.tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        self.tasks.clear()


class FakeKeyring:
    """An owner's keys; `locked` takes the KEK away."""

    def __init__(self) -> None:
        self._kek = Kek(bytes(range(32)))
        self._signing, self._local = SigningKey(bytes(31) + b"\x01"), bytes(31) + b"\x02"
        self.locked = False
        self.bury = True

    def kek(self) -> Kek:
        """Returns the KEK; see ports.keyring."""
        if self.locked:
            raise PiccoloError(Kind.LOCKED, "LOCKED", "The vault is locked: enter your passphrase.")
        return self._kek

    def kek_epoch(self) -> int:
        """Returns 1."""
        return 1

    def owner_id(self) -> bytes:
        """Returns the owner."""
        return owner_id(self._kek.owner_root().public)

    def generation(self) -> int:
        """Returns 1."""
        return 1

    def backup_public(self) -> bytes:
        """Returns the key that commit records are sealed to."""
        return self._kek.backup().public

    def signing_key(self) -> SigningKey:
        """Returns the role key."""
        return self._signing

    def local_key(self) -> bytes:
        """Returns the device's own key."""
        return self._local

    def tls_identity(self) -> tuple[bytes, bytes]:
        """Returns nothing that could be dialled with."""
        return b"", b""

    def may_bury(self) -> bool:
        """Returns what was set."""
        return self.bury


@dataclass
class FakeCircle:
    """A circle of fake keepers."""

    circle: Circle
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def current(self) -> Circle:
        """Returns the circle."""
        return self.circle

    async def changed(self) -> None:
        """Returns at the next change."""
        await self.event.wait()
        self.event.clear()

    def replace(self, members: Sequence[Member]) -> None:
        """Changes the members."""
        self.circle = replace(self.circle, epoch=self.circle.epoch + 1, members=tuple(members))
        self.event.set()


@dataclass
class Fragment:
    """A fragment on a fake disk."""

    head: Head
    blocks: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    durable: int = 0
    state: KeptState = KeptState.INCOMING
    root: bytes = b""
    record: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of its blocks."""
        return sum(self.sizes)


class FakeKeeper:
    """A member's fragment-store in memory, with everything that can be wrong with one."""

    def __init__(self, number: int, owner: bytes, steps: Steps) -> None:
        self.key = SigningKey(bytes([7, number]) + bytes(30))
        self.member = Member(
            owner_id=digest("test-member", bytes([number])),
            name=f"member-{number}",
            standing=Standing.ACTIVE,
            endpoints=(f"127.0.0.1:{10_000 + number}",),
            server_certificate=b"certificate",
            receipt_key=self.key.public,
            generation=1,
            offer_bytes=2**40,
        )
        self._owner, self._steps = owner, steps
        self.fragments: dict[bytes, Fragment] = {}
        self.tombstones: list[bytes] = []
        self.down = self.hangs = self.full = False
        self.lies_on_get = self.lies_on_receipt = False
        self.forgetful = False
        self.seconds_per_message = 0.0
        self.dies_after_blocks: int | None = None
        self.puts = self.gets = 0

    async def _enter(self, name: str) -> int:
        number = await self._steps.enter(f"{self.member.name}.{name}")
        self._check()
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.seconds_per_message)
        return number

    def _check(self) -> None:
        if self.down:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", f"{self.member.name} cannot be reached.")

    def live(self, fragment_id: bytes) -> Fragment | None:
        """Returns a committed fragment."""
        kept = self.fragments.get(fragment_id)
        return kept if kept and kept.state is KeptState.LIVE else None

    def receipt(self, kept: Fragment) -> bytes:
        """Signs for a fragment."""
        state = FragmentState.COMMITTED if kept.state is KeptState.LIVE else FragmentState.PROVISIONAL
        entry = ReceiptEntry(
            fragment_id=kept.head.fragment_id,
            root=bytes(32) if self.lies_on_receipt else kept.root,
            size=kept.size,
            state=state,
            generation=kept.head.generation,
            seq=kept.head.seq,
        )
        record = Receipt(
            keeper=self.member.owner_id, generation=1, owner=self._owner, entries=(entry,), time=1
        )
        return sign(record, self.key).to_bytes()

    async def store(self, head: Head, blocks: bytes, root_: bytes, record: bytes) -> bytes:
        """Keeps and commits a whole fragment."""
        number = await self._enter("store")
        self._take_in(head)
        open_signed(Commit, record)
        pieces = [blocks[at : at + head.block_size] for at in range(0, len(blocks), head.block_size)]
        leaves = [leaf(piece) for piece in pieces]
        if root(leaves, head.block_size, len(pieces[-1])) != root_:
            raise PiccoloError(Kind.INVALID, "ROOT_DIFFERS", "The blocks have another root.")
        kept = Fragment(head, pieces, leaves, [len(piece) for piece in pieces], len(pieces))
        kept.state, kept.root, kept.record = KeptState.LIVE, root_, record
        self.fragments[head.fragment_id] = kept
        await self._steps.leave(number)
        return self.receipt(kept)

    def put(self, head: Head, resume_at: int | None = None) -> FakePut:
        """Begins or resumes a fragment."""
        self.puts += 1
        return FakePut(self, head, resume_at)

    async def commit(self, fragment_id: bytes, root_: bytes, record: bytes) -> bytes:
        """Commits a whole fragment."""
        number = await self._enter("commit")
        open_signed(Commit, record)
        kept = self.fragments.get(fragment_id)
        if kept is None or kept.state not in (KeptState.PROVISIONAL, KeptState.LIVE):
            raise PiccoloError(Kind.NOT_FOUND, "NO_FRAGMENT", "There is no whole fragment of that id.")
        if kept.root != root_:
            raise PiccoloError(Kind.CONFLICT, "ROOT_DIFFERS", "The fragment has another root.")
        kept.state, kept.record = KeptState.LIVE, record
        await self._steps.leave(number)
        return self.receipt(kept)

    async def get(self, fragment_id: bytes, first_block: int, blocks: int, limit: int) -> Blocks:
        """Returns blocks with their proof."""
        await self._enter("get")
        self.gets += 1
        kept = self.fragments.get(fragment_id)
        if kept is None or kept.state not in (KeptState.LIVE, KeptState.PROVISIONAL):
            raise PiccoloError(Kind.NOT_FOUND, "NO_FRAGMENT", "There is no such fragment.")
        stop = first_block + blocks
        message = b"".join(kept.blocks[first_block:stop])
        if self.lies_on_get:
            message = bytes([message[0] ^ 1]) + message[1:]
        return Blocks(
            block_size=kept.head.block_size,
            last_block_size=kept.sizes[-1],
            total_blocks=len(kept.blocks),
            leaves=b"".join(kept.leaves[first_block:stop]),
            proof=b"".join(make_proof(kept.leaves, first_block, stop)),
            messages=(message,),
        )

    async def stat(self, fragment_ids: Sequence[bytes]) -> list[Kept]:
        """Tells states."""
        await self._enter("stat")
        absent = Fragment(Head(b"", 1, 0, 0), state=KeptState.ABSENT)
        found = [(each, self.fragments.get(each, absent)) for each in fragment_ids]
        return [Kept(each, kept.state, kept.size, kept.root) for each, kept in found]

    async def put_record(self, fragment_id: bytes, record: bytes) -> None:
        """Replaces a commit record by a newer one."""
        number = await self._enter("put_record")
        kept = self.live(fragment_id)
        if kept is None:
            raise PiccoloError(Kind.NOT_FOUND, "NO_FRAGMENT", "There is no such live fragment.")
        new, old = open_signed(Commit, record).record, open_signed(Commit, kept.record).record
        if (new.generation, new.seq) > (old.generation, old.seq):
            kept.record = record
        await self._steps.leave(number)

    async def bury(self, tombstone: bytes) -> None:
        """Moves fragments into the trash."""
        number = await self._enter("bury")
        root_key = Kek(bytes(range(32))).owner_root().public
        record = open_signed(Tombstone, tombstone, [root_key]).record
        self.tombstones.append(tombstone)
        for fragment_id in record.fragments:
            if (kept := self.fragments.get(fragment_id)) is not None:
                kept.state = KeptState.TRASH
        await self._steps.leave(number)

    async def room(self) -> Room:
        """Tells its space."""
        await self._enter("room")
        return Room(self.full, 2**40)

    def _take_in(self, head: Head) -> Fragment | None:
        if self.full:
            raise PiccoloError(Kind.FULL, "KEEPER_FULL", f"{self.member.name} is full.")
        return self.fragments.get(head.fragment_id)


class FakePut:
    """A fragment on its way to a fake keeper."""

    def __init__(self, keeper: FakeKeeper, head: Head, resume_at: int | None) -> None:
        self._keeper, self._head, self._resume_at = keeper, head, resume_at
        self._answers: asyncio.Queue[PutAnswer | PiccoloError | None] = asyncio.Queue()
        self._kept: Fragment | None = None
        self._pending = 0
        self._closed = False

    async def send(self, blocks: bytes) -> None:
        """Takes blocks."""
        await self._pass("put.send")
        kept = self._opened()
        size = kept.head.block_size
        for at in range(0, len(blocks), size):
            piece = blocks[at : at + size]
            kept.blocks.append(b"" if self._keeper.forgetful else piece)
            kept.leaves.append(leaf(piece))
            kept.sizes.append(len(piece))
        self._pending += len(blocks)
        if self._pending >= CHECKPOINT_BYTES:
            self._make_durable()

    async def checkpoint(self) -> None:
        """Makes durable what came."""
        await self._pass("put.checkpoint")
        self._make_durable()

    async def finish(self, blocks: int, root_: bytes) -> None:
        """Ends the fragment."""
        number = await self._pass("put.finish")
        kept = self._opened()
        if len(kept.leaves) != blocks or root(kept.leaves, kept.head.block_size, kept.sizes[-1]) != root_:
            self._answers.put_nowait(PiccoloError(Kind.INVALID, "ROOT_DIFFERS", "Another root."))
            return
        kept.state, kept.root, kept.durable = KeptState.PROVISIONAL, root_, blocks
        await self._keeper._steps.leave(number)
        self._answers.put_nowait(PutAnswer(blocks, receipt=self._keeper.receipt(kept)))
        self._answers.put_nowait(None)

    async def answer(self) -> PutAnswer | None:
        """Returns the next answer."""
        if self._kept is None:
            return await self._begin()
        told = await self._answers.get()
        if isinstance(told, PiccoloError):
            raise told
        return told

    def close(self) -> None:
        """Ends the stream."""
        self._closed = True

    async def _begin(self) -> PutAnswer:
        await self._pass("put.open")
        kept = self._keeper._take_in(self._head) or Fragment(self._head)
        keep = kept.durable if self._resume_at is None else min(self._resume_at, kept.durable)
        del kept.blocks[keep:], kept.leaves[keep:], kept.sizes[keep:]
        kept.durable, kept.state, kept.root = keep, KeptState.INCOMING, b""
        self._keeper.fragments[self._head.fragment_id] = self._kept = kept
        return PutAnswer(keep, digest("leaves", b"".join(kept.leaves)))

    async def _pass(self, name: str) -> int:
        number = await self._keeper._enter(name)
        if self._closed:
            raise PiccoloError(Kind.CANCELLED, "CLOSED", "The stream is closed.")
        dies = self._keeper.dies_after_blocks
        if dies is not None and self._kept is not None and len(self._kept.leaves) >= dies:
            self._keeper.down = True
            del self._kept.leaves[self._kept.durable :]
            self._answers.put_nowait(PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "It died."))
            self._keeper._check()
        return number

    def _opened(self) -> Fragment:
        if self._kept is None:
            raise AssertionError("blocks were sent before the keeper answered the opening")
        return self._kept

    def _make_durable(self) -> None:
        kept = self._opened()
        kept.durable, self._pending = len(kept.leaves), 0
        self._answers.put_nowait(PutAnswer(kept.durable))


class FakeKeepers:
    """The members' keepers by owner."""

    def __init__(self, keepers: Sequence[FakeKeeper]) -> None:
        self.by_owner = {keeper.member.owner_id: keeper for keeper in keepers}

    def keeper(self, member: Member) -> FakeKeeper:
        """Returns the member's keeper."""
        return self.by_owner[member.owner_id]


@dataclass
class _Version:
    file: NewFile
    object_id: bytes


class FakeObjects:
    """Metadata in memory: what was answered is durable, in one transaction each."""

    def __init__(self, steps: Steps, now: Callable[[], float]) -> None:
        self._steps, self._now = steps, now
        self.down = False
        self._number = self.revision = 0
        self.uploads: dict[str, Upload] = {}
        self.leaves: dict[str, bytes] = {}
        self.intents: dict[bytes, Intent] = {}
        self.objects: dict[bytes, StoredObject] = {}
        self.versions: dict[bytes, _Version] = {}
        self.entries: dict[str, Entry] = {}
        self.published: dict[bytes, list[Published]] = {}
        self.repairs: dict[bytes, Repair] = {}
        self.pending: dict[int, tuple[bytes, set[bytes]]] = {}
        self.state: dict[str, bytes] = {}

    async def _enter(self, name: str) -> int:
        number = await self._steps.enter(f"metadata.{name}")
        if self.down:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "Metadata does not answer.")
        return number

    async def reserve(self, count: int) -> tuple[int, int]:
        """Draws numbers."""
        await self._enter("reserve")
        first = self._number + 1
        self._number += count
        return first, 1

    async def begin_upload(self, upload: Upload) -> None:
        """Journals an upload."""
        number = await self._enter("begin_upload")
        self.uploads[upload.upload_id], self.leaves[upload.upload_id] = upload, b""
        await self._steps.leave(number)

    async def checkpoint(self, upload_id: str, first_segment: int, leaves: bytes) -> int:
        """Records segments."""
        number = await self._enter("checkpoint")
        upload = self.uploads[upload_id]
        if first_segment != upload.durable_segments:
            raise PiccoloError(Kind.PRECONDITION, "NOT_CONTIGUOUS", "Segments are missing in between.")
        self.leaves[upload_id] += leaves
        count = len(self.leaves[upload_id]) // (DIGEST_SIZE * upload.blocks)
        self.uploads[upload_id] = replace(upload, durable_segments=count)
        await self._steps.leave(number)
        return count

    async def get_upload(self, upload_id: str) -> Upload:
        """Returns an upload."""
        await self._enter("get_upload")
        if upload_id not in self.uploads:
            raise PiccoloError(Kind.NOT_FOUND, "NO_UPLOAD", "No such upload.")
        return self.uploads[upload_id]

    async def read_leaves(self, upload_id: str) -> AsyncIterator[bytes]:
        """Yields leaves, two segments at a time."""
        await self._enter("read_leaves")
        leaves, step = self.leaves[upload_id], 2 * DIGEST_SIZE * self.uploads[upload_id].blocks
        for at in range(0, len(leaves), step):
            yield leaves[at : at + step]

    async def list_uploads(self) -> list[Upload]:
        """Returns all uploads."""
        await self._enter("list_uploads")
        return list(self.uploads.values())

    async def forget_upload(self, upload_id: str) -> None:
        """Forgets an upload."""
        number = await self._enter("forget_upload")
        self._forget(upload_id)
        await self._steps.leave(number)

    def _forget(self, upload_id: str) -> None:
        self.uploads.pop(upload_id, None)
        self.leaves.pop(upload_id, None)

    def _refusal(self, index: int, file: NewFile) -> Refusal | None:
        there = self.entries.get(file.path)
        found = there.revision if there else 0
        if file.expected_revision is None or file.expected_revision == found:
            return None
        return Refusal(index, "REVISION", f"{file.path} has changed since you saw it.")

    async def prepare(self, intent: Intent) -> list[Refusal]:
        """Journals an intent."""
        number = await self._enter("prepare")
        refused = [each for i, file in enumerate(intent.files) if (each := self._refusal(i, file))]
        gone = {each.index for each in refused}
        files = tuple(file for index, file in enumerate(intent.files) if index not in gone)
        if files:
            if intent.stored.object_id in self.intents:
                raise PiccoloError(Kind.ALREADY_EXISTS, "INTENT", "There is such an intent.")
            self.intents[intent.stored.object_id] = replace(intent, files=files)
        await self._steps.leave(number)
        return refused

    async def publish(self, object_id: bytes, missing: Sequence[int]) -> list[Published]:
        """Makes files visible."""
        number = await self._enter("publish")
        if object_id not in self.intents:
            if object_id not in self.published:
                raise PiccoloError(Kind.NOT_FOUND, "NO_INTENT", "No such intent.")
            return self.published[object_id]
        intent = self.intents.pop(object_id)
        self.objects[object_id] = replace(intent.stored, missing=tuple(missing))
        results = []
        for index, file in enumerate(intent.files):
            refusal = self._refusal(index, file)
            results.append(Published(None if refusal else self._name(file, object_id), refusal))
            self._forget(file.upload_id)
        if missing:
            self.repairs[object_id] = Repair(object_id, 1, "missing", int(self._now()))
        self.published[object_id] = results
        await self._steps.leave(number)
        return results

    def _name(self, file: NewFile, object_id: bytes) -> Entry:
        assert Content.from_record(file.content.content).size == file.size
        self.revision += 1
        entry = Entry(file.path, self.revision, file.version_id, file.size, file.modified, file.media)
        self.entries[file.path] = entry
        self.versions[file.version_id] = _Version(file, object_id)
        return entry

    async def list_intents(self) -> list[Intent]:
        """Returns open intents."""
        await self._enter("list_intents")
        return list(self.intents.values())

    async def abandon(self, object_id: bytes) -> None:
        """Drops an intent."""
        number = await self._enter("abandon")
        self.intents.pop(object_id, None)
        await self._steps.leave(number)

    async def get_manifest(self, path: str, version_id: bytes) -> Manifest:
        """Returns a manifest."""
        await self._enter("get_manifest")
        if path not in self.entries:
            raise PiccoloError(Kind.NOT_FOUND, "NO_FILE", f"There is no file {path}.")
        entry = self.entries[path]
        version = self.versions[version_id or entry.version_id]
        return Manifest(entry, version.file.content, self.objects[version.object_id])

    async def get_object(self, object_id: bytes) -> StoredObject:
        """Returns an object."""
        await self._enter("get_object")
        if object_id not in self.objects:
            raise PiccoloError(Kind.NOT_FOUND, "NO_OBJECT", "No such object.")
        return self.objects[object_id]

    async def list_objects(
        self, *, under: str = "", keeper: bytes = b"", page_token: str = "", page_size: int = 1000
    ) -> tuple[list[StoredObject], str]:
        """Returns a page of objects."""
        await self._enter("list_objects")
        found = sorted(
            (each for each in self.objects.values() if self._wanted(each, under, keeper)),
            key=lambda each: each.object_id,
        )
        rest = [each for each in found if each.object_id.hex() > page_token]
        page = rest[:page_size]
        return page, page[-1].object_id.hex() if len(rest) > page_size else ""

    def _wanted(self, stored: StoredObject, under: str, keeper: bytes) -> bool:
        named = {
            self.versions[entry.version_id].object_id
            for p, entry in self.entries.items()
            if p.startswith(under)
        }
        if under and stored.object_id not in named:
            return False
        return not keeper or keeper in open_signed(Layout, stored.layout).record.keepers

    async def list_object_files(self, object_id: bytes) -> list[NewFile]:
        """Returns the files in an object."""
        await self._enter("list_object_files")
        current = {entry.version_id for entry in self.entries.values()}
        return [
            version.file if version.file.version_id in current else replace(version.file, path="")
            for version in self.versions.values()
            if version.object_id == object_id
        ]

    async def update_layout(self, stored: StoredObject, expected_layout: bytes) -> None:
        """Replaces a layout."""
        number = await self._enter("update_layout")
        if stored.object_id not in self.objects:
            raise PiccoloError(Kind.NOT_FOUND, "NO_OBJECT", "No such object.")
        if self.objects[stored.object_id].layout != expected_layout:
            raise PiccoloError(Kind.CONFLICT, "LAYOUT", "The layout has changed.")
        self.objects[stored.object_id] = stored
        await self._steps.leave(number)

    async def enqueue_repairs(self, repairs: Sequence[Repair]) -> None:
        """Queues repairs."""
        await self._enter("enqueue_repairs")
        for each in repairs:
            there = self.repairs.get(each.object_id)
            if there is None or (each.margin, each.not_before) < (there.margin, there.not_before):
                self.repairs[each.object_id] = each

    async def list_repairs(self, *, due: bool, page_size: int = 100) -> tuple[list[Repair], int]:
        """Returns the queue."""
        await self._enter("list_repairs")
        queue = sorted(self.repairs.values(), key=lambda each: (each.margin, each.not_before))
        ready = [each for each in queue if not due or each.not_before <= self._now()]
        return ready[:page_size], len(queue)

    async def finish_repair(self, object_id: bytes, retry_at: int | None = None) -> None:
        """Ends or postpones a repair."""
        number = await self._enter("finish_repair")
        there = self.repairs.pop(object_id, None)
        if there is not None and retry_at is not None:
            self.repairs[object_id] = replace(there, not_before=retry_at, tries=there.tries + 1)
        await self._steps.leave(number)

    async def list_reclaimable(self, page_size: int = 1000) -> list[StoredObject]:
        """Returns objects without a name."""
        await self._enter("list_reclaimable")
        named = {self.versions[entry.version_id].object_id for entry in self.entries.values()}
        return [each for each in self.objects.values() if each.object_id not in named][:page_size]

    async def record_tombstone(
        self, tombstone: bytes, object_ids: Sequence[bytes], keepers: Sequence[bytes]
    ) -> int:
        """Queues a tombstone."""
        number = await self._enter("record_tombstone")
        tombstone_id = len(self.pending) + 1
        self.pending[tombstone_id] = (tombstone, set(keepers))
        for object_id in object_ids:
            self.objects.pop(object_id, None)
        await self._steps.leave(number)
        return tombstone_id

    async def list_tombstones(self, keeper: bytes = b"") -> list[PendingTombstone]:
        """Returns what is not acknowledged."""
        await self._enter("list_tombstones")
        return [
            PendingTombstone(number, owner, tombstone)
            for number, (tombstone, owners) in self.pending.items()
            for owner in sorted(owners)
            if not keeper or owner == keeper
        ]

    async def acknowledge_tombstone(self, tombstone_id: int, keeper: bytes) -> None:
        """Ends the queueing for one keeper."""
        await self._enter("acknowledge_tombstone")
        self.pending[tombstone_id][1].discard(keeper)

    async def remove(self, path: str, *, recursive: bool, expected_revision: int | None) -> int:
        """Removes names."""
        await self._enter("remove")
        found = [name for name in self.entries if name == path or name.startswith(path.rstrip("/") + "/")]
        if not found:
            raise PiccoloError(Kind.NOT_FOUND, "NO_FILE", f"There is no {path}.")
        for name in found:
            del self.entries[name]
        return len(found)

    async def get_state(self, key: str) -> bytes | None:
        """Returns a value."""
        await self._enter("get_state")
        return self.state.get(key)

    async def put_state(self, key: str, value: bytes | None) -> None:
        """Writes a value."""
        await self._enter("put_state")
        if value is None:
            self.state.pop(key, None)
        else:
            self.state[key] = value


class FakeOperations:
    """Operations in memory."""

    def __init__(self) -> None:
        self.progress: dict[str, list[Progress]] = {}
        self.changed = asyncio.Event()
        self.cancelled: set[str] = set()

    async def start(self, kind: str, subject: str, unit: str) -> str:
        """Records new work."""
        operation_id = f"{kind}-{len(self.progress)}"
        self.progress[operation_id] = []
        return operation_id

    async def advance(self, operation_id: str, progress: Progress) -> bool:
        """Records progress."""
        self.progress[operation_id].append(progress)
        self.changed.set()
        return operation_id in self.cancelled

    async def ended(self, operation_id: str) -> Progress:
        """Returns how an operation ended."""
        while not self.progress[operation_id] or self.progress[operation_id][-1].state == "running":
            self.changed.clear()
            await self.changed.wait()
        return self.progress[operation_id][-1]


def fake_circle(keepers: Sequence[FakeKeeper], owner: bytes, *, at_risk: bool = False) -> FakeCircle:
    """A circle of these keepers."""
    return FakeCircle(Circle(bytes(16), 1, owner, at_risk, tuple(keeper.member for keeper in keepers)))


def random_bytes(count: int) -> bytes:
    """Unpredictable bytes."""
    return os.urandom(count)
