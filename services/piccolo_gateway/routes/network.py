"""The home's network: what this device is called in it, and where it is reached."""

from __future__ import annotations

from piccolo_gateway.core import profile
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.home import Network
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_NETWORK = Endpoint(
    method="GET",
    path=f"{PREFIX}/network",
    summary="What this device is called in the home's network, and where it is reached",
    tag="device",
    scope=Scope.READ,
    answers={200: Answer("Its name and addresses.", Network)},
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoint of the network."""

    async def network(call: Call) -> Reply:
        present, root = services.home.present, services.root()
        body = Network(
            name=f"{present.label}.local" if present.label else "",
            wanted=f"{present.wanted}.local",
            taken=bool(present.label) and present.label != present.wanted,
            addresses=list(present.addresses),
            root=profile.fingerprint(root) if root else "",
        )
        return Reply(body=body)

    return [Bound(_NETWORK, network)]
