"""The owner's settings, and the audit log."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.memory import (
    AuditEvents,
    AuditVerified,
    ChangedSettings,
    ListingAudit,
    Settings,
)
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_SETTINGS = "settings"
_AUDIT = "audit"


_GET = Endpoint(
    method="GET",
    path=f"{PREFIX}/settings",
    summary="All settings",
    tag=_SETTINGS,
    scope=Scope.READ,
    answers={200: Answer("With their defaults and meanings.", Settings)},
)

_CHANGE = Endpoint(
    method="PATCH",
    path=f"{PREFIX}/settings",
    summary="Change settings, all or none",
    tag=_SETTINGS,
    scope=Scope.ADMIN,
    body=ChangedSettings,
    answers={200: Answer("All settings.", Settings)},
    audit="settings.change",
)

_AUDIT_ENDPOINT = Endpoint(
    method="GET",
    path=f"{PREFIX}/audit",
    summary="A page of the audit log",
    tag=_AUDIT,
    scope=Scope.ADMIN,
    query=ListingAudit,
    answers={200: Answer("Newest first.", AuditEvents)},
)

_VERIFY = Endpoint(
    method="GET",
    path=f"{PREFIX}/audit/verification",
    summary="Walk the audit log's chain",
    tag=_AUDIT,
    scope=Scope.ADMIN,
    answers={200: Answer("How far it is whole.", AuditVerified)},
    seconds=300.0,
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of settings and audit."""

    async def get(call: Call) -> Reply:
        return Reply(body=await services.settings.get())

    async def change(call: Call) -> Reply:
        asked = call.body(ChangedSettings)
        call.subject = " ".join(sorted(asked.values))
        return Reply(body=await services.settings.set(asked.values))

    async def audit(call: Call) -> Reply:
        asked = call.query(ListingAudit)
        page = await services.audit.list(
            page_size=asked.page_size, page_token=asked.page_token, action=asked.action
        )
        return Reply(body=page)

    async def verify(call: Call) -> Reply:
        return Reply(body=await services.audit.verify())

    return [Bound(_GET, get), Bound(_CHANGE, change), Bound(_AUDIT_ENDPOINT, audit), Bound(_VERIFY, verify)]
