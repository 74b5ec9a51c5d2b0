"""API tokens, for programs."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import MadeToken, NewToken, Scope, Tokens
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "tokens"


_LISTING = Endpoint(
    method="GET",
    path=f"{PREFIX}/tokens",
    summary="All tokens",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={200: Answer("The latest first, without their secrets.", Tokens)},
)

_MAKE = Endpoint(
    method="POST",
    path=f"{PREFIX}/tokens",
    summary="Make a token",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=NewToken,
    refuses=(409, 429),
    answers={201: Answer("The token; its secret is shown this once.", MadeToken)},
    words="A token stands for the owner without a second factor. Needs a session with a fresh proof"
    " (POST /api/v1/sessions/proof); no token has one.",
    fresh=True,
    audit="token.make",
    secret=True,
)

_REVOKE = Endpoint(
    method="DELETE",
    path=f"{PREFIX}/tokens/{{token_id}}",
    summary="Revoke a token",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={204: Answer("The token is worth nothing any more.")},
    audit="token.revoke",
)


def endpoints(services: Services) -> list[Bound]:
    """The tokens' endpoints."""

    async def listing(call: Call) -> Reply:
        return Reply(body=Tokens(tokens=await services.tokens.all()))

    async def make(call: Call) -> Reply:
        asked = call.body(NewToken)
        await services.device.require_owner()
        call.subject = asked.name
        return Reply(201, await services.tokens.make(asked.name, asked.scopes, asked.lifetime))

    async def revoke(call: Call) -> Reply:
        call.subject = (await services.tokens.revoke(call.parameter("token_id"))).name
        return Reply(204)

    return [Bound(_LISTING, listing), Bound(_MAKE, make), Bound(_REVOKE, revoke)]
