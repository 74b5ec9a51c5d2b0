"""A file's way out.

Rules:
* The FEK is unwrapped and its commitment and the content's MAC are checked before a byte is asked for.
* Batches are fetched ahead, bounded, and handed out in order; a batch is decoded and opened in one hop to a
  thread, without decoding when the primary blocks came.
* Nothing leaves that was not authenticated.
* An object may be moved while it is read, and what is left of it buried: before a read fails for the lack of
  fragments it looks once more where the version lies, and goes on there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.fek import unwrap
from piccolo_formats.segments import SEGMENT_SIZE, SegmentOpener

from piccolo_vault.core.storage import reading
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.manifests import read_content, read_layout, translated
from piccolo_vault.engine.storage.fetch import Source
from piccolo_vault.engine.storage.nursery import nursery
from piccolo_vault.engine.storage.stripe_cache import StripeCache
from piccolo_vault.ports.objects import ObjectKind

if TYPE_CHECKING:
    from piccolo_formats.records.manifest import Content, Layout
    from piccolo_formats.segments import SegmentPlan

    from piccolo_vault.core.storage.reading import Batch, Span
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.fetch import Fetcher
    from piccolo_vault.engine.storage.nursery import Nursery
    from piccolo_vault.engine.storage.uploads import Interrupt
    from piccolo_vault.ports.codec import Codec
    from piccolo_vault.ports.objects import Entry, Manifest

_FEW_READS, _MANY_READS = 4, 16
_LACKING = ("FRAGMENTS_AWAY", "FRAGMENTS_LOST")


@dataclass(frozen=True, slots=True)
class ReadHead:
    """What is read: the version's entry, and which of its bytes follow."""

    entry: Entry
    version_id: bytes
    size: int
    span: Span


class Sink(Protocol):
    """Who takes a file's bytes."""

    async def head(self, head: ReadHead) -> None:
        """Takes what is read, first."""

    async def data(self, data: bytes | memoryview) -> None:
        """Takes plaintext, in order; returns when there is room for more."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A version whose key is open: only inside one read."""

    source: Source
    content: Content
    segments: SegmentPlan
    base: int
    opener: SegmentOpener
    packed: bool
    manifest: Manifest


