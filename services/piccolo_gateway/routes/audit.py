"""The audit log: shown in pages, exported as a whole, verified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from piccolo_gateway.core import audit_export
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.memory import AuditEvents, AuditFilter, AuditVerified, ListingAudit
from piccolo_gateway.routes.call import Bound, Call, Reply, Sink
from piccolo_gateway.routes.services import Services

_TAG = "audit"
_PAGE: Final = 1000
_EXPORT_WORDS = (
    "A stream. When it cannot be read to its end, the connection is cut: no part passes for the whole."
)


_LISTING = Endpoint(
    method="GET",
    path=f"{PREFIX}/audit",
    summary="A page of the audit log",
    tag=_TAG,
    scope=Scope.ADMIN,
    query=ListingAudit,
    answers={200: Answer("Newest first.", AuditEvents)},
)

_NDJSON = Endpoint(
    method="GET",
    path=f"{PREFIX}/audit.ndjson",
    summary="The audit log, one JSON object a line",
    tag=_TAG,
    scope=Scope.ADMIN,
    query=AuditFilter,
    answers={200: Answer("Newest first.", media=audit_export.NDJSON)},
    words=_EXPORT_WORDS,
    seconds=None,
)

_CSV = Endpoint(
    method="GET",
    path=f"{PREFIX}/audit.csv",
    summary="The audit log as a table",
    tag=_TAG,
    scope=Scope.ADMIN,
    query=AuditFilter,
    answers={200: Answer("Newest first; the first line names the columns.", media=audit_export.CSV)},
    words=_EXPORT_WORDS,
    seconds=None,
)

_VERIFY = Endpoint(
    method="GET",
    path=f"{PREFIX}/audit/verification",
    summary="Walk the audit log's chain",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={200: Answer("How far it is whole.", AuditVerified)},
    seconds=300.0,
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of the audit log."""

    async def listing(call: Call) -> Reply:
        asked = call.query(ListingAudit)
        page = await services.audit.list(asked, page_size=asked.page_size, page_token=asked.page_token)
        return Reply(body=page)

    async def ndjson(call: Call) -> web.StreamResponse:
        return await _export(services, call, audit_export.NDJSON, audit_export.as_ndjson)

    async def csv(call: Call) -> web.StreamResponse:
        return await _export(services, call, audit_export.CSV, audit_export.as_csv)

    async def verify(call: Call) -> Reply:
        return Reply(body=await services.audit.verify())

    return [Bound(_LISTING, listing), Bound(_NDJSON, ndjson), Bound(_CSV, csv), Bound(_VERIFY, verify)]


async def _export(
    services: Services, call: Call, media: str, write: Callable[..., bytes]
) -> web.StreamResponse:
    """Sends all wanted events; the first page is read before the head, so that a failure can be told."""
    wanted = call.query(AuditFilter)
    page = await services.audit.list(wanted, page_size=_PAGE, page_token="")
    name = f"audit.{media.rpartition('/')[2].removeprefix('x-')}"
    response = web.StreamResponse(headers={"Content-Type": f"{media}; charset=utf-8"})
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    sink = Sink(call.request, response, services.idle_seconds)
    await sink.begin()
    try:
        await sink.send(write(page.events, first=True))
        while page.next_page_token:
            page = await services.audit.list(wanted, page_size=_PAGE, page_token=page.next_page_token)
            await sink.send(write(page.events, first=False))
        await sink.end()
    except BaseException:
        sink.cut()
        raise
    return sink.response
