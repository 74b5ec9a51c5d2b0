"""AuditService: what was done, and by whom."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any, Final

from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1 import memory_pb2_grpc

from piccolo_metadata.core.audit import Wanted
from piccolo_metadata.engine import audit
from piccolo_metadata.engine.audit import Logged
from piccolo_metadata.ports import Memory
from piccolo_metadata.service.wire import Listing

_PAGE: Final = 100


class AuditServicer(memory_pb2_grpc.AuditServiceServicer):
    """Serves the audit log."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def AppendAudit(self, request: pb.AppendAuditRequest, context: Any) -> pb.AppendAuditResponse:
        """Adds one event."""
        logged = await self._memory.write(
            audit.append, request.actor, request.action, request.subject, request.outcome, request.details
        )
        return pb.AppendAuditResponse(event=_event_of(logged))

    async def ListAudit(self, request: pb.ListAuditRequest, context: Any) -> pb.ListAuditResponse:
        """Returns a page of events."""
        wanted = Wanted(request.action, request.actor, request.outcome, request.since, request.until)
        listing = Listing("audit", *astuple(wanted))
        before, most = listing.before(request.page_token), request.page_size or _PAGE
        page = await self._memory.read(audit.listing, wanted, before, most)
        last = page.items[-1][0].number if page.items else 0
        return pb.ListAuditResponse(
            events=map(_event_of, page.items), next_page_token=listing.next(page.more, last)
        )

    async def VerifyAudit(self, request: pb.VerifyAuditRequest, context: Any) -> pb.VerifyAuditResponse:
        """Walks the chain."""
        verifier = await audit.verify(self._memory)
        return pb.VerifyAuditResponse(verified=verifier.verified, broken_at=verifier.broken_at)


def _event_of(logged: Logged) -> pb.AuditEvent:
    event, digest = logged
    return pb.AuditEvent(
        number=event.number,
        time=event.time,
        actor=event.actor,
        action=event.action,
        subject=event.subject,
        outcome=event.outcome,
        details=event.details,
        hash=digest,
    )
