"""The gateway's process: what it remembers over a restart, and what is never in its memory."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any, Final

import pyotp
import pytest
from piccolo_chassis.testing import Service, running
from piccolo_formats.client_seal import Purpose

from integration.client import Client
from piccolo_gateway.core.totp import STEP
from piccolo_gateway.tests.fakes import FakeDevice, device
from piccolo_gateway.tests.fakes.keys import NEW_WORDS, WORDS
from piccolo_gateway.tests.test_process import settings

pytestmark = pytest.mark.component
PASSPHRASE: Final = "sealed before it left the browser"
ANOTHER: Final = "and so was the one that followed"


def owner_of(folder: Path) -> Client:
    url = f"https://127.0.0.1:{(folder / 'g' / 'port').read_text().strip()}"
    return Client(url, folder / "g" / "tls.pem", passphrase=PASSPHRASE)


async def sends(owner: Client, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with owner.http.request(method, f"/api/v1{path}", json=body) as response:
        return response.status, await response.json(content_type=None)


def in_memory(service: Service, needle: bytes) -> int:
    """How often bytes stand in the writable memory of a process."""
    found = 0
    with Path(f"/proc/{service.pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{service.pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            try:
                found += memory.read(end - start).count(needle)
            except OSError:
                continue  # a page of the kernel's
    return found


def anywhere(service: Service, text: str) -> int:
    """How often a text stands there, in any of the forms that Python and the wire have for it."""
    raw = text.encode()
    forms = {raw, text.encode("utf-16-le"), text.encode("utf-32-le"), base64.b64encode(raw)[: len(raw)]}
    return sum(in_memory(service, form) for form in forms)


async def a_life(owner: Client, fakes: FakeDevice) -> str:
    """Everything that carries a passphrase or words; returns one sealed passphrase that still waits."""
    await owner.set_up()
    await owner.lock()
    await owner.log_in()
    await owner.unlock()
    assert (await sends(owner, "POST", "/words/test", {"words": await owner.sealed(Purpose.WORDS, WORDS)}))[
        1
    ]["match"]
    changed = {
        "old_passphrase": await owner.sealed(Purpose.PASSPHRASE, PASSPHRASE),
        "new_passphrase": await owner.sealed(Purpose.NEW_PASSPHRASE, ANOTHER),
    }
    assert (await sends(owner, "POST", "/passphrase", changed))[0] == 200
    owner.passphrase = ANOTHER
    reply = (await sends(owner, "GET", "/boot-key"))[1]["public_key"]
    wanted = {"passphrase": await owner.sealed(Purpose.PASSPHRASE, ANOTHER), "reply_key": reply}
    assert (await sends(owner, "POST", "/words/rotation", wanted))[0] == 201
    fakes.state.values["gateway", "factor/0011223344556677"] = b"{}"
    sealed = await owner.sealed(Purpose.PASSPHRASE, ANOTHER)
    assert (await sends(owner, "POST", "/sessions", {"passphrase": sealed}))[0] == 202
    return sealed


async def test_neither_passphrase_nor_words_are_ever_in_the_memory(short: Path) -> None:
    async with (
        device(short) as fakes,
        running("gateway", settings(short, fakes), short / "p") as service,
        owner_of(short) as owner,
    ):
        sealed = await a_life(owner, fakes)
        assert in_memory(service, base64.b64decode(sealed)) > 0, "the search itself finds what is there"
        for secret in (PASSPHRASE, ANOTHER, WORDS, WORDS[-40:], NEW_WORDS[-40:]):
            assert anywhere(service, secret) == 0


async def test_factors_and_used_codes_outlive_the_process(short: Path) -> None:
    async with device(short) as fakes:
        fakes.keys.set_up(PASSPHRASE)
        async with running("gateway", settings(short, fakes), short / "p"), owner_of(short) as owner:
            await owner.log_in()
            _, made = await sends(owner, "POST", "/factors/totp", {"name": "phone"})
            app, step = pyotp.TOTP(made["secret"]), int(time.time()) // STEP
            body = {"enrolment": made["enrolment"], "code": app.generate_otp(step)}
            assert (await sends(owner, "POST", "/factors/totp/confirm", body))[0] == 201
            codes = (await sends(owner, "POST", "/factors/recovery-codes"))[1]["codes"]
            used = {"code": app.generate_otp(step + 1)}
            for proof in (used, {"recovery_code": codes[0]}):
                assert (await answered(owner, proof))[0] == 201
        async with running("gateway", settings(short, fakes), short / "p"), owner_of(short) as owner:
            for proof in (used, {"recovery_code": codes[0]}):
                status, problem = await answered(owner, proof)
                assert (status, problem["reason"]) == (401, "FACTOR_WRONG")
            assert (await answered(owner, {"recovery_code": codes[1]}))[0] == 201


async def answered(owner: Client, proof: dict[str, str]) -> tuple[int, Any]:
    body = {"passphrase": await owner.sealed(Purpose.PASSPHRASE, PASSPHRASE)}
    status, challenge = await sends(owner, "POST", "/sessions", body)
    assert status == 202
    return await sends(
        owner, "POST", "/sessions/second-factor", {"challenge": challenge["challenge"], **proof}
    )
