"""Bodies about share links: what their owner sees, and what their holder sees."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from piccolo_gateway.core.bodies.base import Asked, OwnerPath, Seconds, Told

Kind: TypeAlias = Literal["file", "directory"]
Password: TypeAlias = Annotated[str, msgspec.Meta(max_length=200)]


class NewShare(Asked, frozen=True):
    """A link to be made."""

    path: OwnerPath
    lifetime: Annotated[
        int, msgspec.Meta(ge=60, le=10 * 366 * 86400, description="Seconds until it leads nowhere.")
    ] = 7 * 86400
    downloads: Annotated[
        int, msgspec.Meta(ge=0, le=1_000_000, description="How many may be begun; 0 is without a limit.")
    ] = 0
    password: Annotated[
        Password, msgspec.Meta(description="What its holder must know; empty is nothing.")
    ] = ""


class Share(Told, frozen=True):
    """One link, without its secret."""

    share_id: str
    path: Annotated[str, msgspec.Meta(description="Where it leads now, or led last.")]
    kind: Kind
    created: Seconds
    expires: Seconds
    downloads: Annotated[int, msgspec.Meta(description="How many may be begun; 0 is without a limit.")]
    used: Annotated[int, msgspec.Meta(description="How many were begun.")]
    password: Annotated[bool, msgspec.Meta(description="Whether it asks for a password.")]
    works: Annotated[
        bool,
        msgspec.Meta(description="False when it is over, or what it led to is not among the files any more."),
    ]


class MadeShare(Share, frozen=True):
    """A new link. Its secret is shown this once."""

    secret: str
    address: Annotated[str, msgspec.Meta(description="The link's path at this device: `/s/<secret>`.")]


class Shares(Told, frozen=True):
    """All links, the latest first."""

    shares: list[Share]


class SharedEntry(Told, frozen=True):
    """What a link leads to."""

    name: str
    kind: Kind
    size: Annotated[int, msgspec.Meta(description="Bytes; of a folder, of all that is in it.")]
    files: int


class Shared(Told, frozen=True):
    """A link as its holder sees it."""

    expires: Seconds
    left: Annotated[int | None, msgspec.Meta(description="Downloads that may still be begun; null: any.")]
    password: Annotated[bool, msgspec.Meta(description="Whether it asks for a password.")]
    entry: Annotated[
        SharedEntry | None, msgspec.Meta(description="null until the password was given, if it asks for one.")
    ]


class Visit(Asked, frozen=True):
    """What a link's holder knows."""

    password: Password = ""


class Ticket(Asked, frozen=True):
    """What a download was begun with."""

    ticket: Annotated[str, msgspec.Meta(max_length=100)]


class BegunDownload(Told, frozen=True):
    """A download that may be made now, and gone on with."""

    address: Annotated[str, msgspec.Meta(description="Where the bytes are; Range works for a file.")]
    until: Annotated[Seconds, msgspec.Meta(description="How long it may be gone on with.")]
