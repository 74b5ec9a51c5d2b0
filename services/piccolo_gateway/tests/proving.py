"""What tests of second factors share: set clocks, an authenticator app, challenges and their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pyotp
from piccolo_formats.client_seal import Purpose

from piccolo_gateway.core.totp import STEP
from piccolo_gateway.tests.authenticator import Authenticator
from piccolo_gateway.tests.conftest import PASSPHRASE, World


@dataclass(slots=True)
class SetClock:
    """The gateway's clocks, which stand still until they are moved."""

    now: float = 1_800_000_000.0
    running: float = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.running

    def pass_(self, seconds: float) -> None:
        """Time goes by."""
        self.now, self.running = self.now + seconds, self.running + seconds


@dataclass(slots=True)
class App:
    """An authenticator app; a person waits for its next code each time."""

    secret: str
    clock: SetClock

    def code(self) -> str:
        """The next code."""
        self.clock.pass_(STEP)
        return pyotp.TOTP(self.secret).generate_otp(int(self.clock.now) // STEP)


async def with_app(world: World, clock: SetClock) -> App:
    status, made = await world.json("POST", "/factors/totp", json={"name": "phone"})
    assert status == 201
    app = App(made["secret"], clock)
    body = {"enrolment": made["enrolment"], "code": app.code()}
    assert (await world.json("POST", "/factors/totp/confirm", json=body))[0] == 201
    return app


async def challenged(world: World, *, unlock: bool = True, **options: Any) -> dict[str, Any]:
    body = {"passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE), "unlock": unlock}
    status, told = await world.json("POST", "/sessions", json=body, **options)
    assert status == 202, told
    return dict(told)


async def prove(world: World, challenge: dict[str, Any], **proof: Any) -> tuple[int, Any]:
    body = {"challenge": challenge["challenge"], **proof}
    return await world.json("POST", "/sessions/second-factor", json=body)


async def with_passkey(world: World, host: str = "piccolo.local") -> Authenticator:
    status, made = await named(world, "POST", "/factors/passkey", host, {"name": "key"})
    assert status == 201, made
    key = Authenticator(f"https://{host}")
    body = {"enrolment": made["enrolment"], "passkey": key.create(made["options"])}
    status, factor = await named(world, "POST", "/factors/passkey/confirm", host, body)
    assert (status, factor["kind"], factor["host"]) == (201, "passkey", urlsplit(f"//{host}").hostname)
    return key


async def named(world: World, method: str, path: str, host: str, body: Any) -> tuple[int, Any]:
    """A request as a browser sends it that was told a name for the device."""
    headers = {"Host": host, "Origin": f"https://{host}", "Sec-Fetch-Site": "same-origin"}
    return await world.json(method, path, json=body, headers=headers)


@asynccontextmanager
async def key_challenge(world: World, host: str = "piccolo.local") -> AsyncIterator[tuple[World, Any]]:
    async with world.stranger() as other:
        yield other, await challenged(other, headers={"Host": host})
