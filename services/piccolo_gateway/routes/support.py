"""The bundle for whoever helps."""

from __future__ import annotations

from piccolo_gateway.core import archives, media
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.engine import support
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_BUNDLE = Endpoint(
    method="GET",
    path=f"{PREFIX}/support-bundle",
    summary="Figures of this device as a ZIP file, to be shown to whoever helps",
    tag="about",
    scope=Scope.ADMIN,
    answers={200: Answer("The bundle.", media=archives.MEDIA)},
    words="Versions, health, counts, metrics, the gateway's last log lines; no name of a file, a person or a"
    " device, no sentence, no secret.",
    audit="support.bundle",
)


def endpoints(services: Services) -> list[Bound]:
    """The bundle's endpoint."""

    async def bundle(call: Call) -> Reply:
        made = await support.bundle(services)
        headers = {"Content-Disposition": media.attachment("piccolo-support.zip")}
        return Reply(raw=made, media=archives.MEDIA, headers=headers)

    return [Bound(_BUNDLE, bundle)]
