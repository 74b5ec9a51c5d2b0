"""What an unlocked device does on its own: delegation, countersignature, certificate, admissions.

Rules:
* Each duty is done once an unlock, and once under new words, again until it succeeds; admissions do not wait
  for the others.
* The certificate comes first, and is looked at whenever the circle changes: what follows is signed for its
  generation.
* Same keys, same generation. When a process lost its keys the device takes a new generation, as a recovered
  one does: peers refuse other keys under the old number.
* A device that was replaced, and a locked one, does nothing. Whether it was replaced is asked before anything
  else is done: of the circle always, of members now and then, for those whom no circle tells any more.
* A device that shares its generation with another one, and is not the one that the circle goes by, takes the
  next generation: it has a majority, the other one moved on or was given up.
* While new words come into force the certificate and the backup are the rotation's: what would be signed here
  is of the old words, or of both.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.keys.certificates import (
    countersigned_head,
    generation_of,
    kept_certificate,
    log_delegation,
    own_certificate,
    same_keys,
)
from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.engine.keys.generations import Plan
from piccolo_vault.ports.backups import OWNER_STATE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_vault.engine.keys.aftermath import Fence
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.generations import Generations
    from piccolo_vault.engine.keys.membership import Membership
    from piccolo_vault.engine.keys.pulse import Pulse
    from piccolo_vault.engine.keys.roles import Neighbours
    from piccolo_vault.ports.custody import Clock
    from piccolo_vault.ports.trust import CircleView

_POLL, _RETRY, _PATIENCE, _ASK = 60.0, 5.0, 30.0, 300.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pulses:
    """What wakes a device to its duties besides its own keys."""

    circle: Pulse
    proposals: Pulse
    backup: Pulse


class Duties:
    """Runs for as long as the process does."""

    def __init__(
        self,
        custody: Custody,
        fence: Fence,
        neighbours: Neighbours,
        generations: Generations,
        membership: Membership,
        clock: Clock,
        pulses: Pulses,
    ) -> None:
        self._custody, self._fence = custody, fence
        self._trust, self._backups = neighbours.trust, neighbours.backups
        self._remembers, self._roles = neighbours.remembers, neighbours.roles
        self._generations, self._membership = generations, membership
        self._clock, self._pulses = clock, pulses
        self._done: set[str] = set()
        self._seen, self._asked, self._bump = (0, 0), -_ASK, False
        self._failing: dict[str, str] = {}

    async def run(self) -> None:
        """Does the duties at every unlock, and signs admissions for as long as the device is unlocked."""
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._lane(self._chores, self._pulses.circle, self._pulses.backup))
            lanes.create_task(self._lane(self._admissions, self._pulses.circle, self._pulses.proposals))

    async def _lane(self, work: Callable[[], Awaitable[bool]], *pulses: Pulse) -> None:
        while True:
            # Who waits before the work begins misses nothing that happens meanwhile.
            waits = [asyncio.ensure_future(p.wait()) for p in (self._custody.changed, *pulses)]
            try:
                acting = not self._fence.up and self._custody.stage is Stage.UNLOCKED
                pause = None
                if acting:
                    pause = _POLL if await work() else _RETRY
                await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def _chores(self) -> bool:
        """Does what is left to do, in order; returns whether all went well."""
        present = (self._custody.unlocks, self._custody.owner().epoch)
        if self._seen != present:
            self._done.clear()
            self._seen, self._asked = present, -_ASK
        chores: dict[str, Callable[[], Awaitable[bool]]] = {
            "owner": self._owner,
            "claim": self._claim,
            "delegation": self._delegation,
            "head": self._head,
        }
        well = await self._try("keepers", self._keepers)
        if self._rotating():
            return well & await self._try("owner", self._owner)
        if self._fence.up or not await self._try("certificate", self._certificate):
            return False
        for name, chore in chores.items():
            if name not in self._done and not self._fence.up:
                well &= await self._try(name, chore)
        return well

    def _rotating(self) -> bool:
        owner = self._custody.owner()
        between = owner.device is not None and kept_certificate(owner.device).record.root != owner.root
        return self._custody.rotation is not None or between

    async def _admissions(self) -> bool:
        return await self._try("admissions", self._sign)

    async def _sign(self) -> bool:
        await self._membership.sign_admissions()
        return False

    async def _try(self, name: str, duty: Callable[[], Awaitable[bool]]) -> bool:
        """Runs a duty, which says whether it is done until the next unlock; returns whether it went well."""
        try:
            if await duty():
                self._done.add(name)
        except PiccoloError as failed:
            if failed.kind is Kind.LOCKED:
                return True
            if self._failing.get(name) != failed.reason:
                self._failing[name] = failed.reason
                _log.warning(
                    "a duty waits", extra=fields(duty=name, reason=failed.reason, why=failed.message)
                )
            return False
        self._failing.pop(name, None)
        return True

    async def _keepers(self) -> bool:
        """Looks in the circle, and asks members now and then, whether a newer device took over."""
        view, owner = await self._trust.circle(), self._custody.owner()
        if view is None:
            return False
        claim = view.own_claim
        if self._clock.running() - self._asked >= _ASK:
            claim = await self._generations.rival(self._custody.kek(), owner, view) or claim
            self._asked = self._clock.running()
        if claim is not None:
            self._fence.raise_for_claim(claim, owner)
            self._fence.check()
        return False

    async def _certificate(self) -> bool:
        owner = self._custody.owner()
        if owner.device is None:
            return False
        roles = await self._roles.gather()
        device = own_certificate(owner.device, owner).record
        pending = self._generations.pending(owner)
        unfinished = pending is not None and pending.generation > owner.generation
        view = await self._trust.circle()
        if view is None:
            return False  # whoever founds or joins makes a certificate that fits
        twin = view.own_device != owner.device and generation_of(view.own_device) == owner.generation
        if same_keys(device, roles) and not (unfinished or self._bump or twin):
            return False
        _log.warning("this device takes a new generation", extra=fields(after=owner.generation))
        kek = self._custody.kek()
        plan = Plan(kek, owner, roles, device.circle, device.name, _PATIENCE, outbids=self._bump)
        try:
            made = await self._generations.advance(plan, self._reach, self._trust.install, self._say)
        except PiccoloError as outbid:
            if outbid.reason == "OUTBID":
                self._fence.raise_for(generation=int(outbid.details["generation"]))
            raise
        self._custody.save_owner(made)
        self._generations.done()
        self._bump = False
        return False

    async def _owner(self) -> bool:
        """Lets the memory say whose it is, so that a restored one is recognised."""
        owner = self._custody.owner().owner
        if await self._remembers.state(*OWNER_STATE) != owner:
            await self._remembers.set_state(*OWNER_STATE, owner)
        return True

    async def _claim(self) -> bool:
        """Brings a claim to the log that was not reached when it was made.

        Where the log has a higher generation meanwhile, this device was replaced. Where another device
        claimed the same one, the majority that promised decides: this device has it, and moves on.
        """
        owner = self._custody.owner()
        if owner.claim is None:
            return True
        try:
            await self._backups.append_claim(owner.claim, await self._delegate())
        except PiccoloError as failed:
            if failed.reason == "FENCED":
                taken = int(failed.details.get("generation", "0"))
                self._bump = taken <= owner.generation
                if not self._bump:
                    self._fence.raise_for(generation=taken)
            raise
        self._custody.save_owner(replace(self._custody.owner(), claim=None))
        return True

    async def _delegation(self) -> bool:
        await self._backups.delegate(await self._delegate())
        return True

    async def _delegate(self) -> bytes:
        key = await self._backups.backup_key()
        return log_delegation(self._custody.kek(), key, self._custody.owner().generation)

    async def _head(self) -> bool:
        """The words' own signature over what the log holds until now, as soon as it holds anything."""
        state = await self._backups.status()
        if not state.head:
            return False
        key = await self._backups.backup_key()
        owner = self._custody.owner()
        head = countersigned_head(self._custody.kek(), state.head, key, owner.generation)
        await self._backups.countersign(head)
        return True

    async def _reach(self, device: bytes) -> CircleView | None:
        return await self._trust.circle()

    async def _say(self, phase: str) -> None:
        """Notes what happens; raises PiccoloError LOCKED when the device was locked meanwhile."""
        self._custody.kek()
        _log.info("new generation", extra=fields(phase=phase))
