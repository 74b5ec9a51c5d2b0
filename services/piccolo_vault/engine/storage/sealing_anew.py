"""Gives the kept versions of one object new keys, in new objects.

Rules:
* A pack's versions stay together in a pack; a lone version stays alone, in one message or streamed.
* What is sealed anew was opened and proven before: a version that does not open stays where it is, and the
  others of its pack go without it.
* A streamed one is journalled like an upload, under a name of its own, and goes on behind what is durable.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.fek import unwrap
from piccolo_formats.segments import SegmentOpener, SegmentSealer

from piccolo_vault.core.storage import promise
from piccolo_vault.core.storage.manifests import read_content, read_layout, translated
from piccolo_vault.core.storage.packing import plan_pack
from piccolo_vault.core.storage.resealing import Left
from piccolo_vault.engine.storage.files import Anew, FileKey, Finish, WriteStart, new_file
from piccolo_vault.engine.storage.nursery import nursery, outliving
from piccolo_vault.engine.storage.repacking import Piece
from piccolo_vault.engine.storage.session import Session
from piccolo_vault.engine.storage.uploads import Interrupt
from piccolo_vault.ports.objects import Entry, Manifest, ObjectKind

if TYPE_CHECKING:
    from piccolo_formats.segments import Segment

    from piccolo_vault.engine.storage.completion import Completion
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.nursery import Nursery
    from piccolo_vault.engine.storage.read import Reader, ReadHead
    from piccolo_vault.engine.storage.repacking import Repacker
    from piccolo_vault.engine.storage.small import LoneFiles
    from piccolo_vault.ports.objects import StoredObject

_GONE = ("VERSION_MOVED", "VERSION_NOT_FOUND")


@dataclass(slots=True)
class _Whole:
    """A sink that keeps a small file's plaintext; repr shows none of it."""

    plain: bytearray = field(default_factory=bytearray, repr=False)

    async def head(self, head: ReadHead) -> None:
        """Takes nothing of it."""

    async def data(self, data: bytes | memoryview) -> None:
        """Keeps the bytes."""
        self.plain += data


@dataclass(frozen=True, slots=True)
class _Into:
    """A sink that feeds what is read into a session."""

    session: Session

    async def head(self, head: ReadHead) -> None:
        """Takes nothing of it."""

    async def data(self, data: bytes | memoryview) -> None:
        """Hands the bytes on, as there is room."""
        await self.session.feed(data)


