"""SettingsService: the owner's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1 import memory_pb2_grpc

from piccolo_metadata.core.settings import CATALOGUE, Plain
from piccolo_metadata.engine import settings
from piccolo_metadata.ports import Memory


class SettingsServicer(memory_pb2_grpc.SettingsServiceServicer):
    """Serves the settings."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def GetSettings(self, request: pb.GetSettingsRequest, context: Any) -> pb.GetSettingsResponse:
        """Returns every setting."""
        return pb.GetSettingsResponse(settings=_settings_of(await self._memory.read(settings.get_all)))

    async def SetSettings(self, request: pb.SetSettingsRequest, context: Any) -> pb.SetSettingsResponse:
        """Changes settings."""
        changed = await self._memory.write(settings.set_some, dict(request.values))
        return pb.SetSettingsResponse(settings=_settings_of(changed))


def _settings_of(values: Mapping[str, Plain]) -> list[pb.Setting]:
    return [
        pb.Setting(
            name=name,
            value=json.dumps(value),
            default_value=json.dumps(CATALOGUE[name].default),
            meaning=CATALOGUE[name].meaning,
        )
        for name, value in values.items()
    ]
