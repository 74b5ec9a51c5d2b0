"""After a recovery: what the keepers have is compared with what the restored memory knows.

Rules:
* Every member is asked for all its fragments of this owner. Committed ones that the memory does not know were
  written after the last backup: their commit records bring the files back under their own names, or below
  /lost+found where the name cannot be had. Each version gets the place that its own order gives it, whatever
  became of its object since. Versions that the memory knows in another object were compacted since: they lie
  in the newer one from now on, and the older one ends.
* One record of an object is enough: where another member's does not open, the ids in it tell its fragments.
* A record is believed when the owner's words open it and it holds: the wrapped key opens and the content's
  MAC is right. What a pending tombstone names stays dead; what too few keepers have is left where it lies.
* Where nobody tells what words that strangers may know could open, what comes back and may be of them is
  marked in the transaction that names it: it is sealed anew by itself.
* What the memory knows and has elsewhere is looked for where its newest record says it is
  (engine/storage/following.py).
* What the memory names at a keeper and the keeper has in its trash was deleted after the backup: it is taken
  out again. Afterwards everything is checked, so that what is lost for good is told by name.
* Where one member has in its trash what another one shows as live, the other may have come back with an old
  disk: what was removed does not rise under its name. It is put below /lost+found and not dropped, because
  one member's word must not end a file. What else is shown comes first: a version that was moved since
  has its name there.
* It begins as soon as the vault is unlocked, and is tried again soon at first, then every ten minutes, when
  somebody answers who did not before. All are asked then: what one has may be of use only with another's.
* Only when every member was heard, and all that can be brought back is named, burying is allowed again. What
  too few have then was committed by a write that was cut off: nobody was told that it is there.
* Burying does not wait for ever for a member that is away (engine/keys/aftermath.py); the asking does.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError
from piccolo_formats.fek import unwrap
from piccolo_formats.records.keeping import Tombstone
from piccolo_formats.signed import open_signed

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.compared import Compared
from piccolo_vault.core.storage.journal import seal_local
from piccolo_vault.core.storage.manifests import read_content, read_layout
from piccolo_vault.core.storage.resealing import is_suspected
from piccolo_vault.engine.storage.burial import pending
from piccolo_vault.engine.storage.known import Known
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.engine.storage.records import check_ids, layout_key, read_record, says_nothing_of_it
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.ports.objects import Intent, NewFile, StoredContent, StoredObject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from piccolo_formats.records.commit import Summary, SummaryFile
    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.core.circle import Member
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.following import Follower
    from piccolo_vault.engine.storage.undeleting import Undeleter
    from piccolo_vault.ports.keepers import Keeper, Kept
    from piccolo_vault.ports.keyring import Aftermath, Exposure

_PAGE_SECONDS = 30.0
_RECORDS = 50
_SOON_SECONDS, _AGAIN_SECONDS = 1.0, 600.0
LOST = "/lost+found"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Told:
    """What the members tell: objects that the memory does not know, and the ids that lie in a trash.

    `undeletable` are those, by member, that the memory knows. `unopened` are live fragments of which nobody
    can say here what they belong to.
    """

    objects: dict[bytes, _Found] = field(default_factory=dict)
    trashed: set[bytes] = field(default_factory=set)
    unopened: set[bytes] = field(default_factory=set)
    undeletable: dict[bytes, set[bytes]] = field(default_factory=dict)

    def named_by(self, layout: Layout) -> set[bytes]:
        """Takes out what one member's record cannot tell and another's does: what it belongs to."""
        found = self.unopened & {layout.fragment_id(index) for index in range(layout.m)}
        self.unopened -= found
        return found

    def in_order(self) -> list[_Found]:
        """The objects as they are to be looked at: by their order, those that were removed last."""

        def key(found: _Found) -> tuple[bool, tuple[int, int]]:
            return self.is_removed(read_layout(found.summary.layout), found.live), found.order

        return sorted(self.objects.values(), key=key)

    def is_removed(self, layout: Layout, live: set[bytes]) -> bool:
        """Whether a fragment lies in a trash and nowhere else: one that was moved is live elsewhere."""
        ids = {layout.fragment_id(index) for index in range(layout.m)}
        return not ids.isdisjoint(self.trashed - live)


@dataclass(slots=True)
class _Found:
    """An object that the memory does not know: its newest record, and who has which of its fragments."""

    summary: Summary
    record: bytes
    live: set[bytes] = field(default_factory=set)

    @property
    def order(self) -> tuple[int, int]:
        """Its place among the owner's mutations; its versions have places of their own."""
        return self.summary.generation, self.summary.seq


