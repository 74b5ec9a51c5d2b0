"""Recovery from the words, and the backup that it needs."""

from __future__ import annotations

from piccolo_gateway.core.access import OWNER, Actor
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.base import Started
from piccolo_gateway.core.bodies.device import Recovery
from piccolo_gateway.core.bodies.memory import Backup, RestorePoints, Snapshot, Witnesses
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.safety import WHERE, started
from piccolo_gateway.routes.services import Services
from piccolo_gateway.routes.sessions import begun

_TAG = "recovery"


_RECOVER = Endpoint(
    method="POST",
    path=f"{PREFIX}/recovery",
    summary="Bring an owner back on a blank device, from the 24 words alone",
    tag=_TAG,
    scope=None,
    body=Recovery,
    refuses=(404, 429),
    answers={
        202: Answer(
            "The recovery runs. The cookie's session may watch it, and nothing else.",
            Started,
            headers=(WHERE, Header("Set-Cookie", "A session that may watch.")),
        )
    },
    words="Words and passphrase are sealed to /api/v1/boot-key; `claim` in /api/v1/status says what else is"
    " needed. When the operation has succeeded,"
    " log in with the passphrase; with this session's cookie no second factor is asked."
    " Its result says in `backup` whether the members confirm that the backup is"
    " the newest (`proven`, `unproven`, `withheld`, `rolled_back`, or `circle` when the files came from the"
    " members alone), and in `words` what came back and what did not. It stops, with nothing claimed, when"
    " the cloud shows an older backup (ROLLED_BACK) or another one (FORK), or showed one that it does not let"
    " be compared with what the members know (PROOF_WITHHELD).",
    seconds=150.0,
    audit="recovery.start",
    secret=True,
)

_POINTS = Endpoint(
    method="GET",
    path=f"{PREFIX}/recovery/points",
    summary="States that can be restored",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={200: Answer("Newest first.", RestorePoints)},
)

_STATUS = Endpoint(
    method="GET",
    path=f"{PREFIX}/backup",
    summary="How far the backup is",
    tag=_TAG,
    scope=Scope.READ,
    answers={200: Answer("What the cloud has acknowledged, and what it has not.", Backup)},
)

_WITNESSES = Endpoint(
    method="GET",
    path=f"{PREFIX}/backup/witnesses",
    summary="How many members know of the newest backup",
    tag=_TAG,
    scope=Scope.READ,
    answers={200: Answer("By them a recovery finds out a cloud that went back.", Witnesses)},
)

_SNAPSHOT = Endpoint(
    method="POST",
    path=f"{PREFIX}/backup/snapshot",
    summary="Start a new chain of the backup now",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={201: Answer("The snapshot is at the cloud.", Snapshot)},
    seconds=600.0,
    audit="backup.snapshot",
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of recovery and backup."""

    async def recover(call: Call) -> Reply:
        asked = call.body(Recovery)
        await services.claiming.check(asked.claim_code, call.caller)
        await services.leftovers.clear()
        operation = await services.keys.recover(asked)
        services.device.doubt()
        secret, _ = services.access.watch(call.caller)
        call.actor, call.subject = Actor(OWNER), operation
        return started(operation, begun(services, secret))

    async def points(call: Call) -> Reply:
        return Reply(body=await services.backups.points())

    async def status(call: Call) -> Reply:
        return Reply(body=await services.backups.status())

    async def witnesses(call: Call) -> Reply:
        return Reply(body=await services.keys.witnesses())

    async def snapshot(call: Call) -> Reply:
        return Reply(201, await services.backups.snapshot())

    return [
        Bound(_RECOVER, recover),
        Bound(_POINTS, points),
        Bound(_STATUS, status),
        Bound(_WITNESSES, witnesses),
        Bound(_SNAPSHOT, snapshot),
    ]