class Anewer:
    """Seals objects anew, one at a time."""

    def __init__(
        self, context: Context, reader: Reader, repacker: Repacker, lone: LoneFiles, completion: Completion
    ) -> None:
        self._context, self._reader, self._repacker = context, reader, repacker
        self._lone, self._completion = lone, completion
        self._under_way: Interrupt | None = None

    def interrupt(self, error: PiccoloError) -> None:
        """Ends what is read now with this error: its plaintext may stay no longer."""
        if self._under_way is not None:
            self._under_way.set(error)

    async def seal(self, stored: StoredObject) -> Left:
        """Gives an object's kept versions new keys; returns how many, and their sealed bytes.

        Raises PiccoloError: what reading and writing a file raise, LOCKED; DATA_LOSS (RECORD_BROKEN) when a
        version does not open. What was not sealed anew is as it was.
        """
        losses = promise.survived(self._held(stored), read_layout(stored.layout).k)
        if stored.kind is ObjectKind.PACK:
            return await self._seal_pack(stored, losses)
        listed = await self._context.objects.list_object_files(stored.object_id, kept=True)
        if not listed:
            return Left(1)
        file = replace(listed[0], expected_revision=None, upload_id="", moved_from=stored.object_id)
        self._under_way = Interrupt()
        try:
            await self._seal_lone(stored, Anew(file, losses), self._under_way)
        except PiccoloError as error:
            if error.reason not in _GONE:
                raise  # deleted for good, or looked at again where it lies now
        finally:
            self._under_way = None
        return Left(1, 1, file.content.length)

    def _held(self, stored: StoredObject) -> list[bytes | None]:
        peers, layout = self._context.peers, read_layout(stored.layout)
        return [
            None if index in stored.missing or owner is None or peers.is_away(owner) else owner
            for index, owner in enumerate(layout.keepers)
        ]

    async def _seal_pack(self, stored: StoredObject, losses: int) -> Left:
        waiting, broken = list[Piece](), list[PiccoloError]()
        for piece in await self._repacker.pieces(stored.object_id):
            try:
                waiting.append(await self._piece(piece))
            except PiccoloError as error:
                if error.kind is not Kind.DATA_LOSS:
                    raise
                broken.append(error)
        sealed = Left(1, len(waiting), sum(len(piece.sealed) for piece in waiting))
        while waiting:
            plan, waiting = plan_pack(waiting)
            await self._repacker.put(plan, losses=losses)
        if broken:
            raise broken[0]
        return sealed

    async def _piece(self, piece: Piece) -> Piece:
        context, present = self._context, piece.file.content
        key = FileKey.generate(context, Anew(piece.file, 0))
        with translated("A file cannot be opened"):
            content = read_content(present.content)
            fek = unwrap(context.keyring.kek_for(present.wrapped_key), present.wrapped_key, content.scope)
            fek.check_mac(content.scope, present.content, present.mac)
            opener = SegmentOpener(fek, content.scope, content.commitment)
            plan = content.plan(packed=True)
            sealer = SegmentSealer(key.fek, key.scope, context.random)
            sealed = await context.pipeline.submit(_resealed, opener, sealer, plan.segment(0), piece.sealed)
        start = WriteStart(piece.file.path, anew=Anew(piece.file, 0))
        return Piece(new_file(start, key, plan, present.offset, context.time()), sealed)

    async def _seal_lone(self, stored: StoredObject, anew: Anew, interrupt: Interrupt) -> None:
        file = anew.file
        entry = Entry(file.path, 0, file.version_id, file.size, file.modified, file.media)
        manifest = Manifest(entry, file.content, stored)
        if file.size <= self._context.settings.store_limit:
            whole = _Whole()
            await self._reader.read_version(manifest, whole, interrupt)
            start = WriteStart(file.path, anew=anew)
            await outliving(self._context.tasks, self._lone.write(start, whole.plain))
            return
        start = WriteStart(file.path, size=file.size, upload_id=f"anew-{file.version_id.hex()}", anew=anew)
        async with nursery() as children:
            await self._stream(children, manifest, start, interrupt)

    async def _stream(
        self, children: Nursery, manifest: Manifest, start: WriteStart, interrupt: Interrupt
    ) -> None:
        session = await self._open(children, start)
        try:
            await self._feed(session, manifest, interrupt)
            complete = await session.finish(Finish(manifest.entry.size))
            await outliving(self._context.tasks, complete(self._completion))
        finally:
            session.close()

    async def _feed(self, session: Session, manifest: Manifest, interrupt: Interrupt) -> None:
        """Reads the version into the session; what is durable when that is cut off need not be read again."""
        try:
            into, offset = _Into(session), session.received
            await self._reader.read_version(manifest, into, interrupt, offset=offset)
        except (PiccoloError, asyncio.CancelledError):
            await session.pause(self._context.settings.open_seconds)
            raise

    async def _open(self, children: Nursery, start: WriteStart) -> Session:
        """Goes on with one that was cut off, where that is possible; else begins anew."""
        objects = self._context.objects
        try:
            upload = await objects.get_upload(start.upload_id)
        except PiccoloError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return await Session.begin(self._context, children, start, _told)
        try:
            return await Session.resume(self._context, children, start, upload, _told)
        except PiccoloError as error:
            if error.kind in (Kind.LOCKED, Kind.DENIED):
                raise
            # its keepers are gone, or another device of this owner began it
            await objects.forget_upload(start.upload_id)
            return await Session.begin(self._context, children, start, _told)


def _resealed(opener: SegmentOpener, sealer: SegmentSealer, segment: Segment, sealed: bytes) -> bytes:
    """Opens a segment and seals it under another key; in a thread."""
    plain, out = bytearray(segment.length), bytearray(segment.sealed_length)
    opener.open_into(segment, sealed, plain)
    sealer.seal_into(segment, memoryview(plain)[: segment.data_length], out)
    return bytes(out)


async def _told(durable: int) -> None:
    """Nobody waits for it."""
