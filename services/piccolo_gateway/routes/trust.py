"""The root of the device's own authority, for whoever wants to recognise it.

Open to everybody: it is what strangers' browsers are shown anyway, and holds no secret.
"""

from __future__ import annotations

from collections.abc import Callable

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import media, profile
from piccolo_gateway.core.api import Answer, Endpoint
from piccolo_gateway.routes.call import Bound, Call, Handler, Reply
from piccolo_gateway.routes.services import Services

_FORMS: dict[str, tuple[str, str, Callable[[bytes], bytes]]] = {
    "/ca.crt": ("The root that vouches for this device, as DER", profile.DER_MEDIA, bytes),
    "/ca.pem": ("The root that vouches for this device, as PEM", profile.PEM_MEDIA, profile.pem),
    "/ca.mobileconfig": ("The root as a profile for Apple's systems", profile.APPLE_MEDIA, profile.apple),
}


def endpoints(services: Services) -> list[Bound]:
    """The root, in its forms."""

    def handler(path: str, kind: str, form: Callable[[bytes], bytes]) -> Handler:
        async def root(call: Call) -> Reply:
            found = services.root()
            if found is None:
                raise PiccoloError(
                    Kind.NOT_FOUND,
                    "NO_AUTHORITY",
                    "This device shows a certificate that was made elsewhere; it has no root of its own.",
                )
            name = f"piccolo{path[path.index('.') :]}"
            return Reply(raw=form(found), media=kind, headers={"Content-Disposition": media.attachment(name)})

        return root

    return [
        Bound(_described(path, summary, kind), handler(path, kind, form))
        for path, (summary, kind, form) in _FORMS.items()
    ]


def _described(path: str, summary: str, kind: str) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        summary=summary,
        tag="about",
        scope=None,
        refuses=(404,),
        answers={200: Answer("The certificate.", media=kind)},
    )
