"""An owner comes back on a blank device, from the words alone; without a cloud, from words and contacts.

Rules:
* The steps are: the memory from the backup, or the circle from its contacts (engine/keys/rebuilding.py); the
  members' word on whether that backup is the newest (engine/keys/witnessing.py); a new generation of the
  device (engine/keys/generations.py); the KEK under the new passphrase. Each is kept before the next begins;
  the same words go on where it stopped.
* A fork ends it, and a cloud that was rolled back, unless the owner goes on knowingly: before anything is
  claimed. The members are asked again whenever it goes on.
* Nothing is the owner's before the last step: until then the device has no KEK on its disk, and does
  nothing but recover.
* Words without a backup change nothing: the device is as blank as before.
* It ends when the members that answer were asked for what is newer than the backup, so that whoever is told
  of the end finds what was acknowledged; nothing is buried until all members' inventories were reconciled.
* Where another device with the same words took over meanwhile, it ends with that: who, and since when.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError

from piccolo_vault.core.keys.bundle import last_name
from piccolo_vault.core.keys.certificates import NO_CIRCLE, device_name, generation_of, log_delegation
from piccolo_vault.core.keys.custody import Step, permit
from piccolo_vault.core.keys.owner import FIRST_GENERATION, owner_of, read_words
from piccolo_vault.core.keys.records import OutcomeRecord, RecoveryJournal, RecoveryPhase
from piccolo_vault.core.keys.recovering import (
    begin_journal,
    check_source,
    is_cloud_away,
    is_cloud_gone,
    nothing_backed_up,
    outcome_of,
    with_contacts,
)
from piccolo_vault.core.keys.witnesses import refuse
from piccolo_vault.engine.keys.body_keys import open_body_keys
from piccolo_vault.engine.keys.generations import Plan
from piccolo_vault.engine.keys.hearing import hear
from piccolo_vault.engine.keys.heritage import read_heritage, rightful_owner
from piccolo_vault.engine.keys.telling import Telling
from piccolo_vault.ports.backups import OWNER_STATE, RestoredMemory, Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from piccolo_formats.kek import Kek

    from piccolo_vault.core.keys.certificates import Keys
    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.core.keys.recovering import Wish
    from piccolo_vault.core.keys.witnesses import Verdict
    from piccolo_vault.engine.keys.aftermath import Fence, Quiet
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.generations import Generations, Reach
    from piccolo_vault.engine.keys.heritage import Heritage
    from piccolo_vault.engine.keys.rebuilding import Rebuilding
    from piccolo_vault.engine.keys.roles import Neighbours
    from piccolo_vault.engine.keys.witnessing import Witnessing
    from piccolo_vault.ports.custody import Clock, StateFiles
    from piccolo_vault.ports.trust import CircleView

KIND, OUTCOME_FILE = "recover", "outcome"
_AWAY = frozenset({Kind.UNAVAILABLE, Kind.TIMEOUT})
_UNSURE = frozenset({*_AWAY, Kind.INTERNAL, Kind.CANCELLED})
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SECOND_TRY = 3.0
_GO_ON = " Give the same 24 words again to go on; what was done is kept."
_INTERRUPTED = ("INTERRUPTED", "The device restarted in the middle. Give the same 24 words again to go on.")
_DEFAULT_NAME = "recovered device"
_log = logging.getLogger(__name__)


class Recovery:
    """Recovers an owner, one at a time."""

    def __init__(
        self,
        files: StateFiles,
        custody: Custody,
        generations: Generations,
        fence: Fence,
        quiet: Quiet,
        neighbours: Neighbours,
        witnessing: Witnessing,
        rebuilding: Rebuilding,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        patience: float,
        asking: float,
    ) -> None:
        """Times in seconds.

        Args:
            files, custody, generations, fence, quiet, neighbours, witnessing, rebuilding, clock, tasks: what
                it works with.
            patience: how long to wait for this device's processes, and for a majority of the members.
            asking: how long the end waits for the members to tell what is newer than the backup. Without a
                backup it waits as long as they go on telling, and `patience` longer.
        """
        self._files, self._custody = files, custody
        self._generations, self._fence, self._quiet = generations, fence, quiet
        self._trust, self._backups = neighbours.trust, neighbours.backups
        self._remembers, self._roles = neighbours.remembers, neighbours.roles
        self._telling = Telling(self._remembers)
        self._witnessing, self._rebuilding = witnessing, rebuilding
        self._clock, self._tasks = clock, tasks
        self._patience, self._asking = patience, asking
        self._running: RecoveryJournal | None = None
        self._operation = ""
        self._reporting, self._reported = asyncio.Lock(), False

    async def start(self, words: str, passphrase: str, wish: Wish) -> str:
        """Begins a recovery or goes on with one; returns the operation that tells of it.

        Raises PiccoloError PRECONDITION (NOT_BLANK), INVALID (WORDS_..., PASSPHRASE_..., CONTACTS_...),
        DENIED (OTHER_WORDS), CONFLICT (RECOVERY_RUNNING), PRECONDITION (RESTORED_ALREADY), UNAVAILABLE.
        """
        permit(Step.RECOVER, self._custody.stage)
        kek = read_words(words)
        passphrase = self._custody.check_new(passphrase)
        name = device_name(wish.name) if wish.name else ""
        wish.circle()
        owner = owner_of(kek, ask=())
        await self._report()
        if self._running is not None:
            return self._joined(owner)
        journal = begin_journal(self._custody.recovery, owner, wish.seq, name)
        check_source(journal, wish)
        self._running = journal
        try:
            self._operation = await self._remembers.start_operation(KIND, "bytes")
            await self._custody.journal_recovery(journal)
        except BaseException as failed:
            operation, self._running, self._operation = self._operation, None, ""
            if operation and isinstance(failed, PiccoloError):
                await self._telling.tell(operation, _ended(failed, unfinished=False))
            raise
        self._tasks.create_task(self._run(kek, passphrase, owner, journal, wish), name="recovery")
        return self._operation

    async def run(self) -> None:
        """Tells, after a start and however long metadata is away, what became of a recovery before it."""
        pause = _PAUSE
        while True:
            try:
                await self._report()
                return
            except PiccoloError as failed:
                _log.info("an operation's end waits to be told", extra=fields(reason=failed.reason))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _report(self) -> None:
        async with self._reporting:
            if self._reported:
                return
            outcome = self._outcome()
            for operation in await self._remembers.running(KIND):
                work = Work(error=_INTERRUPTED)
                if outcome is not None and operation == outcome.operation:
                    work = Work(result=outcome.result)
                await self._telling.end(operation, work)
            self._files.remove(OUTCOME_FILE)
            self._reported = True

    def _joined(self, owner: OwnerRecord) -> str:
        running = self._running
        if running is None or running.owner != owner.owner or not self._operation:
            raise PiccoloError(
                Kind.CONFLICT, "RECOVERY_RUNNING", "A recovery is running on this device. Wait for its end."
            )
        return self._operation

    async def _run(
        self, kek: Kek, passphrase: str, owner: OwnerRecord, journal: RecoveryJournal, wish: Wish
    ) -> None:
        try:
            await self._recover(kek, passphrase, owner, journal, wish)
            return
        except PiccoloError as failed:
            _log.warning("the recovery stopped", extra=fields(reason=failed.reason, why=failed.message))
            await self._give_up(failed)
            end = _ended(failed, unfinished=self._custody.recovery is not None)
        finally:
            operation, self._running, self._operation = self._operation, None, ""
        await self._telling.insist(operation, end)

    async def _recover(
        self, kek: Kek, passphrase: str, owner: OwnerRecord, journal: RecoveryJournal, wish: Wish
    ) -> None:
        if journal.phase is RecoveryPhase.RESTORING:
            journal = await self._memory(kek, owner, journal, wish)
        roles = await self._all_roles()
        left = await read_heritage(self._remembers, kek, owner)
        verdict = await self._judge(kek, left, journal, wish)
        device = left.device
        plan = Plan(
            kek=kek,
            owner=replace(left.owner, generation=max(journal.generation, device.generation if device else 1)),
            roles=roles,
            circle=device.circle if device else NO_CIRCLE,
            name=journal.name or (last_name(left.bundle, device) if device else _DEFAULT_NAME),
            patience=self._patience,
            outbids=True,
            rebuilt=journal.phase is RecoveryPhase.REBUILT,
            successors=left.successors,
            former=left.former,
        )
        reach = self._rejoin(left.bundle) if device else _nowhere
        owner = await self._generations.advance(plan, reach, _nothing_left, self._phase)
        if device is None:
            owner = replace(owner, device=None)
        await self._say("Sealing your key under the new passphrase")
        self._quiet.begin()
        self._note(outcome_of(journal, owner, verdict, replaced=left.replaced))
        await self._custody.adopt(kek, passphrase, owner)
        if left.former is not None:
            self._custody.learn_former(left.former)
        self._generations.done()
        _log.info("recovered", extra=fields(generation=owner.generation, files=journal.files))
        await self._audit(owner)
        if device is not None:
            await self._hear_members(rebuilt=plan.rebuilt)
        result = outcome_of(journal, owner, verdict, self._quiet.told, replaced=left.replaced)
        await self._telling.insist(self._operation, Work(result=result))
        self._files.remove(OUTCOME_FILE)

    def _note(self, result: str) -> None:
        """Keeps the end from now on: a crash after this tells of a success."""
        self._files.save(OUTCOME_FILE, OutcomeRecord(operation=self._operation, result=result).to_record())

    async def _judge(self, kek: Kek, left: Heritage, journal: RecoveryJournal, wish: Wish) -> Verdict | None:
        """What the members say of the backup; None without one, or when this device was accepted already.

        Raises PiccoloError DATA_LOSS (FORK, ROLLED_BACK).
        """
        draft = self._generations.pending(left.owner)
        if journal.phase is not RecoveryPhase.RESTORED or not left.bundle or (draft and draft.promised):
            return None
        await self._say("Asking the members whether this backup is the newest")
        verdict = await self._witnessing.judge(kek, left.owner, left.bundle)
        if (refused := refuse(verdict, accepted=wish.accept_rolled_back)) is not None:
            raise refused
        return verdict

    async def _hear_members(self, *, rebuilt: bool) -> None:
        async def tell(work: Work) -> None:
            await self._telling.tell(self._operation, work)

        seconds = self._patience if rebuilt else self._asking
        await hear(self._quiet, self._fence, tell, seconds, patient=rebuilt)

    async def _memory(
        self, kek: Kek, owner: OwnerRecord, journal: RecoveryJournal, wish: Wish
    ) -> RecoveryJournal:
        """The memory from the backup; where there is none and the owner gave the circle's contacts, an empty
        one that the circle fills."""
        contacts = wish.circle()
        for again in (True, False):
            if contacts is not None and wish.from_circle:
                break
            try:
                return await self._restore(kek, owner, journal)
            except PiccoloError as failed:
                if contacts is None or not is_cloud_gone(failed):
                    raise with_contacts(failed) from failed
                _log.warning("there is no backup", extra=fields(reason=failed.reason, again=again))
                if not is_cloud_away(failed):
                    break
            if again:
                await self._say("The cloud does not answer; trying it once more")
                await asyncio.sleep(_SECOND_TRY)
        if contacts is None:
            raise nothing_backed_up()
        generation = await self._rebuilding.begin(kek, owner, contacts, self._phase)
        journal = replace(journal, phase=RecoveryPhase.REBUILT, generation=generation)
        await self._custody.journal_recovery(journal)
        return journal

    async def _restore(self, kek: Kek, owner: OwnerRecord, journal: RecoveryJournal) -> RecoveryJournal:
        await self._say("Looking for your backup")
        delegation = log_delegation(kek, await self._backups.backup_key(), FIRST_GENERATION)

        async def progress(phase: str, done: int, total: int) -> None:
            await self._say(phase[:1].upper() + phase[1:] or "Restoring your backup", done, total)

        try:
            found = await self._backups.restore(
                delegation, journal.seq, lambda keys: open_body_keys(kek, keys), progress
            )
        except PiccoloError as failed:
            if failed.kind is Kind.NOT_FOUND and failed.reason != "POINT_MISSING":
                raise nothing_backed_up() from failed
            if failed.reason != "MEMORY_NOT_EMPTY":
                raise
            if await self._memory_of() != (await rightful_owner(self._remembers, owner)).owner:
                raise
            # The process ended between the restore and the note of it: what lies there is this owner's.
            found = RestoredMemory(seq=0, generation=0, confirmed_until=0, device_until=0, files=0)
        journal = replace(
            journal,
            phase=RecoveryPhase.RESTORED,
            generation=found.generation,
            confirmed_until=found.confirmed_until,
            device_until=found.device_until,
            files=found.files,
        )
        await self._custody.journal_recovery(journal)
        return journal

    async def _all_roles(self) -> Mapping[str, Keys]:
        """The keys of this device's processes, as soon as all have told theirs."""
        until = self._clock.running() + self._patience
        while True:
            try:
                return await self._roles.gather()
            except PiccoloError as early:
                if early.kind not in _AWAY or self._clock.running() > until:
                    raise
                await self._say("Waiting for this device's other services")
                await asyncio.sleep(_PAUSE)

    def _rejoin(self, bundle: bytes) -> Reach:
        async def reach(device: bytes) -> CircleView | None:
            view = await self._trust.circle()
            if view is None:
                return await self._trust.rejoin(bundle, device)
            if view.own_device == device or generation_of(view.own_device) > generation_of(device):
                return view
            await self._trust.install(device)
            return await self._trust.circle()

        return reach

    async def _give_up(self, failed: PiccoloError) -> None:
        """Makes the device blank again when the recovery has certainly changed nothing."""
        journal = self._custody.recovery
        if journal is None or journal.phase is not RecoveryPhase.RESTORING:
            return
        if failed.kind in _UNSURE:
            try:
                if await self._memory_of() is not None:
                    return
            except PiccoloError:
                return
        await self._custody.abandon_recovery()

    async def _memory_of(self) -> bytes | None:
        """The owner of metadata's memory, None when it is nobody's."""
        return await self._remembers.state(*OWNER_STATE)

    async def _say(self, phase: str, done: int = 0, total: int = 0) -> None:
        """Tells what happens now; raises PiccoloError CANCELLED when somebody asked for an end."""
        _log.info("recovery", extra=fields(phase=phase, done=done, total=total))
        if await self._telling.tell(self._operation, Work(phase=phase, done=done, total=total)):
            raise PiccoloError(
                Kind.CANCELLED, "RECOVERY_CANCELLED", "The recovery was stopped, as somebody asked."
            )

    async def _phase(self, phase: str) -> None:
        await self._say(phase)

    def _outcome(self) -> OutcomeRecord | None:
        content = self._files.load(OUTCOME_FILE)
        try:
            return OutcomeRecord.from_record(content) if content is not None else None
        except FormatError:
            return None

    async def _audit(self, owner: OwnerRecord) -> None:
        try:
            details = json.dumps({"generation": owner.generation})
            await self._remembers.audit("vault.recover", owner.owner.hex(), "ok", details)
        except PiccoloError as failed:
            _log.warning("an event is not in the audit log", extra=fields(reason=failed.reason))


async def _nowhere(device: bytes) -> None:
    """There is no circle to come back to."""


async def _nothing_left(device: bytes) -> None:
    """Coming back has put the certificate in force already."""


def _ended(failed: PiccoloError, *, unfinished: bool) -> Work:
    more = _GO_ON if unfinished and failed.reason != "FORK" else ""
    error = (failed.reason, failed.message + more)
    return Work(error=error, cancelled=failed.kind is Kind.CANCELLED)
