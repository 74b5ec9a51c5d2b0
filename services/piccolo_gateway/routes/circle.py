"""The circle: founding, joining, members, proposals."""

from __future__ import annotations

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.base import Empty
from piccolo_gateway.core.bodies.circle import (
    Approved,
    Circle,
    Contacts,
    Founded,
    Founding,
    Joined,
    Joining,
    Proposals,
    Proposed,
    Removal,
    Renaming,
)
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "circle"
_JOIN = 310.0
_TEXT = "text/plain; charset=utf-8"


_SHOW = Endpoint(
    method="GET",
    path=f"{PREFIX}/circle",
    summary="The circle as this device knows it",
    tag=_TAG,
    scope=Scope.READ,
    refuses=(404,),
    answers={200: Answer("Its members, and what should be looked at.", Circle)},
)

_CONTACTS = Endpoint(
    method="GET",
    path=f"{PREFIX}/circle/contacts",
    summary="Where the circle is found without the cloud, to be printed with the words",
    tag=_TAG,
    scope=Scope.READ,
    refuses=(404,),
    answers={200: Answer("A few members' addresses, and how their devices are known.", Contacts)},
)

_PRINTED = Endpoint(
    method="GET",
    path=f"{PREFIX}/circle/contacts.txt",
    summary="The same as text, for the printer",
    tag=_TAG,
    scope=Scope.READ,
    refuses=(404,),
    answers={200: Answer("What the lines are for, then the lines.", media="text/plain")},
    words="A recovery takes the whole text as `contacts`.",
)

_FOUND = Endpoint(
    method="POST",
    path=f"{PREFIX}/circle",
    summary="Found a circle",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Founding,
    refuses=(423,),
    answers={201: Answer("The circle.", Founded)},
    audit="circle.found",
)

_JOIN_ENDPOINT = Endpoint(
    method="POST",
    path=f"{PREFIX}/circle/join",
    summary="Join a circle by an invitation",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Joining,
    refuses=(404, 423),
    answers={200: Answer("This device is a member.", Joined)},
    words="Answers when the circle's admins have let this device in; that may take minutes.",
    seconds=_JOIN,
    audit="circle.join",
)

_RENAME = Endpoint(
    method="PUT",
    path=f"{PREFIX}/circle/name",
    summary="Call this device otherwise",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Renaming,
    refuses=(404, 409),
    answers={200: Answer("The members hear of it within minutes.", Empty)},
    words="409 FENCED on a device that another one of its owner took over from.",
    audit="circle.rename",
)

_PROPOSALS = Endpoint(
    method="GET",
    path=f"{PREFIX}/circle/proposals",
    summary="Changes that wait for admins",
    tag=_TAG,
    scope=Scope.READ,
    refuses=(404,),
    answers={200: Answer("Oldest first.", Proposals)},
)

_APPROVE = Endpoint(
    method="POST",
    path=f"{PREFIX}/circle/proposals/{{roster_hash}}/approve",
    summary="Sign a proposal",
    tag=_TAG,
    scope=Scope.ADMIN,
    refuses=(423,),
    answers={200: Answer("How many signatures are still needed.", Approved)},
    audit="circle.approve",
)

_REMOVE = Endpoint(
    method="POST",
    path=f"{PREFIX}/circle/members/{{owner_id}}/removal",
    summary="Propose that a member goes",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Removal,
    refuses=(423,),
    answers={201: Answer("The proposal.", Proposed)},
    audit="circle.removal",
)


def endpoints(services: Services) -> list[Bound]:
    """The circle's endpoints."""
    return [*_circle(services), *_proposals(services)]


def _circle(services: Services) -> list[Bound]:
    async def show(call: Call) -> Reply:
        circle = await services.circle.get()
        if circle is None:
            raise PiccoloError(Kind.NOT_FOUND, "NO_CIRCLE", "This device is in no circle yet.")
        fenced = circle.fenced or (await services.keys.status()).fenced
        if fenced != circle.fenced:  # a circle that does not know this device any more tells it nothing
            circle = msgspec.structs.replace(circle, fenced=fenced, alarms=[fenced, *circle.alarms])
        return Reply(body=circle)

    async def contacts(call: Call) -> Reply:
        return Reply(body=await services.circle.contacts())

    async def printed(call: Call) -> Reply:
        told = await services.circle.contacts()
        return Reply(raw=f"{told.words}\n\n{told.text}\n".encode(), media=_TEXT)

    async def found(call: Call) -> Reply:
        asked = call.body(Founding)
        return Reply(201, await services.membership.found(asked.device_name, at_risk=asked.at_risk))

    async def join(call: Call) -> Reply:
        asked = call.body(Joining)
        return Reply(body=await services.membership.join(asked.invitation, asked.device_name))

    async def rename(call: Call) -> Reply:
        await services.circle.rename(call.body(Renaming).device_name)
        return Reply(body=Empty())

    return [
        Bound(_SHOW, show),
        Bound(_CONTACTS, contacts),
        Bound(_PRINTED, printed),
        Bound(_FOUND, found),
        Bound(_JOIN_ENDPOINT, join),
        Bound(_RENAME, rename),
    ]


def _proposals(services: Services) -> list[Bound]:
    async def proposals(call: Call) -> Reply:
        return Reply(body=await services.circle.proposals())

    async def approve(call: Call) -> Reply:
        return Reply(body=await services.membership.approve(call.hex("roster_hash", 32)))

    async def remove(call: Call) -> Reply:
        owner = call.hex("owner_id", 32)
        return Reply(201, await services.circle.propose_removal(owner, call.body(Removal).state))

    return [Bound(_PROPOSALS, proposals), Bound(_APPROVE, approve), Bound(_REMOVE, remove)]
