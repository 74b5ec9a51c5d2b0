"""The real process, and its services as clients see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from piccolo.metadata.v1 import file_pb2_grpc, memory_pb2_grpc, object_pb2_grpc
from piccolo.metadata.v1 import object_pb2 as objects
from piccolo_chassis.calls import Channel
from piccolo_chassis.testing import Service, running

from piccolo_metadata.core.objects import NewFile
from piccolo_metadata.service import convert
from piccolo_metadata.tests.builders import an_intent


class Client:
    """Stubs of all services but the backup's."""

    def __init__(self, channel: Channel) -> None:
        self.files = file_pb2_grpc.FileServiceStub(channel)
        self.objects = object_pb2_grpc.ObjectServiceStub(channel)
        self.state = memory_pb2_grpc.StateServiceStub(channel)
        self.settings = memory_pb2_grpc.SettingsServiceStub(channel)
        self.operations = memory_pb2_grpc.OperationServiceStub(channel)
        self.changes = memory_pb2_grpc.ChangeServiceStub(channel)
        self.audit = memory_pb2_grpc.AuditServiceStub(channel)

    async def publish(self, *files: NewFile) -> objects.PublishResponse:
        """Prepares and publishes files as one object."""
        intent = an_intent(*files)
        await self.objects.Prepare(objects.PrepareRequest(intent=convert.intent_to(intent)))
        return await self.objects.Publish(objects.PublishRequest(object_id=intent.object.object_id))


@asynccontextmanager
async def metadata(folder: Path) -> AsyncIterator[tuple[Service, Client]]:
    """A process with its state in a folder, ready, stopped in order at the end; and a client."""
    settings = {"state": str(folder / "state")}
    async with running("metadata", settings, folder) as service, service.connect() as channel:
        yield service, Client(channel)
