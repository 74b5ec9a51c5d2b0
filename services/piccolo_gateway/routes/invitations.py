"""Invitations: made here, or received from somebody."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.circle import Invitations, Inviting, MadeInvitation, Opened, Opening
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "circle"
_PATH = f"{PREFIX}/circle/invitations"


_LISTING = Endpoint(
    method="GET",
    path=_PATH,
    summary="Invitations that were made here",
    tag=_TAG,
    scope=Scope.ADMIN,
    refuses=(404,),
    answers={200: Answer("Newest first.", Invitations)},
)

_MAKE = Endpoint(
    method="POST",
    path=_PATH,
    summary="Invite somebody",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Inviting,
    refuses=(404, 423),
    answers={201: Answer("Code, link and QR code, shown this once.", MadeInvitation)},
    audit="circle.invite",
    secret=True,
)

_REVOKE = Endpoint(
    method="DELETE",
    path=f"{_PATH}/{{invitation_id}}",
    summary="End an unused invitation",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={204: Answer("It lets nobody in any more.")},
    audit="circle.revoke",
)

_READ = Endpoint(
    method="POST",
    path=f"{PREFIX}/circle/invitation",
    summary="Read an invitation before it is accepted",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Opening,
    refuses=(404,),
    answers={200: Answer("Which circle it is, and who invites.", Opened)},
    seconds=120.0,
)


def endpoints(services: Services) -> list[Bound]:
    """The invitations' endpoints."""

    async def listing(call: Call) -> Reply:
        return Reply(body=await services.circle.invitations())

    async def make(call: Call) -> Reply:
        asked = call.body(Inviting)
        made = await services.circle.invite(asked.note, asked.lifetime)
        call.subject = made.invitation_id
        return Reply(201, made)

    async def revoke(call: Call) -> Reply:
        await services.circle.revoke(call.hex("invitation_id", 16))
        return Reply(204)

    async def read(call: Call) -> Reply:
        return Reply(body=await services.circle.open(call.body(Opening).invitation))

    return [Bound(_LISTING, listing), Bound(_MAKE, make), Bound(_REVOKE, revoke), Bound(_READ, read)]
