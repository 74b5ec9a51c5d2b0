"""Metadata in memory: what was answered is durable, in one transaction each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import DIGEST_SIZE
from piccolo_formats.records.manifest import Content, Layout
from piccolo_formats.signed import open_signed

from piccolo_vault.core.storage.resealing import Left
from piccolo_vault.ports.objects import (
    Burying,
    Entry,
    Intent,
    Manifest,
    NewFile,
    ObjectKind,
    PackUse,
    PendingTombstone,
    Published,
    Refusal,
    Repair,
    StoredObject,
    Upload,
)
from piccolo_vault.testing.steps import Steps


@dataclass
class _Version:
    file: NewFile
    object_id: bytes


class FakeObjects:
    """`older`: kept by history or trash too; `removed`: the trash; `backed_up`: the cloud acknowledges."""

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
        self.removed: dict[int, Entry] = {}
        self.published: dict[bytes, list[Published]] = {}
        self.repairs: dict[bytes, Repair] = {}
        self.pending: dict[int, tuple[bytes, set[bytes]]] = {}
        self.state: dict[str, bytes] = {}
        self.wanted = (0, 0)
        self.older: set[bytes] = set()
        self.backed_up = True
        self.replaced, self.exposed = set[bytes](), set[bytes]()
        self.generation = 1

    async def _enter(self, name: str) -> int:
        number = await self._steps.enter(f"metadata.{name}")
        if self.down:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "Metadata does not answer.")
        return number

    async def reserve(self, count: int) -> tuple[int, int]:
        """Draws numbers."""
        await self._enter("reserve")
        self._number += count
        return self._number - count + 1, self.generation

    async def redundancy(self) -> tuple[int, int]:
        """Returns what the owner set."""
        await self._enter("redundancy")
        return self.wanted

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
        if file.moved_from:
            return self._stays(index, file)
        if file.version_id in self.versions:
            return Refusal(index, "VERSION_EXISTS", f"{file.path}'s version is published already.")
        found = there.revision if there else 0
        if file.expected_revision is None or file.expected_revision == found:
            return None
        return Refusal(index, "REVISION", f"{file.path} has changed since you saw it.")

    def _stays(self, index: int, file: NewFile) -> Refusal | None:
        version = self.versions.get(file.version_id)
        if version is None or version.object_id != file.moved_from or file.version_id not in self._kept():
            return Refusal(index, "VERSION_MOVED", "The version does not lie where it was seen.")
        if file.path and self._paths().get(file.version_id) != file.path:
            return Refusal(index, "VERSION_MOVED", "The name is another file's now.")
        return None

    def _kept(self) -> set[bytes]:
        return self.older | {one.version_id for one in (*self.entries.values(), *self.removed.values())}

    def _paths(self) -> dict[bytes, str]:
        """Under which names versions are kept; what has one no more is in the trash."""
        was = {each: self.versions[each].file.path for each in self.older if each in self.versions}
        history = {version_id: path for version_id, path in was.items() if path in self.entries}
        return history | {entry.version_id: path for path, entry in self.entries.items()}

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
        self.exposed.update([object_id] * intent.exposed)
        results = []
        for index, file in enumerate(intent.files):
            refusal, new = self._refusal(index, file), file.path not in self.entries
            named = None if refusal or file.moved_from else self._name(file, object_id)
            results.append(Published(named, refusal, created=named is not None and new))
            if file.moved_from and not refusal:
                before = self.versions[file.version_id].file
                self.versions[file.version_id] = _Version(replace(before, content=file.content), object_id)
                self.replaced.add(file.moved_from)
                same = before.content.content == file.content.content
                self.exposed.update([object_id] * (same and file.moved_from in self.exposed))
            self._forget(file.upload_id)
        if missing:
            self.repairs[object_id] = Repair(object_id, 1, "missing", int(self._now()))
        self.published[object_id] = results
        await self._steps.leave(number)
        return results

    def _name(self, file: NewFile, object_id: bytes) -> Entry:
        if Content.from_record(file.content.content).size != file.size:
            raise PiccoloError(Kind.INVALID, "SIZE", "The content record has another size.")
        self.versions[file.version_id] = _Version(file, object_id)
        there = self.entries.get(file.path)
        shown = Entry(file.path, 0, file.version_id, file.size, file.modified, file.media)
        if there and file.order < self.versions[there.version_id].file.order:
            self.older.add(file.version_id)
            return replace(shown, revision=there.revision)
        self.revision += 1
        self.entries[file.path] = replace(shown, revision=self.revision)
        return self.entries[file.path]

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
        found = {each for each, one in self.objects.items() if self._wanted(one, under, keeper)}
        rest = [self.objects[each] for each in sorted(found) if each.hex() > page_token]
        page = rest[:page_size]
        return page, page[-1].object_id.hex() if len(rest) > page_size else ""

    def _wanted(self, stored: StoredObject, under: str, keeper: bytes) -> bool:
        below = [entry.version_id for path, entry in self.entries.items() if path.startswith(under)]
        if under and stored.object_id not in {self.versions[each].object_id for each in below}:
            return False
        return not keeper or keeper in open_signed(Layout, stored.layout).record.keepers

    async def list_packs(self, page_token: str = "") -> tuple[list[PackUse], str]:
        """Returns packs, two a page."""
        await self._enter("list_packs")
        packs = {one.object_id for one in self.objects.values() if one.kind is ObjectKind.PACK} - self.exposed
        rest = sorted(each for each in packs if each.hex() > page_token)
        used = [use for object_id in rest[:2] if (use := self._use(object_id)).files]
        return used, rest[1].hex() if len(rest) > 2 else ""

    def _use(self, object_id: bytes) -> PackUse:
        layout, inside = self.objects[object_id].layout, self._inside({object_id})
        size = open_signed(Layout, layout).record.size
        return PackUse(object_id, size, len(inside), sum(length for _, length in inside))

    async def list_exposed(self, page_token: str = "") -> tuple[list[StoredObject], str, Left]:
        """Returns exposed objects, two a page."""
        await self._enter("list_exposed")
        inside = self._inside(self.exposed)
        left = Left(len(self.exposed), len(inside), sum(length for _, length in inside))
        rest = sorted({each for each, _ in inside if each.hex() > page_token})
        token = rest[1].hex() if len(rest) > 2 else ""
        return [self.objects[each] for each in rest[:2]], token, Left() if page_token else left

    def _inside(self, objects: set[bytes]) -> list[tuple[bytes, int]]:
        """(object, sealed bytes) of each kept version in these."""
        kept = [self.versions[each] for each in self._kept() if each in self.versions]
        return [(one.object_id, one.file.content.length) for one in kept if one.object_id in objects]

    async def locate(self, version_ids: Sequence[bytes]) -> list[bytes]:
        """Says where versions lie."""
        await self._enter("locate")
        return [found.object_id if (found := self.versions.get(each)) else b"" for each in version_ids]

    async def list_object_files(self, object_id: bytes, *, kept: bool = False) -> list[NewFile]:
        """Returns the files in an object."""
        await self._enter("list_object_files")
        paths = self._paths()
        return [
            replace(version.file, path=paths.get(version_id, ""))
            for version_id, version in self.versions.items()
            if version.object_id == object_id and (not kept or version_id in self._kept())
        ]

    async def update_layout(
        self, stored: StoredObject, expected_layout: bytes, burying: Burying | None = None
    ) -> None:
        """Replaces a layout."""
        number = await self._enter("update_layout")
        if stored.object_id not in self.objects:
            raise PiccoloError(Kind.NOT_FOUND, "NO_OBJECT", "No such object.")
        if self.objects[stored.object_id].layout != expected_layout:
            raise PiccoloError(Kind.CONFLICT, "LAYOUT", "The layout has changed.")
        self.objects[stored.object_id] = stored
        if burying is not None:
            self.pending[len(self.pending) + 1] = (burying.tombstone, set(burying.keepers))
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
        named = set() if self.backed_up else set(self.replaced)
        named |= {self.versions[version_id].object_id for version_id in self._kept()}
        found = [self.objects[each] for each in self.objects if each not in named][:page_size]
        return [replace(each, exposed=each.object_id in self.exposed) for each in found]

    async def record_tombstone(
        self, tombstone: bytes, object_ids: Sequence[bytes], keepers: Sequence[bytes]
    ) -> int:
        """Queues a tombstone."""
        number = await self._enter("record_tombstone")
        tombstone_id = len(self.pending) + 1
        self.pending[tombstone_id] = (tombstone, set(keepers))
        for object_id in object_ids:
            self.objects.pop(object_id, None)
            self.exposed.discard(object_id)
            self.repairs.pop(object_id, None)
        left = {id_: each for id_, each in self.versions.items() if each.object_id not in object_ids}
        self.versions = left
        await self._steps.leave(number)
        return tombstone_id

    async def list_tombstones(
        self, keeper: bytes = b"", page_token: str = ""
    ) -> tuple[list[PendingTombstone], str]:
        """Returns what is not acknowledged, two a page."""
        await self._enter("list_tombstones")
        waiting = [
            PendingTombstone(number, owner, tombstone)
            for number, (tombstone, owners) in sorted(self.pending.items())
            for owner in sorted(owners)
            if keeper in (b"", owner) and f"{number:09}{owner.hex()}" > page_token
        ]
        more = f"{waiting[1].tombstone_id:09}{waiting[1].keeper.hex()}" if len(waiting) > 2 else ""
        return waiting[:2], more

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
        self.entries = {name: each for name, each in self.entries.items() if name not in found}
        return len(found)

    async def end_removed(self, trash_id: int) -> tuple[int, str]:
        """Ends a file in the trash."""
        await self._enter("end_removed")
        if trash_id not in self.removed:
            raise PiccoloError(Kind.NOT_FOUND, "TRASH_NOT_FOUND", "The trash does not hold this.")
        return 1, self.removed.pop(trash_id).path

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
