"""Takes packs apart and puts kept versions together in new ones.

Rules:
* What is kept is read as it is sealed: no file is opened here.
* A new pack has a key of its own, and goes the way of every write (engine/storage/completion.py): intent,
  keepers, promise, one transaction that lets its versions lie there, history and trash included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from piccolo_formats.fek import Fek, Scope, wrap
from piccolo_formats.segments import OVERHEAD
from piccolo_formats.stripes import PACK_STRIPE_SIZE

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.fetch import Source
from piccolo_vault.engine.storage.read import decode_stripes
from piccolo_vault.engine.storage.small import Blob
from piccolo_vault.ports.objects import NewFile, ObjectKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from piccolo_vault.core.storage.packing import PackPlan
    from piccolo_vault.engine.storage.completion import Outcome
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.fetch import Fetcher
    from piccolo_vault.engine.storage.small import SmallObjects


@dataclass(frozen=True, slots=True)
class Piece:
    """A kept version and its sealed segment. Its id makes its name one of its own: older ones may be near."""

    file: NewFile
    sealed: bytes

    @property
    def path(self) -> str:
        """What it goes by in its new pack."""
        return f"{self.file.version_id.hex()}{self.file.path}"

    @property
    def size(self) -> int:
        """Its plaintext bytes."""
        return len(self.sealed) - OVERHEAD


class Repacker:
    """Reads old packs and writes new ones."""

    def __init__(self, context: Context, fetcher: Fetcher, small: SmallObjects) -> None:
        self._context, self._fetcher, self._small = context, fetcher, small

    async def pieces(self, object_id: bytes) -> list[Piece]:
        """Returns what is kept of a pack, each version once.

        Raises PiccoloError: what metadata raises, FRAGMENTS_AWAY, FRAGMENTS_LOST.
        """
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
        return [Piece(_moved(file, object_id), _cut(file, stripes)) for file in kept.values()]

    async def put(self, plan: PackPlan[Piece], *, losses: int = 0) -> tuple[int, Outcome]:
        """Writes a new pack; returns its bytes before coding, and what became of each version.

        Raises PiccoloError: what writing a small file raises.
        """
        blob, files = self._assemble(plan)
        return len(blob.data), await self._small.put(blob, files, at_risk=False, losses=losses)

    def _assemble(self, plan: PackPlan[Piece]) -> tuple[Blob, list[NewFile]]:
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