@dataclass(slots=True)
class _Tally:
    """What became of unknown objects: files named, objects that wait, objects that are of no use."""

    files: int = 0
    left: int = 0
    unusable: int = 0


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many files were brought back, which members did not answer, and what no words here open."""

    files: int
    silent: frozenset[bytes]
    unopened: frozenset[bytes]


class Inventory:
    """Reconciles the memory with the keepers after a recovery."""

    def __init__(
        self,
        context: Context,
        aftermath: Aftermath,
        exposure: Exposure,
        undeleter: Undeleter,
        follower: Follower,
        check_all: Callable[[], Awaitable[object]],
    ) -> None:
        self._context, self._aftermath, self._exposure = context, aftermath, exposure
        self._undeleter, self._follower, self._check_all = undeleter, follower, check_all
        self._again, self._pause = 0.0, _SOON_SECONDS
        self._heard = frozenset[tuple[int, bytes]]()

    async def reconcile(self) -> None:
        """Does nothing unless a recovery waits for it and the vault is unlocked."""
        context = self._context
        if not context.keyring.unreconciled() or context.now() < self._again:
            return
        members = [m for m in context.peers.circle().members if m.standing is not Standing.COMPROMISED]
        try:
            context.keyring.backups()
            mine = context.keyring.generation()
        except PiccoloError:
            return
        if self._nobody_new(mine, members):
            return
        self._again, self._pause = context.now() + self._pause, min(2 * self._pause, _AGAIN_SECONDS)
        asyncio.get_running_loop().call_later(self._pause, context.repairs_due.set)
        known, buried = await Known.load(self._context), await self._buried()
        told, tally = _Told(), _Tally()
        work = {n: partial(self._ask, m.owner_id, known, buried, told) for n, m in enumerate(members)}
        heard, _ = await gather(work)
        undeleted = await self._undeleter.undelete(told.undeletable)
        for done, each in enumerate(told.in_order()):
            self._aftermath.comparing(done, len(told.objects))
            await self._bring_back(each, told, tally)
        compared = fields(
            members=len(members),
            heard=len(heard),
            unknown=len(told.objects),
            left=tally.left,
            undeleted=undeleted,
        )
        _log.info("inventory compared", extra=compared)
        counted = (len(members), len(heard), tally.files, tally.left, tally.unusable)
        self._aftermath.compared(Compared(*counted))
        self._heard = frozenset((mine, members[n].owner_id) for n in heard)
        if len(heard) == len(members):
            self._aftermath.reconciled()
            await self._check_all()

    def _nobody_new(self, generation: int, members: Sequence[Member]) -> bool:
        """Whether all that answer now were asked last time, and others are still away."""
        everybody = {(generation, each.owner_id) for each in members}
        present = {(mine, owner) for mine, owner in everybody if not self._context.peers.is_away(owner)}
        return bool(self._heard) and present <= self._heard and not everybody <= self._heard

    async def rescue(self) -> Rescued:
        """Brings back what no memory knows and members can still rebuild; returns what came of it.

        It is asked for before what no file belongs to is purged (engine/storage/sweeping.py). Who does not
        answer is left for another time. Raises PiccoloError: what metadata raises, LOCKED.
        """
        members = [m for m in self._context.peers.circle().members if m.standing is not Standing.COMPROMISED]
        known, buried, told, tally = await Known.load(self._context), await self._buried(), _Told(), _Tally()
        asked = {n: partial(self._ask, m.owner_id, known, buried, told) for n, m in enumerate(members)}
        heard, _ = await gather(asked)
        for each in told.in_order():
            await self._bring_back(each, told, tally)
        silent = frozenset(m.owner_id for n, m in enumerate(members) if n not in heard)
        return Rescued(tally.files, silent, frozenset(told.unopened))

    async def _buried(self) -> frozenset[bytes]:
        fragments = set[bytes]()
        async for each in pending(self._context.objects):
            fragments.update(open_signed(Tombstone, each.tombstone).record.fragments)
        return frozenset(fragments)

    async def _ask(self, owner: bytes, known: Known, buried: frozenset[bytes], told: _Told) -> None:
        """Goes through one member's fragments."""
        token = ""
        while True:
            self._aftermath.comparing(0, 0)
            page, token = await self._context.peers.ask(owner, partial(_list, token=token), _PAGE_SECONDS)
            told.trashed.update(kept.fragment_id for kept in page if kept.state is KeptState.TRASH)
            strange = [
                kept.fragment_id
                for kept in page
                if kept.state is KeptState.LIVE
                and kept.fragment_id not in buried
                and not known.is_named_at(kept.fragment_id, owner)
            ]
            told.undeletable.setdefault(owner, set()).update(
                kept.fragment_id
                for kept in page
                if kept.state is KeptState.TRASH
                and kept.fragment_id not in buried
                and kept.fragment_id in known
            )
            for at in range(0, len(strange), _RECORDS):
                await self._note(owner, strange[at : at + _RECORDS], told)
            if not token:
                return

    async def _note(self, owner: bytes, fragments: Sequence[bytes], told: _Told) -> None:
        wanted = list(fragments)
        while wanted:
            records = await self._context.peers.ask(owner, partial(_records, ids=wanted), _PAGE_SECONDS)
            came = {fragment for fragment, _ in records}
            for fragment, record in records:
                self._note_one(fragment, record, told)
            left = [fragment for fragment in wanted if fragment not in came]
            wanted = left if came else []
            told.unopened.update([] if came else left)

    def _note_one(self, fragment: bytes, record: bytes, told: _Told) -> None:
        try:
            summary = read_record(self._context.keyring, record)
            layout = read_layout(summary.layout)
        except (FormatError, PiccoloError) as error:
            if says_nothing_of_it(error):
                raise
            _log.warning(
                "a commit record cannot be used", extra=fields(fragment=fragment.hex(), why=str(error))
            )
            told.unopened.add(fragment)
            return
        if summary.owner != self._context.keyring.owner_id():
            return
        there = told.objects.get(layout.object_id)
        if there is None or (summary.generation, summary.seq) > there.order:
            live = there.live if there else set()
            told.objects[layout.object_id] = there = _Found(summary, record, live)
        there.live.add(fragment)

    async def _bring_back(self, found: _Found, told: _Told, tally: _Tally) -> None:
        """Names an unknown object's files."""
        layout = read_layout(found.summary.layout)
        if await self._follower.follow(found.summary):
            return  # it is known, whether or not it is where the memory thought
        found.live |= told.named_by(layout)
        missing = [i for i in range(layout.m) if layout.fragment_id(i) not in found.live]
        if layout.m - len(missing) < layout.k:
            few = fields(object=layout.object_id.hex(), found=len(found.live), needed=layout.k)
            _log.warning("an unknown object has too few fragments", extra=few)
            tally.left += 1
            return
        try:
            files = await self._placed([self._file(each, found.summary) for each in found.summary.files])
            stored = self._stored(found.summary, layout.object_id)
        except (FormatError, PiccoloError) as error:
            if says_nothing_of_it(error):
                raise
            foreign = fields(object=layout.object_id.hex(), why=str(error))
            _log.warning("an unknown object is not this owner's", extra=foreign)
            told.unopened |= found.live
            tally.unusable += 1
            return
        if told.is_removed(layout, found.live):
            _log.warning("an object that was removed is shown", extra=fields(object=layout.object_id.hex()))
            # what was brought back elsewhere just now was moved before this was removed
            files = [each for each in files if each.moved_from not in told.objects]
            files = [replace(each, path=each.path and LOST + each.path) for each in files]
            if not files:
                return
        exposed = is_suspected((each.order for each in files), self._exposure.suspected_through())
        intent = Intent(stored, tuple(files), found.record, exposed=exposed)
        named = await self._publish(intent, missing)
        tally.files += named
        tally.unusable += not named

    async def _placed(self, files: Sequence[NewFile]) -> list[NewFile]:
        """Versions that the memory knows in another object were moved after the backup: they move again.

        Under which names they are known is the memory's to say, which is newer or as old as the record.
        """
        present = await self._context.objects.locate([each.version_id for each in files])
        return [
            replace(each, path="" if source else each.path, moved_from=source)
            for each, source in zip(files, present, strict=True)
        ]

    async def _publish(self, intent: Intent, missing: Sequence[int]) -> int:
        """Returns how many of the files got names."""
        objects = self._context.objects
        refused = await objects.prepare(intent)
        if refused:
            aside = {each.index for each in refused}
            files = [
                replace(each, path=LOST + each.path) if index in aside and each.path else each
                for index, each in enumerate(intent.files)
            ]
            intent = replace(intent, files=tuple(files))
            refused = await objects.prepare(intent)
        if len(refused) == len(intent.files):
            _log.warning("an unknown object's names were refused", extra=fields(why=refused[0].message))
            return 0
        published = await objects.publish(intent.stored.object_id, missing)
        names = [each.entry.path for each in published if each.entry]
        _log.info("files brought back", extra=fields(files=len(names)))
        self._context.repairs_due.set()
        return len(names)

    def _file(self, file: SummaryFile, summary: Summary) -> NewFile:
        """Checks a file's key and MAC. Raises FormatError or PiccoloError when it is not this owner's."""
        content = read_content(file.content)
        fek = unwrap(self._context.keyring.kek_for(file.wrapped), file.wrapped, content.scope)
        fek.check_mac(content.scope, file.content, file.mac)
        stored = StoredContent(file.content, file.mac, file.wrapped, file.offset, file.length)
        return NewFile(
            path=file.path,
            modified=file.modified,
            media=file.media or "",
            expected_revision=None,
            content=stored,
            upload_id="",
            version_id=content.version_id,
            size=content.size,
            order=(file.generation, file.seq),
        )

    def _stored(self, summary: Summary, object_id: bytes) -> StoredObject:
        keyring = self._context.keyring
        key = layout_key(keyring, summary, object_id)
        check_ids(key, read_layout(summary.layout))
        sealed = seal_local(keyring.local_key(), b"layout-key", object_id, key.reveal(), self._context.random)
        return StoredObject(object_id, summary.kind, summary.layout, sealed, summary.pack_key or b"")


async def _list(keeper: Keeper, token: str) -> tuple[Sequence[Kept], str]:
    return await keeper.list_mine(token)


async def _records(keeper: Keeper, ids: Sequence[bytes]) -> Sequence[tuple[bytes, bytes]]:
    return await keeper.records(ids)
