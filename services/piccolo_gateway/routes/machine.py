"""The machine that the device is."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.machine import Machine
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_LOOK = Endpoint(
    method="GET",
    path=f"{PREFIX}/machine",
    summary="Processor, memory, disk and network of this machine",
    tag="device",
    scope=Scope.READ,
    answers={200: Answer("What it has, and counts since its start: ask twice for rates.", Machine)},
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoint of the machine."""

    async def look(call: Call) -> Reply:
        return Reply(body=services.machine.look())

    return [Bound(_LOOK, look)]
