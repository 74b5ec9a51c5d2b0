"""The end of every write, in one order: intent, keepers, promise, names, yes.

Rules:
* The intent is journalled before any keeper commits; names come last. A crash in between leaves provisional
  or committed fragments that the next start finds by the intent, never a name without bytes.
* A file that metadata refuses is left out of the commit record too, so that no recovery can bring it back.
* Two writes to one name go one after the other, so that the second is refused before it commits anywhere.
* A new version's order is that of the first layout it is published under, drawn while its name is held: so
  versions of a name are ordered as they were written. It keeps that order in every later record.
* What failed is withdrawn: the intent is dropped and what keepers may have committed is buried.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.commit_record import make_commit
from piccolo_formats.fek import SUITE, Scope, wrapped_epoch
from piccolo_formats.records.commit import Summary, SummaryFile
from piccolo_formats.records.manifest import Layout
from piccolo_formats.signed import sign

from piccolo_vault.core.storage import health
from piccolo_vault.core.storage.journal import seal_local
from piccolo_vault.core.storage.manifests import read_content
from piccolo_vault.engine.storage.exclusive import Exclusive
from piccolo_vault.engine.storage.files import rewrapped
from piccolo_vault.ports.objects import Entry, Intent, ObjectKind, StoredObject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from piccolo_formats.fek import LayoutKey

    from piccolo_vault.core.storage.erasure import Code
    from piccolo_vault.core.storage.health import Health
    from piccolo_vault.core.storage.promise import Promise
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.objects import NewFile, Refusal

# A refusal travels as reason and words only; these are metadata's reasons that are no conflict.
_KINDS: Final = {
    "ENTRY_EXISTS": Kind.ALREADY_EXISTS,
    "VERSION_EXISTS": Kind.ALREADY_EXISTS,
    "PATH_INVALID": Kind.INVALID,
    "PATH_TOO_LONG": Kind.INVALID,
    "ENTRY_NOT_FOUND": Kind.NOT_FOUND,
    "IS_A_DIRECTORY": Kind.PRECONDITION,
    "NOT_A_DIRECTORY": Kind.PRECONDITION,
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A coded object that is not named yet. `keepers[i]` is where fragment i goes, None where nobody is."""

    kind: ObjectKind
    object_id: bytes
    epoch: int
    code: Code
    size: int
    stripe_size: int
    roots: tuple[bytes, ...]
    keepers: tuple[bytes | None, ...]
    layout_key: LayoutKey
    wrapped_pack_key: bytes = b""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the keepers are to be given: the journalled intent and its layout."""

    intent: Intent
    layout: Layout


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a draft: an entry or a refusal for each file, and the object's health.

    `created`: the indexes of those whose names nothing had before.
    """

    results: tuple[Entry | PiccoloError, ...]
    health: Health
    created: frozenset[int] = frozenset()


