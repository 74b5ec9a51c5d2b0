"""The device as a whole: what anybody may know of it, and whether its files are open."""

from __future__ import annotations

import asyncio
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.api import PREFIX
from piccolo_gateway.core.bodies.device import ClaimKind, DeviceStatus, KeyState
from piccolo_gateway.ports.circle import CirclePort
from piccolo_gateway.ports.keys import Keys, KeyStatus
from piccolo_gateway.ports.machine import Clock

_BELIEVED: Final = 0.5
_TOLD: Final = 0.1


class Device:
    """This device.

    That it is unlocked is believed for half a second: names would else cost a further call each. What the KEK
    itself is needed for is refused by the vault, without delay. What anybody may know is asked for once for
    all who ask within a tenth of a second, strangers too, and anew after each call that changed something.
    """

    def __init__(self, keys: Keys, circle: CirclePort, clock: Clock) -> None:
        self._keys, self._circle, self._clock = keys, circle, clock
        self._open_until = float("-inf")
        self._told: asyncio.Task[tuple[KeyStatus, bool]] | None = None
        self._told_until = float("-inf")

    async def status(self, claim: ClaimKind) -> DeviceStatus:
        """What anybody may know; `claim` is what a blank device wants of its first owner."""
        keys, circle = await self._present()
        return DeviceStatus(
            product="piccolo",
            api=f"{PREFIX}/openapi.json",
            keys=keys.state,
            claim="claimed" if keys.state in ("locked", "unlocked") else claim,
            circle=circle,
            ask=list(keys.ask),
            retry_after=round(keys.retry_after, 3),
            recovering=keys.recovering,
            replaced=bool(keys.fenced),
            new_words=bool(keys.rotating),
        )

    def stale(self) -> None:
        """Forgets what was told: a call has changed something."""
        self._told = None

    async def _present(self) -> tuple[KeyStatus, bool]:
        told = self._told
        if told is None or (told.done() and self._clock.running() >= self._told_until):
            told = self._told = asyncio.ensure_future(self._ask())
            told.add_done_callback(_heard)
        try:
            return await asyncio.shield(told)
        except PiccoloError:
            self._told = None if self._told is told else self._told
            raise

    async def _ask(self) -> tuple[KeyStatus, bool]:
        found = await self._keys.status(), await self._circle.get() is not None
        self._told_until = self._clock.running() + _TOLD
        return found

    async def require_unlocked(self) -> None:
        """Raises PiccoloError LOCKED, or PRECONDITION when there is no owner yet."""
        if self._clock.running() < self._open_until:
            return
        state = (await self._keys.status()).state
        if state == "unlocked":
            self._open_until = self._clock.running() + _BELIEVED
        elif state == "locked":
            raise PiccoloError(
                Kind.LOCKED, "LOCKED", "This device is locked. Unlock it with your passphrase."
            )
        else:
            raise _nobodys(state)

    async def require_owner(self) -> None:
        """Raises PiccoloError PRECONDITION when there is no owner yet, or the words were not confirmed."""
        state = (await self._keys.status()).state
        if state not in ("locked", "unlocked"):
            raise _nobodys(state)

    def doubt(self) -> None:
        """Forgets that the files are open: somebody just locked them."""
        self._open_until = float("-inf")
        self.stale()


def _nobodys(state: KeyState) -> PiccoloError:
    if state == "unconfirmed":
        return PiccoloError(
            Kind.PRECONDITION, "WORDS_UNCONFIRMED", "The recovery words were not confirmed yet."
        )
    return PiccoloError(Kind.PRECONDITION, "NOT_SET_UP", "This device has no owner yet.")


def _heard(told: asyncio.Task[tuple[KeyStatus, bool]]) -> None:
    """Takes note of a failure, although nobody who asked may be there any more."""
    if not told.cancelled():
        told.exception()