class Reader:
    """Reads files."""

    def __init__(self, context: Context, fetcher: Fetcher) -> None:
        self._context, self._fetcher = context, fetcher
        # a keeper refuses a member's streams beyond a number: all reads together stay well below it
        self._under_way = asyncio.Semaphore(context.settings.batches_at_once)
        self._reads = 0
        self._stripes = StripeCache(self._bring, context.settings.cached)

    async def read(
        self,
        path: str,
        sink: Sink,
        interrupt: Interrupt,
        *,
        version_id: bytes = b"",
        offset: int = 0,
        length: int | None = None,
    ) -> None:
        """Hands a range of a file to the sink.

        Raises PiccoloError LOCKED, NOT_FOUND, OUT_OF_RANGE, FRAGMENTS_AWAY, FRAGMENTS_LOST, FILE_ALTERED.
        """
        self._context.keyring.kek()
        manifest = await self._context.objects.get_manifest(path, version_id)
        await self.read_version(manifest, sink, interrupt, offset=offset, length=length)

    async def read_version(
        self,
        manifest: Manifest,
        sink: Sink,
        interrupt: Interrupt,
        *,
        offset: int = 0,
        length: int | None = None,
    ) -> None:
        """As `read`, for a version that was found already, whether or not it has a name."""
        opened = self._open(manifest)
        span = reading.span_of(opened.content.size, offset, length)
        await sink.head(ReadHead(manifest.entry, opened.content.version_id, opened.content.size, span))
        self._reads += 1
        try:
            await self._run(opened, span, sink, interrupt)
        finally:
            self._reads -= 1

    async def _run(self, opened: _Opened, span: Span, sink: Sink, interrupt: Interrupt) -> None:
        size, ahead = self._pace()
        plan = opened.source.layout.plan()
        async with nursery() as children:
            under_way: deque[asyncio.Task[list[memoryview]]] = deque()
            for batch in reading.batches(opened.segments, opened.base, plan, span, size):
                under_way.append(self._begin(children, opened, batch, span))
                if len(under_way) >= ahead:
                    await self._hand_out(under_way.popleft(), sink, interrupt)
            while under_way:
                await self._hand_out(under_way.popleft(), sink, interrupt)

    def _pace(self) -> tuple[int, int]:
        """How large the pieces of a read are, and how many it may have ahead.

        What slow clients hold must stay bounded however many they are.
        """
        settings = self._context.settings
        ahead = max(1, settings.read_ahead // settings.batch)
        if self._reads <= _FEW_READS:
            return settings.batch, ahead
        if self._reads <= _MANY_READS:
            return settings.batch // 2, max(1, ahead // 2)
        return SEGMENT_SIZE, 1

    def _begin(
        self, children: Nursery, opened: _Opened, batch: Batch, span: Span
    ) -> asyncio.Task[list[memoryview]]:
        return children.spawn(self._batch(opened, batch, span))

    async def _hand_out(self, task: asyncio.Task[list[memoryview]], sink: Sink, interrupt: Interrupt) -> None:
        for piece in await task:
            interrupt.check()
            await sink.data(piece)

    async def _batch(self, opened: _Opened, batch: Batch, span: Span) -> list[memoryview]:
        try:
            return await self._bring_batch(opened, batch, span)
        except PiccoloError as error:
            moved = await self._moved(opened) if error.reason in _LACKING else None
            if moved is None:
                raise
            if moved.packed:  # one segment, at another place of another object
                plan = moved.source.layout.plan()
                (batch,) = reading.batches(moved.segments, moved.base, plan, span, SEGMENT_SIZE)
            return await self._bring_batch(moved, batch, span)

    async def _moved(self, opened: _Opened) -> _Opened | None:
        """The version where it lies by now; None when it has not moved since."""
        seen = opened.manifest
        try:
            found = await self._context.objects.get_manifest(seen.entry.path, opened.content.version_id)
        except PiccoloError:
            return None
        same = (found.stored.layout, found.content.offset) == (seen.stored.layout, seen.content.offset)
        return None if same else self._open(found)

    async def _bring_batch(self, opened: _Opened, batch: Batch, span: Span) -> list[memoryview]:
        pipeline, work = self._context.pipeline, (opened, batch, span)
        if opened.packed:
            sealed = await self._stripes.get(opened.source, batch.stripes)
            with translated("The file cannot be opened"):
                return await pipeline.run(len(sealed), open_segments, *work, sealed)
        blocks = await self._fetch(opened.source, batch.stripes)
        with translated("The file cannot be opened"):
            size = sum(len(block) for each in blocks.values() for block in each)
            return await pipeline.run(size, open_batch, pipeline.codec, *work, blocks)

    async def _fetch(self, source: Source, stripes: range) -> dict[int, list[memoryview]]:
        async with self._under_way:
            return await self._fetcher.fetch(source, stripes)

    async def _bring(self, source: Source, stripes: range) -> list[bytes]:
        """The sealed stripes of a pack, one by one."""
        blocks, plan, pipeline = (
            await self._fetch(source, stripes),
            source.layout.plan(),
            self._context.pipeline,
        )
        size = sum(plan.stripe_length(stripe) for stripe in stripes)
        whole = await pipeline.run(size, decode_stripes, pipeline.codec, source.layout, stripes, blocks)
        first = stripes.start * plan.stripe_size
        places = [(stripe * plan.stripe_size - first, plan.stripe_length(stripe)) for stripe in stripes]
        return [bytes(whole[at : at + length]) for at, length in places]

    def _open(self, manifest: Manifest) -> _Opened:
        layout, content = read_layout(manifest.stored.layout), read_content(manifest.content.content)
        with translated("The file's key cannot be opened"):
            fek = unwrap(
                self._context.keyring.kek_for(manifest.content.wrapped_key),
                manifest.content.wrapped_key,
                content.scope,
            )
            fek.check_mac(content.scope, manifest.content.content, manifest.content.mac)
            opener = SegmentOpener(fek, content.scope, content.commitment)
        packed = manifest.stored.kind is ObjectKind.PACK
        segments = content.plan(packed=packed)
        end = manifest.content.offset + segments.sealed_size
        if segments.sealed_size != manifest.content.length or end > layout.size:
            raise PiccoloError(
                Kind.DATA_LOSS, "RECORD_BROKEN", "The file's place in its object contradicts its size."
            )
        source = Source(layout, frozenset(manifest.stored.missing))
        return _Opened(source, content, segments, manifest.content.offset, opener, packed, manifest)


def open_batch(
    codec: Codec, opened: _Opened, batch: Batch, span: Span, blocks: dict[int, list[memoryview]]
) -> list[memoryview]:
    """Returns the wanted plaintext of a batch's segments from its blocks; in a thread."""
    return open_segments(
        opened, batch, span, decode_stripes(codec, opened.source.layout, batch.stripes, blocks)
    )


def open_segments(opened: _Opened, batch: Batch, span: Span, sealed: bytes | bytearray) -> list[memoryview]:
    """Returns the wanted plaintext of a batch's segments from its stripes; in a thread."""
    segments, pieces = opened.segments, []
    base = batch.stripes.start * opened.source.layout.stripe_size
    for index in batch.segments:
        segment = segments.segment(index)
        begin = opened.base + segments.sealed_offset(index) - base
        plain = bytearray(segment.length)
        opened.opener.open_into(segment, memoryview(sealed)[begin : begin + segment.sealed_length], plain)
        wanted = memoryview(plain)[reading.wanted_part(segments, index, span)]
        if wanted:
            pieces.append(wanted)
    return pieces


def decode_stripes(
    codec: Codec, layout: Layout, stripes: range, blocks: dict[int, list[memoryview]]
) -> bytearray:
    """Returns the object's bytes in the stripes, rebuilding the primary blocks that did not come."""
    plan, code = layout.plan(), Code(layout.k, layout.m)
    lengths = [plan.stripe_length(stripe) for stripe in stripes]
    # a stripe's last block may reach beyond it by less than k zeros: the next stripe is written over them
    room = bytearray(sum(lengths) + code.k)
    view, at = memoryview(room), 0
    absent = [index for index in range(code.k) if index not in blocks]
    for number, stripe in enumerate(stripes):
        size = plan.block_length(stripe)
        primary = [view[at + i * size : at + (i + 1) * size] for i in range(code.k)]
        have = {}
        for index, each in blocks.items():
            if index < code.k:
                primary[index][:] = each[number]
                have[index] = primary[index]
            else:
                have[index] = each[number]
        codec.rebuild(code, have, {index: primary[index] for index in absent})
        at += lengths[number]
    return room
