"""Second factors of a whole device: with the real vault's passphrases and words, and over its loss."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyotp
import pytest
from piccolo_formats.client_seal import Purpose

from integration.circle import circle
from integration.client import Client


async def challenged(api: Client) -> dict[str, Any]:
    """Logs in with the passphrase, as a stranger might who has it."""
    sealed = await api.sealed(Purpose.PASSPHRASE, api.passphrase)
    told = await api.ask("POST", "/sessions", {"passphrase": sealed})
    assert "challenge" in told
    return told


@pytest.mark.circle
async def test_a_factor_comes_back_with_the_backup_and_keeps_out_nobody_who_has_the_words(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    async with circle(tmp_path, 3) as made:
        owner = made.owners[0]
        enrolled = await owner.api.ask("POST", "/factors/totp", {"name": "phone"})
        app = pyotp.TOTP(enrolled["secret"])
        said = {"enrolment": enrolled["enrolment"], "code": app.at(int(time.time()))}
        await owner.api.ask("POST", "/factors/totp/confirm", said)
        await owner.api.put("/a", b"kept")
        await owner.api.lock()
        challenge = await challenged(owner.api)
        assert (await owner.api.status())["keys"] == "locked"
        code = {"challenge": challenge["challenge"], "code": app.at(int(time.time()) + app.interval)}
        await owner.api.ask("POST", "/sessions/second-factor", code)
        assert await owner.api.get("/a") == b"kept"
        await owner.api.backed_up()
        await owner.burn()
        await owner.start()
        await owner.api.recover()
        assert await owner.api.get("/a") == b"kept"
        factors = (await owner.api.ask("GET", "/factors"))["factors"]
        assert [one["name"] for one in factors] == ["phone"]
        async with Client(owner.api.url, owner.api.certificate, passphrase=owner.api.passphrase) as other:
            challenge = await challenged(other)
            words = await other.sealed(Purpose.WORDS, owner.api.words)
            await other.ask(
                "POST", "/sessions/second-factor", {"challenge": challenge["challenge"], "words": words}
            )
            assert await other.get("/a") == b"kept"
