"""New words for an owner: shown, confirmed, and carried through whatever happens in between.

The steps and their order are told in core/keys/rotation.py. Here:

* Nothing is kept before the new words are confirmed; from then on it goes on by itself whenever the device is
  unlocked, and every step may be taken again.
* Up to the point of no return (`Carrying`) the device's own files say how far it is; after it (`Settling`)
  the memory does, so that a device which was recovered in between goes on as well.
* A device that was replaced takes no further step.
* What it waits for wakes it: the way of a file that renewed the records, the circle whose admins signed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.refusals import rotation_running
from piccolo_vault.engine.keys.keyring import no_circle
from piccolo_vault.ports.backups import Work
from piccolo_vault.ports.successions import FORMER_STATE

if TYPE_CHECKING:
    from piccolo_vault.core.keys.shown import Shown
    from piccolo_vault.engine.keys.aftermath import Fence
    from piccolo_vault.engine.keys.carrying import Carrying
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.pulse import Pulse
    from piccolo_vault.engine.keys.roles import Neighbours
    from piccolo_vault.engine.keys.settling import Settling
    from piccolo_vault.ports.custody import Clock

KIND = "rotate"
_RETRY, _WAIT = 5.0, 300.0
_log = logging.getLogger(__name__)


class Rotation:
    """Begins rotations and brings them to their end, one at a time."""

    def __init__(
        self,
        custody: Custody,
        fence: Fence,
        neighbours: Neighbours,
        carrying: Carrying,
        settling: Settling,
        clock: Clock,
        circle: Pulse,
    ) -> None:
        """`circle`: fires whenever the circle has changed."""
        self._custody, self._fence = custody, fence
        self._trust, self._backups = neighbours.trust, neighbours.backups
        self._remembers, self._clock = neighbours.remembers, clock
        self._carrying, self._settling, self._circle = carrying, settling, circle
        self._said = ""
        self._failing = ""

    @property
    def words(self) -> str:
        """What is being done, in words; empty when no new words are being put in force."""
        waits = self._custody.rotation is not None or self._custody.former is not None
        if not waits and not self._settling.exposed_through:
            return ""
        return self._said or "New words are being put in force; this goes on while the device is unlocked"

    async def begin(self, passphrase: str) -> Shown:
        """Makes new words and shows them; nothing is kept before they are confirmed.

        Raises PiccoloError LOCKED, FENCED, UNAUTHENTICATED (PASSPHRASE_WRONG), PRECONDITION
        (ROTATION_RUNNING, NO_CIRCLE, NO_BACKUP).
        """
        await self._check()
        return await self._custody.offer(passphrase)

    async def confirm(self, words: str, *, exposed: bool) -> str:
        """Checks the three words asked back; returns the operation that tells of the rest.

        `exposed`: strangers may know the old ones, so everything is sealed anew and what they open is purged.

        Raises PiccoloError as `begin`, INVALID (WORDS_DIFFER), PRECONDITION (NO_NEW_WORDS).
        """
        await self._check()
        await self._custody.accept(words, int(self._clock.wall()), exposed=exposed)
        operation = await self._operation()
        if exposed:
            await self._remembers.audit("vault.words.exposed", self._custody.owner().owner.hex(), "ok", "{}")
        return operation

    async def run(self) -> None:
        """Goes on with a rotation whenever the device is unlocked."""
        while True:
            pulses = (self._custody.changed, self._settling.moved, self._circle)
            waits = [asyncio.ensure_future(pulse.wait()) for pulse in pulses]
            try:
                pause = await self._attempt()
                await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def _attempt(self) -> float | None:
        """Takes the steps that can be taken; returns the seconds until the next attempt, None: when woken."""
        if self._fence.up or self._custody.stage is not Stage.UNLOCKED:
            return None
        try:
            if self._custody.rotation is not None:
                await self._carrying.carry(self._say)
            return await self._settle()
        except PiccoloError as failed:
            if failed.kind is Kind.LOCKED:
                return None
            if self._failing != failed.reason:
                self._failing = failed.reason
                _log.warning("new words wait", extra=fields(reason=failed.reason, why=failed.message))
            await self._say(f"Waiting: {failed.message}")
            return _RETRY

    async def _settle(self) -> float | None:
        if await self._remembers.state(*FORMER_STATE) is None:
            self._settling.forget()
            return None
        if not await self._settling.settle(self._say):
            return _WAIT
        self._said, self._failing = "", ""
        result = json.dumps(self._settling.outcome or {"epoch": self._custody.owner().epoch})
        for operation in await self._remembers.running(KIND):
            await self._remembers.advance(operation, Work(result=result))
        _log.info("the earlier words are forgotten")
        return None

    async def _check(self) -> None:
        self._fence.check()
        self._custody.kek()
        if await self._remembers.state(*FORMER_STATE) is not None:
            raise rotation_running()
        if self._custody.owner().device is None or await self._trust.circle() is None:
            raise no_circle()
        if not (await self._backups.status()).head:
            raise PiccoloError(
                Kind.PRECONDITION,
                "NO_BACKUP",
                "New words are worth nothing without a backup under them, and this device has none at the "
                "cloud yet. Wait for the first backup, then begin again.",
            )

    async def _operation(self) -> str:
        running, rotation = await self._remembers.running(KIND), self._custody.rotation
        exposed = rotation.exposed if rotation is not None else self._settling.exposed_through > 0
        unit = "bytes" if exposed else "keys"
        return running[0] if running else await self._remembers.start_operation(KIND, unit)

    async def _say(self, phase: str, done: int = 0, total: int = 0) -> None:
        """Tells what happens now; that this cannot be told does not stop the work."""
        self._said = phase
        try:
            await self._remembers.advance(await self._operation(), Work(phase=phase, done=done, total=total))
        except PiccoloError as failed:
            _log.info("progress is not recorded", extra=fields(reason=failed.reason))
