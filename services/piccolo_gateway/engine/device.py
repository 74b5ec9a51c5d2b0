"""The device as a whole: what anybody may know of it, and whether its files are open."""

from __future__ import annotations

from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.api import PREFIX
from piccolo_gateway.core.bodies.device import DeviceStatus
from piccolo_gateway.ports.circle import CirclePort
from piccolo_gateway.ports.keys import Keys
from piccolo_gateway.ports.machine import Clock

_BELIEVED: Final = 0.5


class Device:
    """This device.

    That it is unlocked is believed for half a second: names would else cost a further call each. What the KEK
    itself is needed for is refused by the vault, without delay.
    """

    def __init__(self, keys: Keys, circle: CirclePort, clock: Clock) -> None:
        self._keys, self._circle, self._clock = keys, circle, clock
        self._open_until = float("-inf")

    async def status(self) -> DeviceStatus:
        """What anybody may know."""
        keys = await self._keys.status()
        return DeviceStatus(
            product="piccolo",
            api=f"{PREFIX}/openapi.json",
            keys=keys.state,
            circle=await self._circle.get() is not None,
            ask=list(keys.ask),
            retry_after=round(keys.retry_after, 3),
            recovering=keys.recovering,
            replaced=bool(keys.fenced),
            new_words=bool(keys.rotating),
        )

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
        elif state == "unconfirmed":
            raise PiccoloError(
                Kind.PRECONDITION, "WORDS_UNCONFIRMED", "The recovery words were not confirmed yet."
            )
        else:
            raise PiccoloError(Kind.PRECONDITION, "NOT_SET_UP", "This device has no owner yet.")

    def doubt(self) -> None:
        """Forgets that the files are open: somebody just locked them."""
        self._open_until = float("-inf")
