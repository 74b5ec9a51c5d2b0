"""Finds keepers for a new object, or says in words why there are not enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.storage import placement

if TYPE_CHECKING:
    from piccolo_vault.core.storage.erasure import Code
    from piccolo_vault.core.storage.promise import Promise
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.peers import Peers

_OUT_OF_REACH: Final = "PROMISE_OUT_OF_REACH"


async def find_keepers(
    context: Context, object_id: bytes, code: Code, promise: Promise, fragment_bytes: int
) -> tuple[bytes | None, ...]:
    """Returns a keeper for each fragment, None where there is nobody to ask.

    Before it says no it asks those once more who are away, and for a while those who fell silent lately: a
    device that has just joined, or is being restarted, answers within seconds. After a restore it waits as
    long for those that must be heard.

    Raises PiccoloError FULL (NO_ROOM) or UNAVAILABLE (PROMISE_OUT_OF_REACH, MEMBERS_UNHEARD).
    """
    peers = context.peers
    await peers.until_heard(context.settings.return_seconds)
    try:
        return _chosen(peers, object_id, code, promise, fragment_bytes)
    except PiccoloError as refused:
        if refused.reason != _OUT_OF_REACH or not await peers.any_back(context.settings.return_seconds):
            raise
    return _chosen(peers, object_id, code, promise, fragment_bytes)


def _chosen(
    peers: Peers, object_id: bytes, code: Code, promise: Promise, fragment_bytes: int
) -> tuple[bytes | None, ...]:
    subtrees = peers.circle().subtrees
    ready = placement.place(object_id, peers.candidates(fragment_bytes), code, promise, subtrees)
    if promise.one_more().met(ready, code.k):
        return tuple(ready)
    # who was slow is better than nobody, also than nobody in reserve: one of the others may fail meanwhile
    chosen = placement.place(object_id, peers.targets(fragment_bytes, without=()), code, promise, subtrees)
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
        _OUT_OF_REACH,
        f"Too few members can be reached for the file to survive the loss of one device.{told} "
        "Nothing was stored; try again when they are back.",
    )
