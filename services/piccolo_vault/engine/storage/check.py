"""Looks whether what is stored is still there, and says so.

Rules:
* A check asks each keeper for the states of many fragments at once; with a read percentage it also reads
  random blocks and proves them to the root, which looks to the keeper like any other read.
* What is found wrong is noted with the object and queued for repair; a check repairs nothing itself.
* Files that nothing brings back any more are named, as many as fit into an answer.
* Health is told from what is known; asking the keepers first is a choice.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.storage import health, urgency
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.health import Health, Place, Totals
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.urgency import Damage
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.engine.storage.survey import damage_known, damage_seen, places_of
from piccolo_vault.ports.objects import Progress, Repair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.fetch import Fetcher
    from piccolo_vault.engine.storage.survey import Survey
    from piccolo_vault.ports.objects import NewFile, StoredObject

_PAGE = 200
_TOTALS_SECONDS = 10.0
_LOST_NAMES, _LOST_TOLD = 200, 5
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class CheckTotals:
    """What a check found; its result as JSON."""

    objects: int = 0
    damaged: int = 0
    lost: int = 0
    blocks_read: int = 0
    blocks_wrong: int = 0
    lost_files: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """Returns the totals by name, and the names of lost files."""
        names = ("objects", "damaged", "lost", "blocks_read", "blocks_wrong", "lost_files", "words")
        return json.dumps({name: getattr(self, name) for name in names})

    @property
    def words(self) -> str:
        """The sentence for a person, with what to do next."""
        if self.lost:
            some = ", ".join(self.lost_files[:_LOST_TOLD])
            return (
                f"{self.lost} of {self.objects} objects are lost: {some}. Write these files again if you "
                "have them elsewhere; a member that returns with its fragments brings them back, too."
            )
        if self.damaged:
            return f"{self.damaged} of {self.objects} objects lack fragments and wait for repair."
        return "Every fragment is where it should be."


class Checker:
    """Checks objects and tells their health."""

    def __init__(self, context: Context, fetcher: Fetcher, survey: Survey) -> None:
        self._context, self._fetcher, self._survey = context, fetcher, survey
        self._totals: tuple[float, frozenset[bytes], Totals] | None = None

    async def check(self, operation_id: str, path: str, read_percent: int) -> None:
        """Checks everything at or below a path and records how far it is; raises what metadata raises."""
        found, token = CheckTotals(), ""
        while True:
            page, token = await self._context.objects.list_objects(
                under=path, page_token=token, page_size=_PAGE
            )
            await self._check_page(page, read_percent, found)
            progress = Progress("asking the keepers", found.objects, 0 if token else found.objects)
            if await self._context.operations.advance(operation_id, progress):
                await self._context.operations.advance(operation_id, replace(progress, state="cancelled"))
                return
            if not token:
                break
        done = Progress("done", found.objects, found.objects, found.to_json(), state="succeeded")
        await self._context.operations.advance(operation_id, done)
        _log.info("checked", extra=fields(objects=found.objects, damaged=found.damaged, lost=found.lost))

    async def object_health(self, stored: StoredObject, *, ask: bool) -> tuple[Health, tuple[Place, ...]]:
        """Returns an object's health and places; `ask` asks its keepers now."""
        layout = read_layout(stored.layout)
        if ask:
            damage = damage_seen(self._context, layout, (await self._survey.ask([layout]))[layout.object_id])
            await self._note([(stored, layout, damage)])
        else:
            damage = damage_known(self._context, layout, stored.missing)
        return self._assessed(layout, damage), places_of(layout, damage)

    async def totals(self) -> Totals:
        """Returns the health of everything, at most 10 s old, and never older than who is away."""
        now, away = self._context.now(), frozenset(self._context.peers.away())
        if self._totals is not None:
            since, silent, known = self._totals
            if 0 <= now - since < _TOTALS_SECONDS and silent == away:
                return known
        totals, token = Totals(), ""
        while True:
            page, token = await self._context.objects.list_objects(page_token=token)
            for stored in page:
                layout = read_layout(stored.layout)
                totals.add(self._assessed(layout, damage_known(self._context, layout, stored.missing)))
            if not token:
                break
        self._totals = (now, away, totals)
        return totals

    async def queue_keeper(self, keeper: bytes) -> int:
        """Queues the repair of what lies with a member that is away or gone; returns how many objects."""
        queued, token = 0, ""
        while True:
            page, token = await self._context.objects.list_objects(keeper=keeper, page_token=token)
            found = []
            for stored in page:
                layout = read_layout(stored.layout)
                found.append((stored, layout, damage_known(self._context, layout, stored.missing)))
            queued += await self._queue(found)
            if not token:
                return queued

    async def ask_about(self, stored: Sequence[StoredObject]) -> int:
        """Asks the keepers of some objects, notes and queues what is wrong; returns how many are damaged."""
        found = CheckTotals()
        await self._check_page(stored, 0, found)
        return found.damaged

    async def _check_page(self, page: Sequence[StoredObject], read_percent: int, found: CheckTotals) -> None:
        layouts = [read_layout(stored.layout) for stored in page]
        seen = await self._survey.ask(layouts)
        damaged = []
        for stored, layout in zip(page, layouts, strict=True):
            damage = damage_seen(self._context, layout, seen[layout.object_id])
            if read_percent:
                damage = await self._read(layout, damage, read_percent, found)
            found.objects += 1
            found.damaged += bool(damage)
            if self._assessed(layout, damage).lost:
                await self._name_lost(stored, found)
            damaged.append((stored, layout, damage))
        await self._note(damaged)

    async def _name_lost(self, stored: StoredObject, found: CheckTotals) -> None:
        found.lost += 1
        files = await self._context.objects.list_object_files(stored.object_id, kept=True)
        names = sorted({await self._told(each) for each in files})
        room = max(0, _LOST_NAMES - len(found.lost_files))
        found.lost_files += names[:room]
        _log.error("files are lost", extra=fields(object=stored.object_id.hex(), files=names[:_LOST_NAMES]))

    async def _told(self, file: NewFile) -> str:
        """What the owner loses: a name means its current version."""
        if not file.path:
            return f"a removed version ({file.version_id.hex()})"
        try:
            current = (await self._context.objects.get_manifest(file.path, b"")).entry.version_id
        except PiccoloError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return file.path  # it was renamed or removed at this moment
        older = f"an older version of {file.path} ({file.version_id.hex()})"
        return file.path if current == file.version_id else older

    async def _read(self, layout: Layout, damage: Damage, percent: int, found: CheckTotals) -> Damage:
        """Reads random blocks of each fragment that is there; those that are wrong are gone."""
        work = {
            index: partial(self._read_fragment, layout, index, percent)
            for index in range(layout.m)
            if index not in damage.gone and index not in damage.away
        }
        done, failed = await gather(work)
        found.blocks_read += sum(done.values())
        wrong = {i for i, error in failed.items() if error.kind in (Kind.DATA_LOSS, Kind.NOT_FOUND)}
        found.blocks_wrong += len(wrong)
        now = self._context.now()
        silent = {index: now for index in failed if index not in wrong}
        return Damage(damage.gone | frozenset(wrong), {**damage.away, **silent})

    async def _read_fragment(self, layout: Layout, index: int, percent: int) -> int:
        plan = layout.plan()
        wanted = -(-plan.count * percent // 100)
        if percent == 100:
            step = max(1, self._context.settings.batch // plan.block_size)
            ranges = [range(at, min(at + step, plan.count)) for at in range(0, plan.count, step)]
        else:
            ranges = [range(block, block + 1) for block in self._random_blocks(plan.count, wanted)]
        for each in ranges:
            await self._fetcher.fetch_one(layout, index, each)
        return wanted

    def _random_blocks(self, count: int, wanted: int) -> list[int]:
        """So many different blocks, any of them equally likely (Floyd's sampling)."""
        chosen: set[int] = set()
        for top in range(count - wanted, count):
            drawn = int.from_bytes(self._context.random(8)) % (top + 1)
            chosen.add(top if drawn in chosen else drawn)
        return sorted(chosen)

    async def _note(self, found: Sequence[tuple[StoredObject, Layout, Damage]]) -> None:
        """Writes down what nobody has, and queues what is damaged."""
        for stored, _, damage in found:
            missing = tuple(sorted(damage.gone))
            if missing != tuple(sorted(stored.missing)):
                try:
                    await self._context.objects.update_layout(replace(stored, missing=missing), stored.layout)
                except PiccoloError as error:
                    if error.kind not in (Kind.CONFLICT, Kind.NOT_FOUND):
                        raise  # a repair or a deletion was quicker: nothing to note
        await self._queue(found)

    async def _queue(self, found: Sequence[tuple[StoredObject, Layout, Damage]]) -> int:
        now = self._context.now()
        repairs = []
        for _, layout, damage in found:
            if damage:
                margin = self._assessed(layout, damage).survives
                due = int(urgency.not_before(damage, margin, now))
                repairs.append(Repair(layout.object_id, margin, _cause(damage), due))
        if repairs:
            await self._context.objects.enqueue_repairs(repairs)
            self._context.repairs_due.set()
        return len(repairs)

    def _assessed(self, layout: Layout, damage: Damage) -> Health:
        subtrees = self._context.peers.circle().subtrees
        return health.assess(Code(layout.k, layout.m), places_of(layout, damage), subtrees)


def _cause(damage: Damage) -> str:
    parts = []
    if damage.gone:
        parts.append(f"{len(damage.gone)} fragments are missing")
    if damage.away:
        parts.append(f"the keepers of {len(damage.away)} fragments are away")
    return ", ".join(parts)
