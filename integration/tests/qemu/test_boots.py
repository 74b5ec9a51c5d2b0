"""From power-on to the face, and once more."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from integration.bad_days.owed import Owed
from integration.browser.visitor import CHROMIUM
from integration.machines.facts import is_measured, is_sealed, is_seen, listens_as_said, runs_whole
from integration.machines.images import Image
from integration.machines.pair import make_circle, pair
from integration.machines.qemu import Qemu

pytestmark = pytest.mark.qemu


@pytest.mark.smoke
async def test_power_on_to_the_face_and_again(development: Image, tmp_path: Path) -> None:
    """All is as it should be; what a circle keeps is there after a reboot; the disk tells nobody of it."""
    async with pair(development, "power_on", tmp_path) as (first, second):
        made = first.machine
        assert isinstance(made, Qemu)
        await first.start()
        for fact in (runs_whole, is_measured, is_sealed, listens_as_said):
            await fact(made)
        if CHROMIUM:
            await is_seen(made)
        await make_circle(first, second)
        mine, theirs = Owed(first.api), Owed(second.api)
        await mine.put("/mine", secrets.token_bytes(1 << 20))
        await theirs.put("/theirs", secrets.token_bytes(1 << 20))
        known, plain = secrets.token_hex(32), secrets.token_hex(32)
        await made.inside(
            "sh",
            "-c",
            f"yes {known} | head -n 20000 >/var/known; yes {plain} | head -n 2000 >/efi/plain; sync",
        )
        shown, machine = made.certificate.read_bytes(), await made.inside("cat", "/etc/machine-id")
        await first.stop()
        disk = made.disk.read_bytes()
        assert plain.encode() in disk, "what is not encrypted would be seen"
        assert known.encode() not in disk

        await first.start()
        await runs_whole(made)
        await first.all_run()
        assert made.certificate.read_bytes() == shown
        assert await made.inside("cat", "/etc/machine-id") == machine
        await first.api.knows_members(2)
        await first.api.reaches_all()
        for owed in (mine, theirs):
            await owed.look()
        await mine.put("/after", secrets.token_bytes(1 << 20))
