"""The steps as the processes they are, against a real site: what they leave, and what they say."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from aiohttp import web
from piccolo_chassis import command
from piccolo_chassis.config import load

from piccolo_provision import __main__ as steps
from piccolo_provision.adapters import site as sites
from piccolo_provision.adapters import system
from piccolo_provision.config import Config
from piccolo_provision.core import ignition
from piccolo_provision.core.document import LARGEST
from piccolo_provision.core.places import PLACES
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.tests.nodes import NOW, Household
from script.seeding import write_volume

pytestmark = pytest.mark.component
HOME = Household()
DAYS = (datetime.now(UTC) - NOW + timedelta(days=30)).days
TOLD = {"time": {"servers": ["ntp.example.org"]}, "gateway": {"names": ["kitchen.example.org"]}}


@asynccontextmanager
async def serving(files: dict[str, bytes]) -> AsyncIterator[str]:
    """A static site; a file of no bytes is an error of the server."""

    async def answer(request: web.Request) -> web.Response:
        if request.path not in files:
            raise web.HTTPNotFound
        return web.Response(body=files[request.path], status=200 if files[request.path] else 500)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await (listening := web.TCPSite(runner, "127.0.0.1", 0)).start()
        assert listening._server is not None
        port = listening._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


class Device:
    """What of a device the steps see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.volume = folder / "volume"
        self.handover = folder / "run/piccolo/provision"
        self.handover.mkdir(parents=True)
        self.config = folder / "config.toml"
        settings = {
            "state": str(folder / "state"),
            "vault": str(folder / "vault"),
            "run": str(folder / "run"),
            "volume": str(self.volume),
            "firmware": str(folder / "raw"),
            "wait": 0.1,
            "asking": {"attempts": 2, "first": 0.01},
        }
        self.config.write_text(tomli_w.dumps(settings))

    async def step(self, name: str, *, enough: bool = False) -> str:
        """What it printed; with `enough`, it says that it was the last one."""
        words: list[str | Path] = [sys.executable, "-m", "piccolo_provision", "--config", self.config, name]
        done = await command.run(words, seconds=60.0, check=False)
        assert done.status == (1 if enough else 0), done.stderr.decode()
        return done.stdout.decode()

    def patient(self, seconds: float) -> None:
        """It waits longer for a stick, from now on and not from the start of this machine."""
        running = time.clock_gettime(time.CLOCK_BOOTTIME)
        told = self.config.read_text().replace("wait = 0.1", f"wait = {running + seconds}")
        self.config.write_text(told)

    async def apply(self) -> list[Sequence[str]]:
        """The step that writes to the system; what it would have had it do."""
        told: list[Sequence[str]] = []

        async def tell(*programs: Sequence[str]) -> bool:
            told.extend(programs)
            return True

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grp, "getgrnam", lambda _name: grp.getgrgid(os.getgid()))
            patch.setattr(system, "tell", tell)
            await steps._apply(load(Config, [self.config]))
        return told

    async def boot(self) -> tuple[dict[str, Any], str]:
        """All steps but those that write to the system; the status, and what the console says."""
        if not self.volume.exists():
            said = await self.step("seed", enough=True)
        else:
            await self.step("seed")
            await self.step("known")
            said = await self.step("ask")
        return json.loads((self.handover / "status.json").read_bytes()), said

    def owned(self, by: str = "kek.sealed") -> None:
        """Somebody sets it up."""
        (self.folder / "vault").mkdir()
        (self.folder / "vault" / by).touch()

    def made(self) -> set[str]:
        return {path.name for path in (self.handover / "files").iterdir()}


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


async def test_a_device_is_individuated_and_stays_so_without_its_site(device: Device) -> None:
    answer = HOME.answer(3, days=DAYS, told=TOLD)
    entry = {"/nodes/kitchen": answer.sealed, "/nodes/kitchen.minisig": answer.signature}
    async with serving(entry) as address:
        await write_volume(HOME.files(site=address.encode()), device.volume)
        status, said = await device.boot()
    assert (status["state"], status["node"], status["serial"]) == ("current", "kitchen", 3)
    assert said == "Piccolo: The device runs by its configuration.\n"
    assert device.made() == {"timesyncd.conf", "gateway.toml", "hostname"}
    assert (device.handover / "status.json").stat().st_mode & 0o777 == 0o644
    status, said = await device.boot()
    assert (status["state"], status["reason"], status["serial"]) == ("kept", "SITE_UNREACHABLE", 3)
    assert "The site did not answer." in said
    assert device.made() == {"timesyncd.conf", "gateway.toml", "hostname"}
    kept = b"".join(path.read_bytes() for path in (device.folder / "state").iterdir())
    assert b"ntp.example.org" not in kept
    assert str(HOME.identity).encode() not in kept
    await device.step("clear")
    assert {path.name for path in device.handover.iterdir()} == {"status.json"}


async def test_a_site_that_is_away_at_first_makes_the_device_a_node_later(device: Device) -> None:
    answer = HOME.answer(3, days=DAYS, told={"cloud": {"address": "cloud.example.org:7443"}})
    files: dict[str, bytes] = {}
    async with serving(files) as address:
        await write_volume(HOME.files(site=address.encode()), device.volume)
        status, _ = await device.boot()
        assert (status["state"], status["reason"]) == ("refused", "SITE_UNKNOWN")
        assert await device.apply() == [system.ASK_AGAIN]
        files |= {"/nodes/kitchen": answer.sealed, "/nodes/kitchen.minisig": answer.signature}
        status, _ = await device.boot()
    assert (status["state"], status["serial"]) == ("current", 3)
    told = await device.apply()
    for service in ("attestation", "metadata"):
        again = ("systemctl", "--no-block", "try-restart", f"piccolo-{service}.service")
        assert again in told, "it runs, and by what it read at its start"
    assert system.ASK_AGAIN not in told


