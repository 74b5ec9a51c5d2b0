"""What an unlocked device does on its own: delegation, countersignature, certificate, admissions.

Rules:
* Each duty is done once an unlock, and again until it succeeds; admissions do not wait for the others.
* The certificate comes first, and is looked at whenever the circle changes: what follows is signed for its
  generation.
* Same keys, same generation. When a process lost its keys the device takes a new generation, as a recovered
  one does: peers refuse other keys under the old number.
* A device that was replaced, and a locked one, does nothing.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.certificates import countersigned_head, log_delegation, own_certificate, same_keys
from piccolo_vault.core.custody import Stage
from piccolo_vault.engine.generations import Plan
from piccolo_vault.ports.backups import OWNER_STATE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_vault.engine.aftermath import Fence
    from piccolo_vault.engine.custody import Custody
    from piccolo_vault.engine.generations import Generations
    from piccolo_vault.engine.membership import Membership
    from piccolo_vault.engine.pulse import Pulse
    from piccolo_vault.engine.roles import Neighbours
    from piccolo_vault.ports.trust import CircleView

_POLL, _RETRY, _PATIENCE = 60.0, 5.0, 30.0
_log = logging.getLogger(__name__)


class Duties:
    """Runs for as long as the process does."""

    def __init__(
        self,
        custody: Custody,
        fence: Fence,
        neighbours: Neighbours,
        generations: Generations,
        membership: Membership,
        circle_changed: Pulse,
        proposals_changed: Pulse,
    ) -> None:
        self._custody, self._fence = custody, fence
        self._trust, self._backups = neighbours.trust, neighbours.backups
        self._remembers, self._roles = neighbours.remembers, neighbours.roles
        self._generations, self._membership = generations, membership
        self._circle_changed, self._proposals_changed = circle_changed, proposals_changed
        self._done: set[str] = set()
        self._seen = 0
        self._failing: dict[str, str] = {}

    async def run(self) -> None:
        """Does the duties at every unlock, and signs admissions for as long as the device is unlocked."""
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._lane(self._chores, self._circle_changed))
            lanes.create_task(self._lane(self._admissions, self._circle_changed, self._proposals_changed))

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
        if self._seen != self._custody.unlocks:
            self._done.clear()
            self._seen = self._custody.unlocks
        chores: dict[str, Callable[[], Awaitable[None]]] = {
            "owner": self._owner,
            "claim": self._claim,
            "delegation": self._delegation,
            "head": self._head,
        }
        well = await self._try("certificate", self._certificate)
        for name, chore in chores.items():
            if name not in self._done and await self._try(name, chore):
                self._done.add(name)
        return well and self._done >= chores.keys()

    async def _admissions(self) -> bool:
        return await self._try("admissions", self._membership.sign_admissions)

    async def _try(self, name: str, duty: Callable[[], Awaitable[None]]) -> bool:
        try:
            await duty()
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

    async def _certificate(self) -> None:
        owner = self._custody.owner()
        if owner.device is None:
            return
        roles = await self._roles.gather()
        device = own_certificate(owner.device, owner).record
        pending = self._generations.pending(owner)
        unfinished = pending is not None and pending.generation > owner.generation
        if same_keys(device, roles) and not unfinished:
            return
        _log.warning("this device takes a new generation", extra=fields(after=owner.generation))
        kek = self._custody.kek()
        plan = Plan(kek, owner, roles, device.circle, device.name, _PATIENCE)
        self._custody.save_owner(await self._generations.advance(plan, self._install, self._say))
        self._generations.done()

    async def _owner(self) -> None:
        """Lets the memory say whose it is, so that a restored one is recognised."""
        owner = self._custody.owner().owner
        if await self._remembers.state(*OWNER_STATE) != owner:
            await self._remembers.set_state(*OWNER_STATE, owner)

    async def _claim(self) -> None:
        """Brings a claim to the log that was not reached when it was made."""
        owner = self._custody.owner()
        if owner.claim is None:
            return
        await self._backups.append_claim(owner.claim, await self._delegate())
        self._custody.save_owner(replace(self._custody.owner(), claim=None))

    async def _delegation(self) -> None:
        await self._backups.delegate(await self._delegate())

    async def _delegate(self) -> bytes:
        key = await self._backups.backup_key()
        return log_delegation(self._custody.kek(), key, self._custody.owner().generation)

    async def _head(self) -> None:
        """The words' own signature over what the log holds until now."""
        state = await self._backups.status()
        if not state.head:
            return
        key = await self._backups.backup_key()
        owner = self._custody.owner()
        head = countersigned_head(self._custody.kek(), state.head, key, owner.generation)
        await self._backups.countersign(head)

    async def _install(self, device: bytes) -> CircleView | None:
        await self._trust.install(device)
        return await self._trust.circle()

    async def _say(self, phase: str) -> None:
        """Notes what happens; raises PiccoloError LOCKED when the device was locked meanwhile."""
        self._custody.kek()
        _log.info("new generation", extra=fields(phase=phase))
