"""Releases on a device: installed and blessed, sent back when they are bad, refused when they are forged."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import Final

import pytest
from piccolo_image import keys
from piccolo_updater.core.manifest import NAME, decode

from integration.machines import publisher
from integration.machines.images import Image
from integration.machines.qemu import Qemu, SilentError
from integration.machines.releases import entries, install, restart, running, version

pytestmark = pytest.mark.qemu
_TRIES: Final = 4  # three of a bad version, and the one before it
_CUTS: Final = 3
_SECOND_ROOT: Final = 957 << 20
_SUPERBLOCK: Final = 1024


async def kept(made: Qemu) -> None:
    """The TPM opened the data, and what was on it is there."""
    assert await made.inside("cat", "/var/lib/piccolo-system/kept") == "kept"
    assert "STATE=sealed" in await made.inside("cat", "/run/piccolo/boot")


async def test_a_release_is_installed_boots_and_is_blessed(
    development: Image, settled: Path, site: Path
) -> None:
    async with running(development, settled, "release") as made:
        assert "Version 2 boots next" in await install(made, site)
        assert await entries(made) == ["piccolo_1.efi", "piccolo_2+3-0.efi"]
        await restart(made)
        assert await version(made) == "2"
        await kept(made)
        assert await entries(made) == ["piccolo_1.efi", "piccolo_2.efi"]
        for register, value in decode((site / NAME).read_bytes()).pcrs.items():
            measured = await made.inside("cat", f"/sys/class/tpm/tpm0/pcr-sha256/{register}")
            assert measured.lower() == value, f"PCR {register}"
        with pytest.raises(SilentError, match="there is nothing newer"):
            await install(made, site)


async def test_a_blessed_release_that_rots_gives_way_to_the_one_before(
    development: Image, settled: Path, site: Path
) -> None:
    async with running(development, settled, "rot") as made:
        await install(made, site)
        await restart(made)
        assert await entries(made) == ["piccolo_1.efi", "piccolo_2.efi"]
        await made.stop()
        made.forget()
        await made.flip(_SECOND_ROOT + _SUPERBLOCK)
        await made.switch_on()
        await made.says("piccolo_2 did not come up 4 times; piccolo_1.efi is started instead")
        await made.faced()
        assert await made.booted() == "running"
        assert await version(made) == "1"
        await kept(made)
        assert await entries(made) == ["piccolo_1.efi", "piccolo_2+0-4.efi"]


async def test_a_release_whose_health_check_fails_goes_back_by_itself(
    development: Image, settled: Path, site: Path, tmp_path: Path
) -> None:
    def spoil(tree: Path) -> None:
        with (tree / "usr/lib/piccolo/gateway.toml").open("a", encoding="utf-8") as settings:
            settings.write("\nno_such_setting = 1\n")

    worse = tmp_path / "site"
    shutil.copytree(site, worse)
    await publisher.publish(development.workshop, development.keys, worse, "3", spoil)
    async with running(development, settled, "rollback") as made:
        await install(made, worse)
        await made.stop()
        made.forget()
        await made.switch_on()
        await made.faced()
        assert await made.booted() == "running"
        assert await version(made) == "1"
        await kept(made)
        assert await entries(made) == ["piccolo_1.efi", "piccolo_3+0-3.efi"]
        assert made.said().count("This boot is not good: piccolo-gateway.service gave up") == _TRIES - 1


async def test_a_release_that_another_key_signed_is_refused(
    development: Image, settled: Path, site: Path, tmp_path: Path
) -> None:
    forged, workshop = tmp_path / "site", development.workshop
    shutil.copytree(site, forged)
    stranger = await keys.create(workshop, tmp_path / "keys", "A stranger")
    await publisher.publish(workshop, stranger, forged, "4")
    async with running(development, settled, "forged") as made:
        with pytest.raises(SilentError, match="not signed by this device's release key"):
            await install(made, forged)
        assert await entries(made) == ["piccolo_1.efi"]


async def test_power_that_goes_during_an_install_leaves_what_ran(
    development: Image, settled: Path, site: Path
) -> None:
    chance = random.Random(7)
    async with running(development, settled, "cut") as made:
        for _ in range(_CUTS):
            installing = asyncio.ensure_future(install(made, site))
            await asyncio.wait({installing}, timeout=chance.uniform(5, 60))
            await made.cut_power()
            await asyncio.gather(installing, return_exceptions=True)
            made.forget()
            await made.start()
            if await version(made) == "2":
                break
            await kept(made)
        else:
            await install(made, site)
            await restart(made)
        assert await version(made) == "2"
        await kept(made)
