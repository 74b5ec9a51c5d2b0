"""That metadata's memory has changed, over its socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1.memory_pb2_grpc import ChangeServiceStub
from piccolo_chassis.calls import Channel

from piccolo_gateway.ports.memory import ChangesPort, SettingsPort, Topic

_TOPICS: Final[dict[Topic, pb.Topic.ValueType]] = {
    "files": pb.TOPIC_FILES,
    "settings": pb.TOPIC_SETTINGS,
    "audit": pb.TOPIC_AUDIT,
}
_NAME: Final = "device.name"


class MetadataChanges:
    """Marks that rise with each change."""

    def __init__(self, channel: Channel) -> None:
        self._stub = ChangeServiceStub(channel)

    async def watch(self, topic: Topic) -> AsyncIterator[int]:
        """A topic's mark now, and after each change."""
        call: Any = self._stub.WatchChanges(pb.WatchChangesRequest(topic=_TOPICS[topic]))
        try:
            async for told in call:
                yield told.mark
        finally:
            call.cancel()


class DeviceName:
    """Implements ports.Names: the owner's setting."""

    def __init__(self, changes: ChangesPort, settings: SettingsPort) -> None:
        self._changes, self._settings = changes, settings

    async def watch(self) -> AsyncIterator[str]:
        """The name now, and after each change of the settings."""
        async for _ in self._changes.watch("settings"):
            for setting in (await self._settings.get()).settings:
                if setting.name == _NAME:
                    yield str(setting.value)
