"""Facts of the software and of how its services are.

Rules:
* Strangers hear the release without its patch level, and the day of the start: both tell who looks after the
  device, and too little to tell which flaw fits. The owner hears everything.
* Strangers hear what became of the device's configuration, who may have come to mend it; not which it is.
* Everybody hears whether data is in memory only: who sets it up anew there would lose it all.
* Whether services answer is asked at most every few seconds, whatever strangers send.
"""

from __future__ import annotations

import asyncio
from typing import Final

from piccolo_gateway.core.api import PREFIX
from piccolo_gateway.core.bodies.about import Facts, Provision, WellKnown
from piccolo_gateway.ports.machine import Booted, Clock, Metrics, Provisioned, Software

_BELIEVED: Final = 5.0
_DAY: Final = 86400


class Known:
    """What is known of this device's software."""

    def __init__(
        self, software: Software, metrics: Metrics, clock: Clock, provisioned: Provisioned, booted: Booted
    ) -> None:
        self._software, self._metrics, self._clock = software, metrics, clock
        self._provisioned, self._booted = provisioned, booted
        self._started, self._began = clock.now(), clock.running()
        self._services: dict[str, bool] = {}
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def public(self) -> WellKnown:
        """What everybody may know."""
        told = self._provisioned.told()
        return WellKnown(
            product="piccolo",
            api=f"{PREFIX}/openapi.json",
            version=".".join(self._software.version.split(".")[:2]),
            healthy=all((await self._answering()).values()),
            since=self._started // _DAY * _DAY,
            provision=told and Provision(state=told.state, reason=told.reason, message=told.message),
            boot=self._booted.told(),
        )

    async def whole(self) -> Facts:
        """What the owner may know."""
        return Facts(
            version=self._software.version,
            built=self._software.built,
            python=self._software.python,
            packages=self._software.packages,
            started=self._started,
            uptime=int(self._clock.running() - self._began),
            services=await self._answering(),
            provision=self._provisioned.told(),
            boot=self._booted.told(),
        )

    async def _answering(self) -> dict[str, bool]:
        async with self._asking:
            if self._clock.running() - self._asked > _BELIEVED:
                told = await self._metrics.read()
                self._services = {name: text is not None for name, text in told.items()}
                self._asked = self._clock.running()
        return self._services
