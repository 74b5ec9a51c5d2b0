"""Ending the device: restart, shutdown, factory reset."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.base import Empty
from piccolo_gateway.core.bodies.power import OwnDevice, Reset
from piccolo_gateway.core.power import PowerAct
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "device"
_SECONDS = 300.0
_ONLY = "409 NOT_A_DEVICE where the services are programs on somebody's computer."

_LOOK = Endpoint(
    method="GET",
    path=f"{PREFIX}/device",
    summary="What this device is called, and whether it can be ended from here",
    tag=_TAG,
    scope=Scope.READ,
    answers={200: Answer("Its name, and whether.", OwnDevice)},
)

_RESTART = Endpoint(
    method="POST",
    path=f"{PREFIX}/device/restart",
    summary="Stop everything in order, and start again",
    tag=_TAG,
    scope=Scope.ADMIN,
    refuses=(409,),
    answers={202: Answer("It goes down now. When it is back it asks for the passphrase.", Empty)},
    words=f"It is back when /api/v1/boot-key tells another key. {_ONLY}",
    seconds=_SECONDS,
    audit="device.restart",
)

_SHUTDOWN = Endpoint(
    method="POST",
    path=f"{PREFIX}/device/shutdown",
    summary="Stop everything in order, and switch off",
    tag=_TAG,
    scope=Scope.ADMIN,
    refuses=(409,),
    answers={202: Answer("It goes down now. Only its power button brings it back.", Empty)},
    words=_ONLY,
    seconds=_SECONDS,
    audit="device.shutdown",
)

_RESET = Endpoint(
    method="POST",
    path=f"{PREFIX}/device/reset",
    summary="Forget everything, and start as a blank device",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Reset,
    fresh=True,
    refuses=(409,),
    answers={202: Answer("Nothing that it kept can be read any more; it restarts now.", Empty)},
    words="Gone are this device's keys and what it keeps for others; its owner's files stay where they are,"
    " with the circle's members, and the 24 words bring them back on any blank device. Needs a session with a"
    " fresh proof (POST /api/v1/sessions/proof; no token has one) and the device's name, typed: NAME_DIFFERS."
    f" Data that could not be opened at this start is not reset: DATA_CLOSED. {_ONLY}",
    seconds=_SECONDS,
    audit="device.reset",
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of the device's ends."""

    async def look(call: Call) -> Reply:
        return Reply(body=await services.power.device())

    async def restart(call: Call) -> Reply:
        await services.power.end(PowerAct.RESTART, call.actor, call.endpoint.audit)
        return _ends(call)

    async def shutdown(call: Call) -> Reply:
        await services.power.end(PowerAct.SHUTDOWN, call.actor, call.endpoint.audit)
        return _ends(call)

    async def reset(call: Call) -> Reply:
        await services.power.reset(call.body(Reset).name, call.actor, call.endpoint.audit)
        return _ends(call)

    return [
        Bound(_LOOK, look),
        Bound(_RESTART, restart),
        Bound(_SHUTDOWN, shutdown),
        Bound(_RESET, reset),
    ]


def _ends(call: Call) -> Reply:
    """The answer of what the audit log has already."""
    call.noted = False
    return Reply(202, Empty())
