"""Bodies about who may do what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from piccolo_gateway.core.bodies.base import Asked, Sealed, Seconds, Told


class Scope(StrEnum):
    """What a caller may do. `admin` holds all the others."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    METRICS = "metrics"
    WATCH = "watch"


class Login(Asked, frozen=True):
    """The passphrase."""

    passphrase: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "passphrase"})]
    unlock: Annotated[bool, msgspec.Meta(description="Open the files too, when they are locked.")] = True


class Session(Told, frozen=True):
    """One session. Its secret travels in a cookie only."""

    session_id: str
    started: Seconds
    last_used: Seconds
    address: Annotated[str, msgspec.Meta(description="Where its last request came from.")]
    browser: Annotated[
        str,
        msgspec.Meta(
            description="What kind of program sent that, such as `Firefox`; empty: it is not known."
        ),
    ]
    system: Annotated[str, msgspec.Meta(description="On what system, such as `Windows`; empty: not known.")]
    expires: Annotated[Seconds, msgspec.Meta(description="The latest end; sooner when it is not used.")]
    fresh: Annotated[
        bool,
        msgspec.Meta(
            description="Whether a proof was given in the last minutes, as factors, passphrase, words and new"
            " tokens need it."
        ),
    ]
    current: Annotated[bool, msgspec.Meta(description="Whether this request belongs to it.")]
    scopes: list[Scope]


class Sessions(Told, frozen=True):
    """All sessions, the latest first."""

    sessions: list[Session]


class NewToken(Asked, frozen=True):
    """A token to be made."""

    name: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$",
            description="Shown in the audit log.",
            examples=["backup script"],
        ),
    ]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=5)]
    lifetime: Annotated[
        int, msgspec.Meta(ge=0, le=10 * 366 * 86400, description="Seconds; 0 is without an end.")
    ] = 0


class Token(Told, frozen=True):
    """One token, without its secret."""

    token_id: str
    name: str
    scopes: list[Scope]
    created: Seconds
    expires: Annotated[int, msgspec.Meta(description="Seconds since 1970; 0 is never.")]
    last_used: Annotated[int, msgspec.Meta(description="Seconds since 1970, to the hour; 0 is never.")]


class MadeToken(Token, frozen=True):
    """A new token. The secret is shown this once."""

    secret: Annotated[str, msgspec.Meta(description="Send it as `Authorization: Bearer <secret>`.")]


class Tokens(Told, frozen=True):
    """All tokens, the latest first."""

    tokens: list[Token]
