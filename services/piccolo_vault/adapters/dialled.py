"""One question to a member's peers' port, over mTLS: it must show the very certificate that the circle knows
of it. A connection a question, at the member's endpoints in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import grpc
from piccolo_chassis import rpc
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.tls import certificate_name, to_pem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_chassis.calls import Channel

    from piccolo_vault.core.circle import Member
    from piccolo_vault.ports.promises import DialIdentity

SECONDS = 10.0
_HANDSHAKE_SECONDS = 5.0  # no connection is tried twice here
T = TypeVar("T")


async def ask(member: Member, identity: DialIdentity, question: Callable[[Channel], Awaitable[T]]) -> T:
    """Asks one member; raises PiccoloError UNAVAILABLE when none of its endpoints answers."""
    failure = PiccoloError(
        Kind.UNAVAILABLE, "NO_ENDPOINT", f"{member.name!r} has told no address to reach it at."
    )
    for endpoint in member.endpoints:
        try:
            return await _ask(endpoint, member, identity, question)
        except PiccoloError as failed:
            failure = failed
    raise failure


async def _ask(
    endpoint: str, member: Member, identity: DialIdentity, question: Callable[[Channel], Awaitable[T]]
) -> T:
    async with dial(endpoint, member.server_certificate, member.name, identity) as channel:
        return await question(channel)


@asynccontextmanager
async def dial(endpoint: str, server: bytes, name: str, identity: DialIdentity) -> AsyncIterator[Channel]:
    """A channel to the server that shows that certificate (DER); `name` is for people.

    Raises PiccoloError UNAVAILABLE (CERTIFICATE_WRONG).
    """
    try:
        target, pinned = certificate_name(server), to_pem(server)
    except FormatError as wrong:
        raise PiccoloError(
            Kind.UNAVAILABLE, "CERTIFICATE_WRONG", f"{name!r} has told no certificate that can be pinned."
        ) from wrong
    credentials = grpc.ssl_channel_credentials(pinned, identity.key, identity.certificate)
    options = [
        rpc.handshake(_HANDSHAKE_SECONDS),
        ("grpc.ssl_target_name_override", target),
        # gRPC would share one that another question left in the middle of its handshake
        ("grpc.use_local_subchannel_pool", 1),
    ]
    # without a scheme gRPC guesses one: "unix:80" would be a socket of this device
    async with rpc.connect(f"dns:///{endpoint}", credentials=credentials, options=options) as channel:
        yield channel
