"""Sessions: logging in and out."""

from __future__ import annotations

from piccolo_gateway.core.access import OWNER, Actor
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.access import Login, Scope, Session, Sessions
from piccolo_gateway.core.bodies.factors import Challenge, Proof
from piccolo_gateway.core.sessions import Session as Kept
from piccolo_gateway.engine.access import Begun
from piccolo_gateway.routes import headers
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "sessions"
COOKIE = Header("Set-Cookie", "The session's secret, for this device only.")
_ME = "current"


_LOGIN = Endpoint(
    method="POST",
    path=f"{PREFIX}/sessions",
    summary="Log in with the passphrase",
    tag=_TAG,
    scope=None,
    body=Login,
    refuses=(401, 429),
    answers={
        201: Answer("A session; its secret is in the cookie.", Session, headers=(COOKIE,)),
        202: Answer(
            "The passphrase is right and a second factor is wanted: no session yet, and nothing is opened."
            " Answer at /api/v1/sessions/second-factor within five minutes.",
            Challenge,
        ),
    },
    words="The passphrase is sealed to /api/v1/boot-key as `passphrase`. After a wrong one the"
    " next must wait, longer each time: 429 with Retry-After.",
    seconds=150.0,
    audit="session.login",
    repeatable=False,
)

_SECOND = Endpoint(
    method="POST",
    path=f"{PREFIX}/sessions/second-factor",
    summary="Answer a challenge: the end of a login, or a fresh proof of a session",
    tag=_TAG,
    scope=None,
    body=Proof,
    refuses=(401, 409, 423, 429),
    answers={
        201: Answer("The session, with a new secret in the cookie.", Session, headers=(COOKIE,)),
    },
    words="Exactly one of the challenge's methods. Five tries within five minutes, a passkey has one; codes"
    " are good once. After several wrong ones the next must wait: 429 with Retry-After.",
    seconds=150.0,
    audit="session.prove",
    repeatable=False,
)

_PROOF = Endpoint(
    method="POST",
    path=f"{PREFIX}/sessions/proof",
    summary="Ask for a challenge, to prove oneself anew",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={202: Answer("Answer it at /api/v1/sessions/second-factor.", Challenge)},
    words="What changes factors, passphrase, words and tokens wants a proof of the last ten minutes: a login,"
    " or this. Where there is no second factor, the passphrase is asked for.",
    repeatable=False,
)

_LISTING = Endpoint(
    method="GET",
    path=f"{PREFIX}/sessions",
    summary="All sessions",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={200: Answer("The latest first.", Sessions)},
)

_END_OTHERS = Endpoint(
    method="DELETE",
    path=f"{PREFIX}/sessions",
    summary="End all other sessions",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={204: Answer("Only this one is left; none, where a token asks.")},
    audit="session.end",
)

_LOGOUT = Endpoint(
    method="DELETE",
    path=f"{PREFIX}/sessions/{{session_id}}",
    summary="Log out, or end another session",
    tag=_TAG,
    scope=Scope.WATCH,
    answers={204: Answer("The session has ended.")},
    words="`current` is the one that this request belongs to.",
    audit="session.end",
)


def told(services: Services, kept: Kept, current: str) -> Session:
    """A session as it is shown."""
    return Session(
        session_id=kept.session_id,
        started=kept.started,
        last_used=kept.last_used,
        address=kept.visitor.address,
        browser=kept.visitor.browser,
        system=kept.visitor.system,
        expires=services.access.ends_at(kept),
        fresh=services.access.fresh(kept),
        current=kept.session_id == current,
        scopes=sorted(kept.scopes),
    )


def begun(services: Services, secret: str) -> dict[str, str]:
    """The header that hands a session over."""
    return {"Set-Cookie": headers.cookie(secret, int(services.lifetimes.absolute))}


def endpoints(services: Services) -> list[Bound]:
    """The sessions' endpoints."""
    return [*_logins(services), *_begun(services)]


def _logins(services: Services) -> list[Bound]:
    """What a session begins with."""

    async def login(call: Call) -> Reply:
        asked = call.body(Login)
        site = services.sites.find(call.request.host)
        made = await services.access.login(asked.passphrase, call.caller, site, unlock=asked.unlock)
        if isinstance(made, Challenge):
            call.subject = "challenged"
            return Reply(202, made)
        return let_in(call, made)

    async def second(call: Call) -> Reply:
        asked = call.body(Proof)
        call.subject = " ".join(asked.methods)
        return let_in(call, await services.access.prove(asked, call.caller))

    async def proof(call: Call) -> Reply:
        site = services.sites.find(call.request.host)
        return Reply(202, await services.access.challenge(call.actor, site))

    def let_in(call: Call, made: Begun) -> Reply:
        secret, session = made
        call.actor = Actor(OWNER)
        return Reply(201, told(services, session, session.session_id), begun(services, secret))

    return [Bound(_LOGIN, login), Bound(_SECOND, second), Bound(_PROOF, proof)]


def _begun(services: Services) -> list[Bound]:
    """What there is of sessions, and their end."""

    async def listing(call: Call) -> Reply:
        known = services.access.sessions()
        return Reply(body=Sessions(sessions=[told(services, one, call.actor.session_id) for one in known]))

    async def end_others(call: Call) -> Reply:
        services.access.end_others(call.actor)
        call.subject = "others"
        return Reply(204)

    async def logout(call: Call) -> Reply:
        wanted = call.parameter("session_id")
        mine = wanted in {_ME, call.actor.session_id}
        if not mine and not call.actor.may(Scope.ADMIN):
            wanted = ""
        services.access.end(call.actor.session_id if mine else wanted)
        return Reply(204, headers={"Set-Cookie": headers.no_cookie()} if mine else {})

    return [Bound(_LISTING, listing), Bound(_END_OTHERS, end_others), Bound(_LOGOUT, logout)]