class Completion:
    """Brings drafts to their names."""

    def __init__(self, context: Context, burial: Burial) -> None:
        self._context, self._burial = context, burial
        self._names = Exclusive[str]()
        self.under_way: set[bytes] = set()
        self.left_open = False

    async def run(
        self,
        draft: Draft,
        files: Sequence[NewFile],
        promise: Promise,
        deliver: Callable[[Delivery], Awaitable[Iterable[int]]],
    ) -> Outcome:
        """Names the files of a draft once its fragments keep the promise.

        Args:
            draft: the object.
            files: what lies in it.
            promise: what must hold.
            deliver: gives the keepers what they are to commit; returns the indexes that did.

        Raises PiccoloError: what `deliver` raises, and UNAVAILABLE, PROMISE_OUT_OF_REACH.
        """
        async with self._names.held(file.path for file in files):
            self.under_way.add(draft.object_id)
            try:
                return await self._run(draft, files, promise, deliver)
            finally:
                self.under_way.discard(draft.object_id)

    async def _run(
        self,
        draft: Draft,
        files: Sequence[NewFile],
        promise: Promise,
        deliver: Callable[[Delivery], Awaitable[Iterable[int]]],
    ) -> Outcome:
        delivery, results = await self._prepare(draft, files)
        if delivery is None:
            return Outcome(_all(results), health.assess(draft.code, ()))
        try:
            placed = frozenset(await deliver(delivery))
            if not promise.met([draft.keepers[index] for index in placed], draft.code.k):
                raise self._broken(draft, placed)
        except PiccoloError:
            await self._withdraw(delivery)
            raise
        try:
            return await self._publish(draft, delivery, placed, results)
        except PiccoloError:
            # nobody knows whether the names are there: the intent tells, when metadata answers again
            self.left_open = True
            raise

    async def _prepare(
        self, draft: Draft, files: Sequence[NewFile]
    ) -> tuple[Delivery | None, list[Entry | PiccoloError | None]]:
        """Journals the intent of the files that metadata accepts; the others' refusals are in the results."""
        results: list[Entry | PiccoloError | None] = [None] * len(files)
        while accepted := [index for index, result in enumerate(results) if result is None]:
            delivery = await self.draw_up(draft, [files[index] for index in accepted])
            refusals = await self._context.objects.prepare(delivery.intent)
            if not refusals:
                return delivery, results
            for refusal in refusals:
                results[accepted[refusal.index]] = _refused(refusal)
            if len(refusals) < len(accepted):
                await self._context.objects.abandon(draft.object_id)
        return None, results

    async def draw_up(self, draft: Draft, files: Sequence[NewFile]) -> Delivery:
        """Returns the intent of a draft: its layout signed, its commit record sealed and signed."""
        keyring = self._context.keyring
        draft, files = (
            _rewrapped(self._context, draft),
            [_file_rewrapped(self._context, each) for each in files],
        )
        layout = Layout(
            suite=SUITE,
            owner=keyring.owner_id(),
            object_id=draft.object_id,
            epoch=draft.epoch,
            generation=keyring.generation(),
            seq=await self._context.numbers.draw(),
            k=draft.code.k,
            m=draft.code.m,
            size=draft.size,
            stripe_size=draft.stripe_size,
            fragments=draft.layout_key.fragment_ids(draft.object_id, draft.epoch, draft.code.m),
            roots=b"".join(draft.roots),
            keepers=draft.keepers,
        )
        sealed_key = seal_local(
            keyring.local_key(),
            b"layout-key",
            draft.object_id,
            draft.layout_key.reveal(),
            self._context.random,
        )
        stored = StoredObject(
            draft.object_id,
            draft.kind,
            sign(layout, keyring.signing_key()).to_bytes(),
            sealed_key,
            draft.wrapped_pack_key,
        )
        order = layout.generation, layout.seq
        ordered = tuple(each if any(each.order) else replace(each, order=order) for each in files)
        record = make_record(self._context, stored, layout, ordered)
        return Delivery(Intent(stored, ordered, record), layout)

    async def _publish(
        self,
        draft: Draft,
        delivery: Delivery,
        placed: frozenset[int],
        results: list[Entry | PiccoloError | None],
    ) -> Outcome:
        missing = [index for index in range(draft.code.m) if index not in placed]
        published = await self._context.objects.publish(draft.object_id, missing)
        if missing:
            self._context.repairs_due.set()
        waiting = [index for index, result in enumerate(results) if result is None]
        for index, each, file in zip(waiting, published, delivery.intent.files, strict=True):
            results[index] = each.entry or _unnamed(file, each.refusal)
        places, subtrees = health.places(draft.keepers, missing, ()), self._context.peers.circle().subtrees
        created = frozenset(index for index, each in zip(waiting, published, strict=True) if each.created)
        return Outcome(_all(results), health.assess(draft.code, places, subtrees), created)

    async def _withdraw(self, delivery: Delivery) -> None:
        try:
            await self._burial.bury_fragments([delivery.layout])
            await self._context.objects.abandon(delivery.layout.object_id)
        except PiccoloError as error:
            # the intent is found again, and ended then
            self.left_open = True
            _log.warning("intent not withdrawn", extra=fields(reason=error.reason, why=error.message))

    def _broken(self, draft: Draft, placed: frozenset[int]) -> PiccoloError:
        names = self._context.peers
        lost = {names.name(each) for i, each in enumerate(draft.keepers) if each and i not in placed}
        return PiccoloError(
            Kind.UNAVAILABLE,
            "PROMISE_OUT_OF_REACH",
            "Too few members have the file for it to survive the loss of one device. "
            f"Not reached: {', '.join(sorted(lost))}. Nothing was stored under its name; try again.",
        )


