"""Finds keepers for a new object, or says in words why there are not enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core import placement

if TYPE_CHECKING:
    from piccolo_vault.core.erasure import Code
    from piccolo_vault.core.promise import Promise
    from piccolo_vault.engine.peers import Peers


def find_keepers(
    peers: Peers, object_id: bytes, code: Code, promise: Promise, fragment_bytes: int
) -> tuple[bytes | None, ...]:
    """Returns a keeper for each fragment, None where there is nobody to ask.

    Raises PiccoloError FULL (NO_ROOM) or UNAVAILABLE (PROMISE_OUT_OF_REACH).
    """
    chosen = placement.place(object_id, peers.candidates(fragment_bytes), code, promise)
    if promise.met(chosen, code.k):
        return tuple(chosen)
    anyhow = placement.place(object_id, peers.candidates(anyhow=True), code, promise)
    away = ", ".join(sorted(peers.name(owner) for owner in peers.away()))
    if promise.met(anyhow, code.k):
        raise PiccoloError(
            Kind.FULL,
            "NO_ROOM",
            "Too few members have room for the file. Nothing was stored; make room or invite a member.",
        )
    told = f" These do not answer: {away}." if away else ""
    raise PiccoloError(
        Kind.UNAVAILABLE,
        "PROMISE_OUT_OF_REACH",
        f"Too few members can be reached for the file to survive the loss of one device.{told} "
        "Nothing was stored; try again when they are back.",
    )
