"""Ends of the device by its API: it restarts and is there again, it is reset and is nobody's."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import aiohttp
import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.kek import Kek

from integration.client import ApiError, Client
from integration.machines.circle import PASSPHRASE
from integration.machines.facts import is_sealed
from integration.machines.images import Image
from integration.machines.qemu import Qemu, SilentError, device

pytestmark = pytest.mark.qemu
BOOT = "/proc/sys/kernel/random/boot_id"
DATA = "/dev/disk/by-partlabel/piccolo-data"
KEPT = "/var/lib/piccolo/kept"
SECONDS = 900.0
LOOK = 1.0
WORDS = "cryptsetup open --test-passphrase --key-file - --disable-external-tokens"


async def started_again(made: Qemu, boot: str) -> None:
    """Returns when another boot of it answers; by ssh it may be somebody else then."""
    async with asyncio.timeout(SECONDS):
        while True:
            (made.folder / "known_hosts").unlink(missing_ok=True)
            try:
                if (await made.inside("cat", BOOT, check=False)) not in ("", boot):
                    break
            except (PiccoloError, SilentError):
                assert made.power.is_on
            await asyncio.sleep(LOOK)
    await made.faced()


async def opens(made: Qemu, key: str) -> bool:
    """Whether a key opens its data partition."""
    script = f'printf %s "$1" | {WORDS} {DATA} >/dev/null 2>&1 && echo yes || echo no'
    return await made.inside("sh", "-c", script, "sh", key) == "yes"


async def ended(made: Qemu, act: str, body: dict[str, str] | None = None) -> None:
    """Asks for an end, as its owner."""
    async with Client(made.url, made.certificate, passphrase=PASSPHRASE) as owner:
        await owner.log_in()
        await owner.ask("POST", f"/device/{act}", body)


async def test_a_device_restarts_is_reset_and_shut_down_by_its_api(development: Image) -> None:
    """After the reset the old file, words and owner are nowhere; it greets its first visitor."""
    async with device(development, "power") as made:
        await made.start()
        assert await made.booted() == "running"
        async with Client(made.url, made.certificate, passphrase=PASSPHRASE) as owner:
            await owner.set_up()
            words = owner.words
            told = await owner.ask("GET", "/device")
            assert told["offered"]
        key, known = Kek.from_words(words).disk().hex(), secrets.token_hex(32)
        async with asyncio.timeout(SECONDS):
            while not await opens(made, key):  # noqa: ASYNC110 - another machine
                await asyncio.sleep(LOOK)
        await made.inside("sh", "-c", f"echo {known} >{KEPT}; sync")

        boot, shown = await made.inside("cat", BOOT), made.certificate.read_bytes()
        machine = await made.inside("cat", "/etc/machine-id")
        await ended(made, "restart")
        await started_again(made, boot)
        await is_sealed(made)
        assert await made.inside("cat", KEPT) == known
        assert made.certificate.read_bytes() == shown
        assert await made.inside("systemctl", "--failed", "--plain", "--no-legend") == ""

        boot = await made.inside("cat", BOOT)
        with pytest.raises(ApiError) as refused:
            await ended(made, "reset", {"name": f"{told['name']}?"})
        assert refused.value.reason == "NAME_DIFFERS"
        await ended(made, "reset", {"name": told["name"]})
        await is_fresh(made, boot)
        assert made.certificate.read_bytes() != shown
        assert await made.inside("cat", "/etc/machine-id") != machine
        assert await made.inside("sh", "-c", f"test ! -e {KEPT} && echo gone") == "gone"
        assert not await opens(made, key)
        async with Client(made.url, made.certificate, passphrase=PASSPHRASE) as first:
            assert (await first.status())["keys"] == "empty"
            await first.set_up()
            assert first.words != words

        await ended(made, "shutdown")
        async with asyncio.timeout(SECONDS):
            await made.power.ended()
        assert known.encode() not in made.disk.read_bytes()


async def is_fresh(made: Qemu, boot: str) -> None:
    """It has started again, as on its first day, with its data under its TPM."""
    await started_again(made, boot)
    await is_sealed(made)
    assert await made.booted() == "running"
    async with aiohttp.ClientSession() as http, http.get(f"{made.url}/api/v1/status", ssl=False) as answer:
        assert (await answer.json())["keys"] == "empty"


@pytest.mark.parametrize("moment", ["marked", "half"])
async def test_power_that_goes_during_a_reset_leaves_a_fresh_device(
    development: Image, settled: Path, moment: str
) -> None:
    """Cut when only the mark is there, and when the partition is gone and another one half made."""
    async with device(development, f"reset-{moment}", begin=settled) as made:
        await made.start()
        boot = await made.inside("cat", BOOT)
        assert await made.inside("cat", "/var/lib/piccolo-system/kept") == "kept"
        await made.inside("cryptsetup", "config", "--batch-mode", "--label", "piccolo-reset", DATA)
        await made.inside("sync")
        await made.cut_power()
        if moment == "half":
            made.forget()
            await made.switch_on()
            await made.says("mke2fs")
            await made.cut_power()
        made.forget()
        await made.switch_on()
        await made.faced()
        await is_fresh(made, boot)
        assert await made.inside("sh", "-c", "test ! -e /var/lib/piccolo-system/kept && echo gone") == "gone"