async def test_what_the_site_will_say_is_not_told_before_it_was_asked(device: Device) -> None:
    async with serving({}) as address:
        await write_volume(HOME.files(site=address.encode()), device.volume)
        status, _ = await device.boot()
        await device.step("seed")
        await device.step("known")
        assert json.loads((device.handover / "status.json").read_bytes()) == status


@pytest.mark.parametrize("by", ["kek.sealed", "recovery"])
async def test_a_stick_that_comes_after_the_owner_gives_it_no_other_master(device: Device, by: str) -> None:
    answer = HOME.answer(3, days=DAYS, told=TOLD)
    await write_volume(HOME.files(node_age=answer.sealed, node_age_minisig=answer.signature), device.volume)
    device.owned(by)
    status, said = await device.boot()
    assert (status["state"], status["reason"], device.made()) == ("refused", "SEED_FOREIGN", set())
    assert "does not belong to" in said


async def test_an_owned_device_keeps_the_master_that_it_had_before(device: Device) -> None:
    answer = HOME.answer(3, days=DAYS, told=TOLD)
    await write_volume(HOME.files(node_age=answer.sealed, node_age_minisig=answer.signature), device.volume)
    await device.boot()
    device.owned()
    assert (await device.boot())[0]["state"] == "current"


async def test_an_owned_device_that_never_had_a_stick_waits_for_none(device: Device) -> None:
    device.patient(60.0)
    device.owned()
    async with asyncio.timeout(20):
        assert (await device.boot())[0]["state"] == "empty"


async def test_a_hypervisor_may_hand_over_the_seed(device: Device) -> None:
    answer = HOME.answer(3, days=DAYS, told=TOLD)
    files = HOME.files(node_age=answer.sealed, node_age_minisig=answer.signature)
    (device.folder / "raw").write_bytes(ignition.write(files))
    for step in ("seed", "known", "ask"):
        await device.step(step)
    status = json.loads((device.handover / "status.json").read_bytes())
    assert (status["state"], status["serial"]) == ("current", 3)
    assert "gateway.toml" in device.made()


async def test_an_empty_volume_is_none_that_is_missing(device: Device) -> None:
    await write_volume({"other": b"x"}, device.volume)
    assert (await device.boot())[0]["reason"] == "SEED_INCOMPLETE"


async def test_without_a_seed_there_is_nothing(device: Device) -> None:
    status, said = await device.boot()
    assert (status["state"], status["reason"]) == ("empty", "")
    assert [path.name for path in device.handover.iterdir()] == ["status.json"]
    assert "There is no seed volume" in said


async def test_a_bad_volume_is_told_in_words(device: Device) -> None:
    device.volume.write_bytes(b"x" * 4096)
    status, said = await device.boot()
    assert (status["state"], status["reason"], device.made()) == ("refused", "SEED_UNREADABLE", set())
    assert "cannot be read; make it anew." in said


async def test_a_seed_that_is_taken_out_leaves_nothing(device: Device) -> None:
    answer = HOME.answer(3, days=DAYS, told=TOLD)
    await write_volume(HOME.files(node_age=answer.sealed, node_age_minisig=answer.signature), device.volume)
    assert (await device.boot())[0]["state"] == "current"
    device.volume.unlink()
    place = device.folder / "run" / PLACES["gateway.toml"].path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"")
    await device.step("seed")
    assert "There is no seed volume" in await device.step("ask")
    assert device.made() == set()


async def test_wrong_settings_are_a_failure(device: Device) -> None:
    device.config.write_text("wiat = 3\n")
    words: list[str | Path] = [sys.executable, "-m", "piccolo_provision", "--config", device.config, "seed"]
    assert (await command.run(words, seconds=60.0, check=False)).status == 255


async def test_a_memory_of_a_newer_release_is_left_alone_and_told(device: Device) -> None:
    state = device.folder / "state"
    state.mkdir()
    (state / "format").write_text("piccolo-provision 9\n")
    await write_volume(HOME.files(), device.volume)
    assert (await device.boot())[0]["reason"] == "MEMORY_UNUSABLE"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, Reason.SITE_UNKNOWN),
        ({"/nodes/kitchen": b"x"}, Reason.SITE_UNKNOWN),
        ({"/nodes/kitchen": b""}, Reason.SITE_UNREACHABLE),
        ({"/nodes/kitchen": b"x" * (LARGEST + 1)}, Reason.SITE_TOO_LARGE),
        ({"/nodes/kitchen": b"x", "/nodes/kitchen.minisig": b"x" * 4097}, Reason.SITE_TOO_LARGE),
    ],
)
async def test_a_site_s_failures_have_reasons(files: dict[str, bytes], reason: Reason) -> None:
    async with serving(files) as address, sites.site() as site:
        with pytest.raises(RefusedError) as refused:
            await site.fetch(f"{address}/nodes/kitchen")
    assert refused.value.why is reason


async def test_no_site_there_is_a_reason_too() -> None:
    async with sites.site() as site:
        for address in ("http://127.0.0.1:1/x", "http://no-such.invalid/x"):
            with pytest.raises(RefusedError) as refused:
                await site.fetch(address)
            assert refused.value.why is Reason.SITE_UNREACHABLE
