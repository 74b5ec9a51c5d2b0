"""The way of a file as one thing: what the servicer calls and the wiring starts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.engine.storage.audit import Auditor
from piccolo_vault.engine.storage.burial import Burial
from piccolo_vault.engine.storage.care import Care
from piccolo_vault.engine.storage.check import Checker
from piccolo_vault.engine.storage.chores import Chores
from piccolo_vault.engine.storage.compaction import Compactor
from piccolo_vault.engine.storage.completion import Completion
from piccolo_vault.engine.storage.fetch import Fetcher
from piccolo_vault.engine.storage.figures import KeptFigures
from piccolo_vault.engine.storage.following import Follower
from piccolo_vault.engine.storage.hints import Hints
from piccolo_vault.engine.storage.intents import Intents
from piccolo_vault.engine.storage.inventory import Inventory
from piccolo_vault.engine.storage.maintenance import Maintenance
from piccolo_vault.engine.storage.moving import Mover
from piccolo_vault.engine.storage.nursery import outliving
from piccolo_vault.engine.storage.operating import Operating
from piccolo_vault.engine.storage.pack import Packer
from piccolo_vault.engine.storage.read import Reader
from piccolo_vault.engine.storage.recoding import Recoder
from piccolo_vault.engine.storage.renewal import Renewal
from piccolo_vault.engine.storage.repacking import Repacker
from piccolo_vault.engine.storage.repair import Repairer
from piccolo_vault.engine.storage.resealing import Resealer
from piccolo_vault.engine.storage.sealing_anew import Anewer
from piccolo_vault.engine.storage.small import LoneFiles, SmallObjects
from piccolo_vault.engine.storage.spreading import Spreader
from piccolo_vault.engine.storage.stocktaking import StockTaker
from piccolo_vault.engine.storage.survey import Survey
from piccolo_vault.engine.storage.sweeping import Sweeper
from piccolo_vault.engine.storage.undeleting import Undeleter
from piccolo_vault.engine.storage.uploads import Interrupt, Uploads
from piccolo_vault.engine.storage.write import Writer
from piccolo_vault.ports.objects import Progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from piccolo_vault.core.storage.health import Health, Place, Totals
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.files import Step, WriteStart, Written
    from piccolo_vault.engine.storage.members import MemberReport
    from piccolo_vault.engine.storage.read import Sink
    from piccolo_vault.ports.keyring import Aftermath, CircleSource, Exposure, Renewals

    class DeviceWord(Aftermath, Exposure, Renewals, Protocol):
        """Who is told what keepers said, and what of theirs is renewed and sealed anew."""


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """How far an upload is; `offset`: bytes that need not be sent again."""

    path: str
    offset: int
    size: int | None


class Store:
    """Writes, reads, checks, repairs and deletes files."""

    def __init__(self, context: Context, source: CircleSource, aftermath: DeviceWord) -> None:
        self._context, self._exposure = context, aftermath
        self._burial = Burial(context, aftermath)
        self._completion = Completion(context, self._burial)
        self._fetcher = Fetcher(context)
        survey = Survey(context, self._fetcher.distrust)
        small = SmallObjects(context, self._completion)
        self._packer = Packer(context, small)
        self._uploads = Uploads(context)
        lone, repacker = LoneFiles(context, small), Repacker(context, self._fetcher, small)
        self._writer = Writer(context, self._uploads, self._packer, lone, self._completion)
        self._reader = Reader(context, self._fetcher)
        self._intents = Intents(context, survey, self._burial, self._completion)
        self._checker = Checker(context, self._fetcher, survey)
        repairer = Repairer(context, self._fetcher, survey, self._burial)
        undeleter, check_all = Undeleter(context), partial(self.check, "", 0)
        follower = Follower(context, survey)
        inventory = Inventory(context, aftermath, aftermath, undeleter, follower, check_all)
        self.maintenance = Maintenance(
            context,
            source,
            self._intents,
            self._checker,
            repairer,
            self._burial,
            inventory,
            Renewal(context, aftermath),
        )
        self._anewer = Anewer(context, self._reader, repacker, lone, self._completion)
        compactor = Compactor(context, repacker, self._intents, self._burial)
        stock = StockTaker(context, survey, self._burial)
        self.chores = Chores(context, compactor, self._spreader(repairer), stock, self._resealer(inventory))
        self.care = self._care(repairer)
        self._operating = Operating(context)
        self._reading: set[Interrupt] = set()

    def _spreader(self, repairer: Repairer) -> Spreader:
        recoder = Recoder(self._context, self._fetcher, self._completion, self._burial)
        return Spreader(self._context, repairer, recoder, self._burial, self._exposure)

    def _resealer(self, inventory: Inventory) -> Resealer:
        sweeper = Sweeper(self._context, self._burial, inventory, self._exposure)
        return Resealer(self._context, self._anewer, self._intents, self._burial, sweeper, self._exposure)

    def _care(self, repairer: Repairer) -> Care:
        context = self._context
        figures = KeptFigures(context)
        hints = Hints(context, self._checker)
        auditor = Auditor(context, self._fetcher, self._checker, figures)
        return Care(context, hints, Mover(context, self._burial, repairer), auditor, figures)

    def start(self) -> None:
        """Begins the background work under the context's task parent."""
        self._context.tasks.create_task(self._packer.run())
        self._context.tasks.create_task(self.maintenance.run())
        self._context.tasks.create_task(self.chores.run())
        self._context.tasks.create_task(self.care.run())
        self._context.tasks.create_task(self._operating.run())

    def interrupt(self, error: PiccoloError) -> None:
        """Ends all writes and reads under way with this error; named uploads stay resumable."""
        self._uploads.interrupt(error)
        self._anewer.interrupt(error)
        for interrupt in self._reading:
            interrupt.set(error)

    def look(self) -> None:
        """Lets the background work look at once whether there is something to do."""
        self._context.repairs_due.set()
        if self._exposure.sealing():
            self._context.chores_due.set()

    def forget(self) -> None:
        """Ends what needs the KEK and drops plaintext that waits: the vault was locked."""
        self.interrupt(
            PiccoloError(Kind.LOCKED, "LOCKED", "The vault was locked meanwhile; unlock it and go on.")
        )
        self._uploads.drop_plaintext()

    async def write(
        self, start: WriteStart, steps: AsyncIterator[Step], report: Callable[[int], Awaitable[None]]
    ) -> Written | None:
        """Stores a file; see Writer.write."""
        self._context.keyring.kek()
        with self._context.quiet.writing():
            await self._intents.ensure_settled()
            return await self._writer.write(start, steps, report)

    async def read(
        self, path: str, sink: Sink, *, version_id: bytes = b"", offset: int = 0, length: int | None = None
    ) -> None:
        """Hands a range of a file to the sink; see Reader.read."""
        interrupt = Interrupt()
        self._reading.add(interrupt)
        try:
            await self._reader.read(
                path, sink, interrupt, version_id=version_id, offset=offset, length=length
            )
        finally:
            self._reading.discard(interrupt)

    async def upload(self, upload_id: str) -> UploadStatus:
        """Returns how far an upload is. Raises PiccoloError NOT_FOUND, NO_UPLOAD."""
        found = await self._uploads.offset(upload_id)
        return UploadStatus(found.start.path, found.offset, found.start.size)

    async def abandon_upload(self, upload_id: str) -> None:
        """Ends an upload for good. Raises PiccoloError NOT_FOUND, NO_UPLOAD."""
        await self._uploads.abandon(upload_id)

    async def health(self, path: str, *, ask: bool) -> tuple[Health, tuple[Place, ...]]:
        """Returns a file's health and where its fragments are."""
        manifest = await self._context.objects.get_manifest(path, b"")
        return await self._checker.object_health(manifest.stored, ask=ask)

    async def totals(self) -> tuple[Totals, int, list[str]]:
        """Returns everything's health, how many repairs wait, and the names of members that are away."""
        _, waiting = await self._context.objects.list_repairs(due=False, page_size=1)
        away = sorted(self._context.peers.name(owner) for owner in self._context.peers.away())
        return await self._checker.totals(), waiting, away

    async def members(self) -> list[MemberReport]:
        """Returns what is known of each member."""
        return await self.care.members.report()

    @property
    def unreconciled(self) -> bool:
        """Whether, after a recovery, members are still to be asked for what is newer than the backup."""
        return self._context.keyring.unreconciled()

    async def check(self, path: str, read_percent: int) -> str:
        """Begins a check; returns its operation."""

        async def work(operation_id: str) -> None:
            await self._checker.check(operation_id, path, read_percent)

        return await self._operating.begin("check", path, "objects", work)

    async def repair(self, *, now: bool) -> str:
        """Begins to work the repair queue off; returns the operation."""

        async def work(operation_id: str) -> None:
            await self._repair(operation_id, now)

        return await self._operating.begin("repair", "", "objects", work)

    async def delete(self, path: str, *, recursive: bool, expected_revision: int | None) -> tuple[int, int]:
        """Removes a name for good and buries what nobody needs; returns (files, objects buried).

        Raises PiccoloError LOCKED, NOT_FOUND, CONFLICT.
        """
        self._context.keyring.kek()
        files = await self._context.objects.remove(
            path, recursive=recursive, expected_revision=expected_revision
        )
        return files, await outliving(self._context.tasks, self._bury())

    async def delete_removed(self, trash_id: int) -> tuple[int, int, str]:
        """Ends an entry of the trash for good; returns (files, objects buried, the name it had).

        Raises PiccoloError LOCKED, NOT_FOUND.
        """
        self._context.keyring.kek()
        files, path = await self._context.objects.end_removed(trash_id)
        return files, await outliving(self._context.tasks, self._bury()), path

    def name(self, owner_id: bytes) -> str:
        """Returns a member's name for a person."""
        return self._context.peers.name(owner_id)

    async def _bury(self) -> int:
        buried = await self._burial.reclaim()
        if buried:
            await self._burial.deliver()
        return buried

    async def _repair(self, operation_id: str, now: bool) -> None:
        await self.maintenance.look_at_all()
        repaired, waiting = await self.maintenance.repair_due(impatient=now)
        result = json.dumps({"repaired": repaired, "waiting": waiting})
        done = Progress("done", repaired, repaired, result, state="succeeded")
        await self._context.operations.advance(operation_id, done)