def make_record(context: Context, stored: StoredObject, layout: Layout, files: Sequence[NewFile]) -> bytes:
    """Returns Signed("commit") of an object's files under their present names; works locked."""
    keyring = context.keyring
    summary = Summary(
        owner=layout.owner,
        circle=context.peers.circle().circle_id,
        generation=layout.generation,
        seq=layout.seq,
        kind=stored.kind,
        layout=stored.layout,
        pack_key=stored.wrapped_pack_key or None,
        files=tuple(_summary_file(each) for each in _named(stored.kind, files)),
    )
    return make_commit(summary, keyring.backup_public(), keyring.signing_key(), context.random).to_bytes()


async def files_in(context: Context, object_id: bytes) -> Sequence[NewFile]:
    """Returns the versions that are kept in an object, for its next commit record.

    Raises PiccoloError NOT_FOUND, OBJECT_EMPTY when there are none: it only waits for its end.
    """
    files = await context.objects.list_object_files(object_id, kept=True)
    if not files:
        raise PiccoloError(Kind.NOT_FOUND, "OBJECT_EMPTY", "Nothing is kept in this object any more.")
    return files


def _rewrapped(context: Context, draft: Draft) -> Draft:
    """A draft whose keys the words in force open: they may have been replaced since it was begun."""
    scope = Scope.of_pack(draft.object_id)
    wrapped = draft.wrapped_pack_key and rewrapped(context, draft.wrapped_pack_key, scope)
    return replace(draft, wrapped_pack_key=wrapped)


def _file_rewrapped(context: Context, file: NewFile) -> NewFile:
    content = file.content
    if wrapped_epoch(content.wrapped_key) == context.keyring.kek_epoch():
        return file
    wrapped = rewrapped(context, content.wrapped_key, read_content(content.content).scope)
    return replace(file, content=replace(content, wrapped_key=wrapped))


def _named(kind: ObjectKind, files: Sequence[NewFile]) -> Sequence[NewFile]:
    """A pack's record names what still has a name; a record that named nothing could not be written."""
    named = [each for each in files if each.path]
    if named and (kind is ObjectKind.PACK or len(named) == len(files) == 1):
        return named
    kept = named[:1] or files[:1]
    return [replace(each, path=each.path or f"/lost+found/{each.version_id.hex()}") for each in kept]


def _summary_file(file: NewFile) -> SummaryFile:
    return SummaryFile(
        path=file.path,
        modified=max(file.modified, 0),
        media=file.media or None,
        content=file.content.content,
        mac=file.content.mac,
        wrapped=file.content.wrapped_key,
        offset=file.content.offset,
        length=file.content.length,
        generation=file.order[0],
        seq=file.order[1],
    )


def _unnamed(file: NewFile, refusal: Refusal | None) -> Entry | PiccoloError:
    """A kept version that moved has no new name and no new revision; any other was refused."""
    if refusal is None and file.moved_from:
        return Entry(file.path, 0, file.version_id, file.size, file.modified, file.media)
    return _refused(refusal)


def _refused(refusal: Refusal | None) -> PiccoloError:
    if refusal is None:
        return PiccoloError(Kind.INTERNAL, "NO_OUTCOME", "Metadata did not say what became of the file.")
    return PiccoloError(_KINDS.get(refusal.reason, Kind.CONFLICT), refusal.reason, refusal.message)


def _all(results: Sequence[Entry | PiccoloError | None]) -> tuple[Entry | PiccoloError, ...]:
    return tuple(_refused(None) if result is None else result for result in results)
