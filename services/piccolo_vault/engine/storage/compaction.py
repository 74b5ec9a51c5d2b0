"""Writes sparse and small packs anew, as core/storage/compaction.py says.

Rules:
* Sealed segments are copied as they are: no file is opened, none gets another key. The new pack has a key of
  its own, whose wrapping needs the KEK, and the old pack's end needs the owner root: so a locked device
  compacts nothing. What is lost by that is room, never a file.
* The new pack goes the way of every write (engine/storage/completion.py): intent, keepers, promise, one
  transaction that lets its versions lie there, history and trash included. What changed meanwhile stays
  where it is. Cut off anywhere, the intent is rolled forward or withdrawn like any other.
* The old pack stays until nothing lies in it; metadata tells when a backup names the new one, and only then
  it is buried. Who found a version in it before the transaction still reads it there.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.fek import Fek, Scope, wrap
from piccolo_formats.segments import OVERHEAD
from piccolo_formats.stripes import PACK_STRIPE_SIZE

from piccolo_vault.core.storage import compaction
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.packing import plan_pack
from piccolo_vault.engine.storage.fetch import Source
from piccolo_vault.engine.storage.pace import Pace
from piccolo_vault.engine.storage.read import decode_stripes
from piccolo_vault.engine.storage.small import Blob
from piccolo_vault.ports.objects import NewFile, ObjectKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from piccolo_vault.core.storage.compaction import Group
    from piccolo_vault.core.storage.packing import PackPlan
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.fetch import Fetcher
    from piccolo_vault.engine.storage.intents import Intents
    from piccolo_vault.engine.storage.small import SmallObjects
    from piccolo_vault.ports.objects import PackUse

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A kept version and its sealed segment. Its id makes its name one of its own: older ones may be near."""

    file: NewFile
    sealed: bytes

    @property
    def path(self) -> str:
        return f"{self.file.version_id.hex()}{self.file.path}"

    @property
    def size(self) -> int:
        return len(self.sealed) - OVERHEAD


class Compactor:
    """Compacts packs, one new pack at a time."""

    def __init__(
        self, context: Context, fetcher: Fetcher, small: SmallObjects, intents: Intents, burial: Burial
    ) -> None:
        self._context, self._fetcher, self._small = context, fetcher, small
        self._intents, self._burial = intents, burial
        self._pace = Pace(context, context.settings.compact_bytes_a_day)
        self._rest_until = float("-inf")

    async def round(self) -> int:
        """Compacts what pays as long as it may; returns how many packs were written anew.

        Raises PiccoloError: what metadata raises, and what stands in the way of a write.
        """
        done = 0
        if not self._burial.may_bury() or self._context.now() < self._rest_until:
            return done
        groups = compaction.groups(await self._packs())
        if not groups:  # all packs were counted for nothing: not again so soon
            self._rest_until = self._context.now() + self._context.settings.compact_seconds
        for group in groups:
            if not self._pace.ready() or not self._burial.may_bury():
                break
            try:
                done += await self.compact(group)
            except PiccoloError as error:
                # what cannot be read or written now is looked at again in the next round
                told = fields(packs=len(group.object_ids), reason=error.reason, why=error.message)
                _log.info("compaction postponed", extra=told)
        return done

    async def compact(self, group: Group) -> int:
        """Writes a new pack of what is kept in these; returns how many of them it replaces.

        Raises PiccoloError: what reading the old ones and writing a small file raise.
        """
        await self._intents.ensure_settled()
        pieces: list[_Piece] = []
        for object_id in group.object_ids:
            pieces += await self._pieces(object_id)
        plan, _ = plan_pack(pieces)
        if not plan.files:
            return 0
        blob, files = self._assemble(plan)
        await self._small.put(blob, files, at_risk=False)
        await self._pace.spent(len(blob.data))
        self._context.repairs_due.set()  # what is empty now can be buried as soon as a backup says so
        told = fields(packs=len(group.object_ids), files=len(files), before=group.size, after=len(blob.data))
        _log.info("packs compacted", extra=told)
        return len(group.object_ids)

    async def _packs(self) -> list[PackUse]:
        packs, token = await self._context.objects.list_packs()
        found = list(packs)
        while token:
            packs, token = await self._context.objects.list_packs(token)
            found += packs
        return found

    async def _pieces(self, object_id: bytes) -> list[_Piece]:
        """What is kept of a pack, each version once."""
        stored = await self._context.objects.get_object(object_id)
        listed = await self._context.objects.list_object_files(object_id, kept=True)
        kept = {file.version_id: file for file in reversed(listed)}
        layout = read_layout(stored.layout)
        plan = layout.plan()
        wanted = {
            s for file in kept.values() for s in plan.covering(file.content.offset, file.content.length)
        }
        source, stripes = Source(layout, frozenset(stored.missing)), dict[int, bytes]()
        for run in runs(wanted):
            blocks = await self._fetcher.fetch(source, run)
            pipeline = self._context.pipeline
            whole = await pipeline.submit(decode_stripes, pipeline.codec, layout, run, blocks)
            for stripe in run:
                at = (stripe - run.start) * plan.stripe_size
                stripes[stripe] = bytes(whole[at : at + plan.stripe_length(stripe)])
        return [_Piece(_moved(file, object_id), _cut(file, stripes)) for file in kept.values()]

    def _assemble(self, plan: PackPlan[_Piece]) -> tuple[Blob, list[NewFile]]:
        context, keyring = self._context, self._context.keyring
        object_id, pack_key = context.random(16), Fek.generate(context.random)
        scope = Scope.of_pack(object_id)
        wrapped = wrap(keyring.kek(), keyring.kek_epoch(), pack_key, scope, context.random)
        sealed = b"".join(piece.sealed for piece in plan.files)
        data = sealed + context.random(plan.padded_length - plan.length)
        files = [_at(piece.file, offset) for piece, offset in zip(plan.files, plan.offsets, strict=True)]
        layout_key = pack_key.layout_key(object_id)
        return Blob(ObjectKind.PACK, object_id, data, PACK_STRIPE_SIZE, layout_key, wrapped), files


def runs(stripes: Iterable[int]) -> Iterator[range]:
    """Yields the stripes as ranges without gaps, in order."""
    row: list[int] = []
    for stripe in sorted(stripes):
        if row and stripe != row[-1] + 1:
            yield range(row[0], row[-1] + 1)
            row = []
        row.append(stripe)
    if row:
        yield range(row[0], row[-1] + 1)


def _cut(file: NewFile, stripes: dict[int, bytes]) -> bytes:
    offset, length = file.content.offset, file.content.length
    first = offset // PACK_STRIPE_SIZE
    last = (offset + length - 1) // PACK_STRIPE_SIZE
    whole = b"".join(stripes[stripe] for stripe in range(first, last + 1))
    begin = offset - first * PACK_STRIPE_SIZE
    return whole[begin : begin + length]


def _moved(file: NewFile, source: bytes) -> NewFile:
    return replace(file, expected_revision=None, upload_id="", moved_from=source)


def _at(file: NewFile, offset: int) -> NewFile:
    return replace(file, content=replace(file.content, offset=offset))
