"""Long work, and the stream of what changes."""

from __future__ import annotations

from aiohttp import web

from piccolo_gateway.core import events
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.memory import ListingOperations, Operation, Operations, Watching
from piccolo_gateway.routes.call import Bound, Call, Reply, Sink
from piccolo_gateway.routes.services import Services

_TAG = "operations"
_ONE = f"{PREFIX}/operations/{{operation_id}}"
_WATCHED = "Without the scope `read`, `subject`, `result` and `error_message` are empty, save of a recovery."


_LISTING = Endpoint(
    method="GET",
    path=f"{PREFIX}/operations",
    summary="A page of operations",
    tag=_TAG,
    scope=Scope.WATCH,
    query=ListingOperations,
    answers={200: Answer("Newest first.", Operations)},
    words=_WATCHED,
)

_GET = Endpoint(
    method="GET",
    path=_ONE,
    summary="One operation",
    tag=_TAG,
    scope=Scope.WATCH,
    answers={200: Answer("How far it is.", Operation)},
    words=_WATCHED,
)

_CANCEL = Endpoint(
    method="POST",
    path=f"{_ONE}/cancel",
    summary="Ask an operation to end",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={202: Answer("The wish is recorded; the work ends when it can.", Operation)},
    audit="operation.cancel",
)

_STREAM = Endpoint(
    method="GET",
    path=f"{PREFIX}/events",
    summary="What changes, as server-sent events",
    tag=_TAG,
    scope=Scope.WATCH,
    query=Watching,
    headers=(Header("Last-Event-ID", "Goes on after the event with this id."),),
    refuses=(404, 429),
    answers={200: Answer("Events, each of a topic.", media=events.MEDIA)},
    words="`circle` and `backup` tell the present state, at the beginning and after each change; `operation`"
    " each change since the last id. All other topics have one field, `tag`, told at the beginning and when"
    " it is another: what is shown of it is to be read again. They are `files` (trash and versions too),"
    " `settings`, `audit`, `sessions`, `tokens`, `shares`, `network`, `device` (what /status tells),"
    " `health`, `members`, `keeping`, `invitations`, `proposals`, and further ones to come."
    " Without the scope `read`, `circle` and `backup` are not told, and operations as they are listed.",
    seconds=None,
)


def endpoints(services: Services) -> list[Bound]:
    """The operations' endpoints."""
    return [*_operations(services), _events(services)]


def _reads(call: Call) -> bool:
    return call.actor.may(Scope.READ)


def _operations(services: Services) -> list[Bound]:
    async def listing(call: Call) -> Reply:
        asked = call.query(ListingOperations)
        page = await services.operations.list(
            page_size=asked.page_size, page_token=asked.page_token, running=asked.running
        )
        shown = [events.told(one, reads=_reads(call)) for one in page.operations]
        return Reply(body=Operations(operations=shown, next_page_token=page.next_page_token))

    async def get(call: Call) -> Reply:
        found = await services.operations.get(call.parameter("operation_id"))
        return Reply(body=events.told(found, reads=_reads(call)))

    async def cancel(call: Call) -> Reply:
        return Reply(202, await services.operations.cancel(call.parameter("operation_id")))

    return [Bound(_LISTING, listing), Bound(_GET, get), Bound(_CANCEL, cancel)]


def _events(services: Services) -> Bound:
    async def stream(call: Call) -> web.StreamResponse:
        asked = call.query(Watching)
        last = call.header("Last-Event-ID") or asked.after
        async with services.events.open(last, asked.operation, reads=_reads(call)) as subscription:
            head = {"Content-Type": events.MEDIA, "X-Accel-Buffering": "no"}
            sink = Sink(call.request, web.StreamResponse(headers=head), services.idle_seconds)
            await sink.begin()
            await sink.send(events.RETRY)
            while (piece := await subscription.next()) is not None and services.access.holds(call.actor):
                await sink.send(piece)
            await sink.end()
            return sink.response

    return Bound(_STREAM, stream)
