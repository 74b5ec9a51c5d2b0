"""Share links, as their owner makes and ends them.

A link gives away what it leads to, so making one needs `admin`: a token that may only write could else read
everything by way of a link.
"""

from __future__ import annotations

from piccolo_gateway.core import paths
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.shares import MadeShare, NewShare, Shares
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "shares"


_LISTING = Endpoint(
    method="GET",
    path=f"{PREFIX}/shares",
    summary="All links",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={200: Answer("The latest first, without their secrets.", Shares)},
    unlocked=True,
)

_MAKE = Endpoint(
    method="POST",
    path=f"{PREFIX}/shares",
    summary="Make a link to a file or folder",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=NewShare,
    refuses=(404,),
    answers={201: Answer("The link; its secret is shown this once.", MadeShare)},
    words="The link goes with what it leads to when that is renamed or moved, shows its newest version,"
    " sleeps while it is in the trash, and never leads to something else that took the name. The limit counts"
    " downloads that are begun; one that was cut off goes on within a day and counts once.",
    unlocked=True,
    audit="share.make",
    secret=True,
)

_END = Endpoint(
    method="DELETE",
    path=f"{PREFIX}/shares/{{share_id}}",
    summary="End a link, and the downloads that were begun with it",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={204: Answer("The link leads nowhere any more.")},
    audit="share.end",
)


def endpoints(services: Services) -> list[Bound]:
    """The links' endpoints."""

    async def listing(call: Call) -> Reply:
        return Reply(body=Shares(shares=await services.shares.all()))

    async def make(call: Call) -> Reply:
        asked = call.body(NewShare)
        call.subject = paths.check(asked.path)
        return Reply(201, await services.shares.make(asked))

    async def end(call: Call) -> Reply:
        call.subject = (await services.shares.end(call.parameter("share_id"))).path
        return Reply(204)

    return [Bound(_LISTING, listing), Bound(_MAKE, make), Bound(_END, end)]
