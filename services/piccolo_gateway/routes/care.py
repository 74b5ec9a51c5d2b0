"""The care of what is kept: figures of the members, and of what this device keeps for them."""

from __future__ import annotations

from piccolo_gateway.core import attention
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.base import Empty
from piccolo_gateway.core.bodies.care import Keeping, Members
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "safety"

_MEMBERS = Endpoint(
    method="GET",
    path=f"{PREFIX}/circle/members",
    summary="What the other members do for your files, and what should be looked at",
    tag=_TAG,
    scope=Scope.READ,
    answers={200: Answer("In numbers and in words.", Members)},
)

_KEEPING = Endpoint(
    method="GET",
    path=f"{PREFIX}/keeping",
    summary="What this device keeps for the others",
    tag=_TAG,
    scope=Scope.READ,
    answers={200: Answer("In numbers and in words.", Keeping)},
)

_SCRUB = Endpoint(
    method="POST",
    path=f"{PREFIX}/keeping/scrub",
    summary="Read everything that this device keeps for others, to find what its disk lost",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={202: Answer("It is being read; watch it at /api/v1/keeping.", Empty)},
    audit="keeping.scrub",
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of care."""

    async def members(call: Call) -> Reply:
        figures, urgent = await services.store.members()
        health, backup = await services.store.store_health(), await services.backups.status()
        disk_free = services.machine.look().disk_free_bytes
        body = Members(
            objects=health.objects,
            survives=health.survives,
            words=health.words,
            last_audit=max((one.last_audit for one in figures), default=0),
            last_backup=backup.last_backup,
            members=figures,
            attention=attention.of_all(health, backup, urgent, services.clock.now(), disk_free),
        )
        return Reply(body=body)

    async def keeping(call: Call) -> Reply:
        return Reply(body=await services.keeping.status())

    async def scrub(call: Call) -> Reply:
        await services.keeping.scrub()
        return Reply(202, Empty())

    return [Bound(_MEMBERS, members), Bound(_KEEPING, keeping), Bound(_SCRUB, scrub)]
