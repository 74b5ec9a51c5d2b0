"""What everything survives: health, check and repair."""

from __future__ import annotations

from piccolo_gateway.core import paths
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.base import Started
from piccolo_gateway.core.bodies.files import AskingHealth, Check, FileHealth, Repair, StoreHealth
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "safety"
WHERE = Header("Location", "The operation, to watch.")


_ALL_HEALTH = Endpoint(
    method="GET",
    path=f"{PREFIX}/health",
    summary="What everything survives",
    tag=_TAG,
    scope=Scope.READ,
    answers={200: Answer("In numbers and in words.", StoreHealth)},
)

_HEALTH = Endpoint(
    method="GET",
    path=f"{PREFIX}/health/{{path}}",
    summary="What a file survives, and where its fragments lie",
    tag=_TAG,
    scope=Scope.READ,
    query=AskingHealth,
    refuses=(409,),
    answers={200: Answer("In numbers and in words.", FileHealth)},
)

_CHECK = Endpoint(
    method="POST",
    path=f"{PREFIX}/check",
    summary="Ask the keepers for every fragment",
    words="The operation's result has numbers, `words` for a person, and in `lost_files` the names of at"
    " most 200 files that nothing brings back any more. A check runs by itself after a recovery.",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Check,
    answers={202: Answer("The check runs.", Started, headers=(WHERE,))},
    audit="store.check",
)

_REPAIR = Endpoint(
    method="POST",
    path=f"{PREFIX}/repair",
    summary="Rebuild what is missing",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Repair,
    answers={202: Answer("The repair runs.", Started, headers=(WHERE,))},
    audit="store.repair",
)


def started(operation_id: str, headers: dict[str, str] | None = None) -> Reply:
    """The answer of what takes long."""
    location = {"Location": f"{PREFIX}/operations/{operation_id}"}
    return Reply(202, Started(operation_id=operation_id), {**location, **(headers or {})})


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of what is safe."""

    async def all_health(call: Call) -> Reply:
        return Reply(body=await services.store.store_health())

    async def health(call: Call) -> Reply:
        return Reply(body=await services.store.health(call.path, ask=call.query(AskingHealth).ask))

    async def check(call: Call) -> Reply:
        asked = call.body(Check)
        call.subject = asked.path
        path = paths.check(asked.path) if asked.path else ""
        return started(await services.store.check(path, asked.read_percent))

    async def repair(call: Call) -> Reply:
        return started(await services.store.repair(now=call.body(Repair).now))

    return [
        Bound(_ALL_HEALTH, all_health),
        Bound(_HEALTH, health),
        Bound(_CHECK, check),
        Bound(_REPAIR, repair),
    ]
