"""The owner's settings."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.memory import ChangedSettings, Settings
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_SETTINGS = "settings"


_GET = Endpoint(
    method="GET",
    path=f"{PREFIX}/settings",
    summary="All settings",
    tag=_SETTINGS,
    scope=Scope.READ,
    answers={200: Answer("With their defaults and meanings.", Settings)},
)

_CHANGE = Endpoint(
    method="PATCH",
    path=f"{PREFIX}/settings",
    summary="Change settings, all or none",
    tag=_SETTINGS,
    scope=Scope.ADMIN,
    body=ChangedSettings,
    refuses=(409,),
    answers={200: Answer("All settings.", Settings)},
    audit="settings.change",
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of settings."""

    async def get(call: Call) -> Reply:
        return Reply(body=await services.settings.get())

    async def change(call: Call) -> Reply:
        asked = call.body(ChangedSettings)
        await services.device.require_owner()
        call.subject = " ".join(sorted(asked.values))
        return Reply(body=await services.settings.set(asked.values))

    return [Bound(_GET, get), Bound(_CHANGE, change)]
