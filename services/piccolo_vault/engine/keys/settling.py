"""What follows once new words are in force, until nothing is left that the old ones are needed for.

Rules:
* It rests on the memory alone (`lineage`, `former`): a device that was recovered by the new words goes on
  where the lost one was.
* Keepers take the successor together with the next generation of this device, by a majority of promises.
  From then on they refuse the old root. The generation is a new one because keepers, the log and the circle
  know one order of an owner's devices, and a certificate by another root is another certificate
  (docs/adr/0012).
* The old log is closed only when a majority knows the new root: who closed it earlier could be left with no
  words that let a device in.
* A log that cannot be ended (damaged, full, in the hands of somebody who has the old words too) keeps
  nothing else waiting: what strangers may open is renewed and sealed anew all the same. It is tried again,
  and the old KEK kept for it. Only for a cloud that is away everything waits.
* The old KEK is forgotten last: after its wraps, its commit records and its admin key in the roster; when its
  words were exposed, after the last version that it could open has another key and the old one is purged.
* A memory that the circle filled has `former` without that KEK. Then the old log cannot be closed, and what
  only that KEK opens is out of reach: what is left is to seal anew what the members brought back, and to
  purge what no file needs of any device before this one.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError
from piccolo_formats.records.roster import Roster
from piccolo_formats.signed import open_signed

from piccolo_vault.core.keys.certificates import device_claim, kept_certificate, log_delegation
from piccolo_vault.core.keys.rotation import dropping, former_of, is_exposed, lineage_of
from piccolo_vault.engine.keys.carrying import swap
from piccolo_vault.engine.keys.generations import Plan
from piccolo_vault.engine.keys.pulse import Pulse
from piccolo_vault.ports.successions import FORMER_STATE, LINEAGE_STATE

if TYPE_CHECKING:
    from piccolo_formats.kek import Kek
    from piccolo_formats.secret import Random

    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.core.resealed import Resealed
    from piccolo_vault.engine.keys.carrying import Say
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.generations import Generations
    from piccolo_vault.engine.keys.roles import Neighbours
    from piccolo_vault.ports.custody import Clock
    from piccolo_vault.ports.successions import Successions
    from piccolo_vault.ports.trust import CircleView

_PATIENCE, _TRIES = 30.0, 5
_NOT_NOW = frozenset({Kind.LOCKED, Kind.UNAVAILABLE, Kind.TIMEOUT})
_log = logging.getLogger(__name__)


class Settling:
    """Brings everything over to the words in force."""

    def __init__(
        self,
        custody: Custody,
        generations: Generations,
        neighbours: Neighbours,
        successions: Successions,
        clock: Clock,
        random: Random,
    ) -> None:
        self._custody, self._generations = custody, generations
        self._trust, self._backups = neighbours.trust, neighbours.backups
        self._remembers, self._roles = neighbours.remembers, neighbours.roles
        self._successions, self._clock, self._random = successions, clock, random
        self._forget()
        self.outcome: dict[str, object] = {}
        self.moved = Pulse()

    def _forget(self) -> None:
        self._closed = self._renewed = self._swapped = self._emptied = self._sealing = False
        self._through = self._suspected = 0
        self._resealed: Resealed | None = None

    @property
    def renewing(self) -> bool:
        """Whether keepers may still have commit records that only the former words open."""
        return self._swapped and not self._renewed and self._custody.former is not None

    def renewed(self, done: int, total: int, waiting: int) -> None:
        """So many objects' commit records are renewed; with none waiting all are."""
        if done == total and not waiting and not self._renewed:
            self._renewed = True
            self.moved.fire()

    @property
    def exposed_through(self) -> int:
        """The last generation under words that strangers may know; 0: there are no such."""
        return self._through if self._custody.former_known else 0

    @property
    def suspected_through(self) -> int:
        """The last generation of which nobody tells what exposed words opened; 0: there is no such."""
        return self._suspected if self._custody.former_known else 0

    @property
    def sealing(self) -> bool:
        """Whether files are to be sealed anew now."""
        return self._sealing and self._custody.former_known and not self.is_sealed

    @property
    def is_sealed(self) -> bool:
        """Whether nothing is left of exposed words, here and at the members."""
        return self._resealed is not None and self._resealed.over

    def resealed(self, told: Resealed) -> None:
        """So far is the sealing anew."""
        if told != self._resealed:
            self._resealed = told
            self.moved.fire()

    async def settle(self, say: Say) -> bool:
        """Takes the steps that can be taken; returns whether nothing is left to do.

        Raises PiccoloError LOCKED, UNAVAILABLE (NO_MAJORITY, ...); then it is tried again.
        """
        kek, owner = self._custody.kek(), self._custody.owner()
        former = await self._remembers.state(*FORMER_STATE)
        if former is None:
            return True
        old, exposed = former_of(former, kek), is_exposed(former)
        lineage = lineage_of(await self._remembers.state(*LINEAGE_STATE))
        replaced = lineage[-1].record.generation if exposed else 0
        if old is None:
            return await self._settle_without_former(owner, replaced, say)
        self._through = replaced
        self._custody.learn_former(old)
        successors = tuple(each.to_bytes() for each in lineage)
        await self._certify(kek, old, successors, say)
        unended = await self._end_log(old, owner.owner, successors[-1], say, exposed=exposed)
        if not self._swapped:
            await swap(self._successions, (old, kek), owner.epoch, self._random, say, exposed=exposed)
            self._swapped = True
            self._custody.changed.fire()
        if not self._renewed:
            await say("Renewing what the members keep, so that the new words alone open it")
            return False
        if exposed and not await self._is_sealed_anew((old, kek), owner.epoch, say):
            return False
        if not await self._is_forgettable(unended, say):
            return False
        # what a crash had left open may have come in since, under the wrap of its day
        came_in = await swap(self._successions, (old, kek), owner.epoch, self._random, say, exposed=exposed)
        if exposed and came_in:
            self._resealed = None
            self._custody.changed.fire()
            return False
        await self._end(owner)
        return True

    async def _settle_without_former(self, owner: OwnerRecord, replaced: int, say: Say) -> bool:
        """Lets everything be sealed anew that words which nobody tells any more may open.

        `replaced`: the last generation under those words.
        """
        self._through, self._suspected = max(replaced, owner.generation - 1), replaced
        self._custody.forget_former()
        if not await self._is_sealed_anew(None, owner.epoch, say):
            return False
        await self._end(owner)
        return True

    async def _end_log(
        self, old: Kek, owner: bytes, successor: bytes, say: Say, *, exposed: bool
    ) -> PiccoloError | None:
        """Closes the old words' backup log, and empties it where strangers may open it.

        Returns why not, where that is for the log itself; what else is to be done does not wait for it.
        """
        try:
            if not self._closed:
                await say("Closing the backup of the old words")
                await self._close(old, owner, successor)
                self._closed = True
            if exposed and not self._emptied:
                await say("Deleting the backups of the old words at the cloud")
                await self._empty(old)
                self._emptied = True
        except PiccoloError as failed:
            if failed.kind in _NOT_NOW:
                raise
            _log.warning("the backup of the old words is not ended", extra=fields(reason=failed.reason))
            return failed
        return None

    async def _is_sealed_anew(self, keks: tuple[Kek, Kek] | None, epoch: int, say: Say) -> bool:
        """Lets the way of a file seal everything anew; returns whether that is over.

        `keks`: from which words to which what came in late is handed over; None: nobody has the earlier ones.
        """
        if not self._sealing:
            if keks is not None:
                await swap(self._successions, keks, epoch, self._random, say, exposed=True)
            self._sealing, self._resealed = True, None
            self._custody.changed.fire()
        if (told := self._resealed) is None:
            await say("Looking for what is to be sealed anew")
            return False
        if not told.over:
            await say(told.phase, told.done, told.total)
        return told.over

    async def _is_forgettable(self, unended: PiccoloError | None, say: Say) -> bool:
        """Whether neither the circle nor the old log needs the old KEK any more; raises why the log does."""
        if not await self._in_roster():
            await say("Waiting for the circle's admins to note the new keys")
            return False
        if unended is not None:
            raise unended
        return True

    async def _end(self, owner: OwnerRecord) -> None:
        """Forgets the words before, and what is told of them."""
        self.outcome = {"epoch": owner.epoch}
        if (told := self._resealed) is not None:
            sealed = {"versions": told.versions, "leftovers": told.leftovers, "unreached": told.unreached}
            sealed |= {"unopened": told.unopened} if told.unopened else {}
            self.outcome |= sealed
            subject = owner.owner.hex()
            await self._remembers.audit("vault.words.exposed.over", subject, "ok", json.dumps(sealed))
        await self._successions.forget(FORMER_STATE[1])
        self.forget()

    def forget(self) -> None:
        """Nothing is left of the words before."""
        self._custody.forget_former()
        self._forget()

    async def _empty(self, old: Kek) -> None:
        """Deletes the backups that the old words open, all but the note that there are newer words."""
        generation = kept_certificate(self._custody.owner().device or b"").record.generation
        delegation = log_delegation(old, await self._backups.backup_key(), generation)
        before, nonce = await self._successions.begin_emptying(delegation)
        if not before:
            return
        signature = dropping(old, before, nonce)
        gone = await self._successions.empty_log(old.locator().public, before, nonce, signature)
        details = json.dumps({"entries": gone})
        await self._remembers.audit("vault.backup.emptied", old.locator().public.hex(), "ok", details)
        _log.info("the backups of exposed words are deleted", extra=fields(entries=gone))

    async def _certify(self, kek: Kek, old: Kek, successors: tuple[bytes, ...], say: Say) -> None:
        """A generation under the new root, promised by a majority, unless there is one."""
        owner = self._custody.owner()
        device = kept_certificate(owner.device or b"").record
        if device.root == owner.root:
            return
        await say("Telling the members about the new words")
        plan = Plan(
            kek=kek,
            owner=owner,
            roles=await self._roles.gather(),
            circle=device.circle,
            name=device.name,
            patience=_PATIENCE,
            outbids=False,
            successors=successors,
            former=old,
        )

        async def install(certificate: bytes) -> None:
            await self._trust.install(certificate, successors)

        async def phase(text: str) -> None:
            self._custody.kek()
            await say(text)

        made = await self._generations.advance(plan, self._reach, install, phase)
        self._custody.save_owner(made)
        self._generations.done()
        _log.info("this device is certified by the new words", extra=fields(generation=made.generation))

    async def _close(self, old: Kek, owner: bytes, successor: bytes) -> None:
        """Ends the old log; where somebody went on with it, by the next generation of the old root.

        Raises PiccoloError: what the cloud raises, FENCED when somebody always goes on; CONFLICT,
        GENERATIONS_SPENT when there is no next one.
        """
        key = await self._backups.backup_key()
        device = kept_certificate(self._custody.owner().device or b"")
        generation, left = max(1, device.record.generation - 1), _TRIES
        while True:
            left -= 1
            try:
                record = replace(device.record, owner=owner, generation=generation)
                claim = device_claim(old, replace(device, record=record), int(self._clock.wall()))
                delegation = log_delegation(old, key, generation)
                await self._successions.close_log(delegation, claim.to_bytes(), successor)
                return
            except FormatError as spent:
                raise PiccoloError(
                    Kind.CONFLICT,
                    "GENERATIONS_SPENT",
                    "Whoever has the old words took the last generation of their backup. "
                    "Let the cloud's operator delete it.",
                ) from spent
            except PiccoloError as failed:
                if failed.reason != "FENCED" or not left:
                    raise
                generation = int(failed.details["generation"]) + 1

    async def _in_roster(self) -> bool:
        view, owner = await self._trust.circle(), self._custody.owner()
        if view is None:
            return False
        try:
            member = open_signed(Roster, view.roster).record.member(owner.owner)
        except FormatError:
            return False
        return member is not None and member.root == owner.root

    async def _reach(self, device: bytes) -> CircleView | None:
        return await self._trust.circle()
