"""Facts of the software: for everybody, and for the owner."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.about import Facts, WellKnown
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "about"


_PUBLIC = Endpoint(
    method="GET",
    path="/.well-known/piccolo",
    summary="That this is a Piccolo device, of which release, and whether it is well",
    tag=_TAG,
    scope=None,
    answers={200: Answer("What everybody may know.", WellKnown)},
)

_FACTS = Endpoint(
    method="GET",
    path=f"{PREFIX}/facts",
    summary="Versions, uptime, and which services answer",
    tag=_TAG,
    scope=Scope.READ,
    answers={200: Answer("What the owner may know.", Facts)},
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of facts."""

    async def public(call: Call) -> Reply:
        return Reply(body=await services.known.public())

    async def facts(call: Call) -> Reply:
        return Reply(body=await services.known.whole())

    return [Bound(_PUBLIC, public), Bound(_FACTS, facts)]
