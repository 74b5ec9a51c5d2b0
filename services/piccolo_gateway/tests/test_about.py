"""Facts of the software: little for strangers, all of it for the owner."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

from piccolo_formats.client_seal import Purpose

from piccolo_gateway.tests.conftest import Start, World
from piccolo_gateway.tests.fakes.keys import WORDS


async def test_strangers_hear_what_it_is_and_nothing_to_aim_by(blank: World) -> None:
    async with blank.request("GET", "/.well-known/piccolo") as response:
        assert response.status == 200
        raw = await response.text()
        told = json.loads(raw)
    assert set(told) == {"product", "api", "version", "healthy", "since", "provision", "boot"}
    assert told["provision"] is None
    assert told["boot"] is None
    assert (told["product"], told["healthy"]) == ("piccolo", True)
    assert re.fullmatch(r"\d+\.\d+", told["version"])
    assert told["since"] % 86400 == 0
    for name in ("aiohttp", "grpcio", "cryptography", "piccolo"):
        assert f'"{version(name)}"' not in raw
        assert name == "piccolo" or name not in raw


async def test_the_owner_hears_everything(world: World) -> None:
    status, told = await world.json("GET", "/facts")
    assert status == 200
    assert told["version"] == version("piccolo")
    assert told["packages"]["aiohttp"] == version("aiohttp")
    assert told["built"] > 1_600_000_000
    assert told["uptime"] >= 0
    services = {"gateway", "vault", "metadata", "attestation", "fragment-store"}
    assert told["services"] == dict.fromkeys(services, True)


REFUSED = {
    "state": "refused",
    "reason": "CONFIGURATION_EXPIRED",
    "message": "The configuration has expired.",
    "node": "kitchen",
    "serial": 7,
    "expires": 1_700_000_000,
}


async def test_a_refused_configuration_is_told_to_all_and_which_it_is_to_the_owner(
    start: Start, tmp_path: Path
) -> None:
    status = tmp_path / "status.json"
    async with start(provision=status) as world:
        status.write_text(json.dumps(REFUSED))
        async with world.request("GET", "/.well-known/piccolo") as response:
            told = (await response.json())["provision"]
        assert told == {key: REFUSED[key] for key in ("state", "reason", "message")}
        await world.client.set_up()
        assert (await world.json("GET", "/facts"))[1]["provision"] == REFUSED
        for damage in ("", "{", "{}", "x" * 5000):
            status.write_text(damage)
            assert (await world.json("GET", "/facts"))[1]["provision"] is None


async def test_all_are_told_that_data_is_in_memory_only_and_why(start: Start, tmp_path: Path) -> None:
    state = tmp_path / "boot"
    async with start(boot=state) as world:
        state.write_text("STATE=degraded\nREASON=no-tpm\nDATA=yes\n")
        async with world.request("GET", "/.well-known/piccolo") as response:
            public = (await response.json())["boot"]
        assert (public["state"], public["reason"], public["data"]) == ("degraded", "NO_TPM", True)
        assert "gone when the power goes" in public["message"]
        await world.client.set_up()
        assert (await world.json("GET", "/facts"))[1]["boot"] == public
        state.write_text("STATE=opened\nREASON=no-tpm\nDATA=yes\n")
        assert (await world.json("GET", "/facts"))[1]["boot"] == {**public, "state": "opened", "message": ""}
        for damage in (b"", b"STATE=", b"\xff\xfe", b"STATE=asleep\n"):
            state.write_bytes(damage)
            assert (await world.json("GET", "/facts"))[1]["boot"] is None


async def test_exact_versions_need_a_session(blank: World) -> None:
    assert (await blank.json("GET", "/facts"))[0] == 401


async def test_a_service_that_is_away_is_told(blank: World) -> None:
    await blank.fakes.stop("attestation")
    async with blank.request("GET", "/.well-known/piccolo") as response:
        assert (await response.json())["healthy"] is False


async def test_whoever_has_the_words_opens_the_data_of_a_device_that_could_not(blank: World) -> None:
    for words, status in ((WORDS.upper(), 400), (WORDS, 202)):
        body = {"words": await blank.sealed(Purpose.WORDS, words)}
        got, told = await blank.json("POST", "/data/open", json=body)
        assert got == status
        assert told.get("reason") == ("DISK_WORDS_WRONG" if status == 400 else None)
        assert blank.fakes.keys.disk_opened == (status == 202)
