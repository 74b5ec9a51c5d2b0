"""Ending the device: restart, shutdown, and a reset that forgets everything.

Rules:
* The audit log has it before it is done: afterwards there may be nobody to write, or nothing to write to.
  What was refused before that stands there as a refusal only. That the log cannot be written keeps nobody
  from ending a device.
* A reset wants the device's name, typed as it is.
"""

from __future__ import annotations

from typing import Final

from piccolo_gateway.core.access import Actor
from piccolo_gateway.core.bodies.power import OwnDevice
from piccolo_gateway.core.power import PowerAct, PowerAnswer, name_differs, no_device, not_ended, same_name
from piccolo_gateway.engine.trail import Trail
from piccolo_gateway.ports.circle import CirclePort
from piccolo_gateway.ports.machine import PowerPort
from piccolo_gateway.ports.memory import SettingsPort

_NAME: Final = "device.name"
_DEFAULT: Final = "Piccolo"


class Power:
    """Ends this device."""

    def __init__(self, port: PowerPort, circle: CirclePort, settings: SettingsPort, trail: Trail) -> None:
        self._port, self._circle, self._settings, self._trail = port, circle, settings, trail

    async def device(self) -> OwnDevice:
        """Its name, and whether it can be ended."""
        return OwnDevice(name=await self._name(), offered=self._port.offered())

    async def end(self, act: PowerAct, actor: Actor, action: str) -> None:
        """Ends it, one way or the other; `action` is what the audit log calls it.

        Raises PiccoloError PRECONDITION (NOT_A_DEVICE, DATA_CLOSED) or UNAVAILABLE (POWER_...).
        """
        if not self._port.offered():
            raise no_device()
        await self._trail.note(actor, action, "", None)
        answer = await self._port.ask(act)
        if answer is not PowerAnswer.ENDING:
            raise not_ended(answer)

    async def reset(self, typed: str, actor: Actor, action: str) -> None:
        """Makes it forget everything. Raises PiccoloError INVALID (NAME_DIFFERS), and as `end`."""
        if not self._port.offered():
            raise no_device()
        name = await self._name()
        if not same_name(typed, name):
            raise name_differs(name)
        await self.end(PowerAct.RESET, actor, action)

    async def _name(self) -> str:
        circle = await self._circle.get()
        own = next((member.name for member in circle.members if member.self), "") if circle else ""
        if own:
            return own
        told = await self._settings.get()
        return next((str(one.value) for one in told.settings if one.name == _NAME and one.value), _DEFAULT)
