"""MailboxService on the wire."""

from __future__ import annotations

from typing import Any

from piccolo.cloud.v1 import cloud_pb2, cloud_pb2_grpc

from piccolo_cloud.engine.mailboxes import Mailboxes

SERVICE = "piccolo.cloud.v1.MailboxService"


class MailboxServicer(cloud_pb2_grpc.MailboxServiceServicer):
    """Parses, calls, converts."""

    def __init__(self, mailboxes: Mailboxes) -> None:
        """Serve these boxes."""
        self._mailboxes = mailboxes

    async def Drop(self, request: cloud_pb2.DropRequest, context: Any) -> cloud_pb2.DropResponse:
        """Leaves a message."""
        await self._mailboxes.leave(request.address, request.message)
        return cloud_pb2.DropResponse()

    async def Collect(self, request: cloud_pb2.CollectRequest, context: Any) -> cloud_pb2.CollectResponse:
        """A box's messages."""
        return cloud_pb2.CollectResponse(messages=await self._mailboxes.collect(request.address))
