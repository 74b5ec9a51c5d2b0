"""What a release's manifest says of the services' state is what the services write."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import apsw
import pytest
import tomli_w
from piccolo_chassis import command
from piccolo_image import formats
from piccolo_image.__main__ import CHECKOUT
from piccolo_metadata.adapters.schema import STEPS
from piccolo_updater.adapters.data import Folders

from integration.device import Device

_KEEPS = re.compile(r"^StateDirectory=piccolo/(\S+)$", re.MULTILINE)
_SINCE_FORMATS = 2  # schemas that were the first format too, besides the third


def test_every_unit_that_keeps_state_declares_what_it_is_in() -> None:
    """The cloud is on no device."""
    units = (CHECKOUT / "units/system").glob("piccolo-*.service")
    found = [_KEEPS.search(unit.read_text(encoding="utf-8")) for unit in units]
    keeping = {each[1] for each in found if each}
    assert {each.service for each in formats.KEPT} == keeping - {"cloud"}
    assert len(formats.KEPT) == len(keeping) - 1


@pytest.mark.circle
async def test_what_a_device_writes_is_what_its_release_declares(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    device = Device("box", tmp_path, asyncio.Semaphore(2))
    try:
        await device.start()
        await _provisioned(device)
        assert Folders(tmp_path / "state", tmp_path / "none", 0).formats() == {
            each.service: each.written for each in formats.KEPT
        }
        await device.stop()
    finally:
        await device.close()
    database = apsw.Connection(str(device.state("metadata") / "metadata.db"))
    schema = database.pragma("user_version")
    database.close()
    assert schema == len(STEPS)
    assert Folders(tmp_path / "state", tmp_path / "none", 0).formats()["metadata"] == schema - _SINCE_FORMATS


async def _provisioned(device: Device) -> None:
    """Provision is no server: the step that remembers."""
    run, settings = device.folder / "run", device.folder / "provision.toml"
    (run / "piccolo/provision").mkdir(parents=True)
    settings.write_text(tomli_w.dumps({"state": str(device.state("provision")), "run": str(run)}))
    words: list[str | Path] = [sys.executable, "-m", "piccolo_provision", "--config", settings, "known"]
    await command.run(words, seconds=60.0)
