"""Full to the last byte: the partition that the firmware starts from, and the one for data."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from integration.bad_days.owed import Owed
from integration.machines.images import Image
from integration.machines.machine import Machine
from integration.machines.pair import make_circle, pair
from integration.machines.qemu import SilentError
from integration.machines.releases import entries, install, running, version

pytestmark = pytest.mark.qemu
_FILL = """
touch "$1" && chown "$2" "$1"
setpriv --reuid "$2" --clear-groups sh -c '
    fallocate -l "$(df --output=avail -B1 "${1%/*}" | tail -1)" "$1"
    cat /dev/zero >>"$1" 2>/dev/null
' sh "$1" || true
sync
df --output=avail -B1 "${1%/*}" | tail -1
"""
_ESP = "/efi/filler"
_DATA = "/var/tmp/filler"


async def fill(made: Machine, path: str, user: str) -> None:
    """Leaves no byte where that file lies, as far as that user can."""
    assert int(await made.inside("sh", "-c", _FILL, "sh", path, user)) == 0


async def test_a_release_for_which_a_full_esp_has_no_room_is_refused(
    development: Image, settled: Path, site: Path
) -> None:
    async with running(development, settled, "full_esp") as made:
        await fill(made, _ESP, "root")
        with pytest.raises(SilentError, match=r"on the system partition \(/efi\)"):
            await install(made, site)
        await made.stop()
        made.forget()
        await made.start()
        assert await made.booted() in {"running", "degraded"}
        failed = await made.inside("systemctl", "--failed", "--plain", "--no-legend")
        # which would write a new one there
        assert {line.split()[0] for line in failed.splitlines()} <= {"systemd-boot-random-seed.service"}
        assert await version(made) == "1"
        assert await entries(made) == ["piccolo_1.efi"]
        await made.inside("rm", _ESP)
        assert "Version 2 boots next" in await install(made, site)


async def test_a_full_data_partition_keeps_nobody_out_and_nothing_is_lost(
    development: Image, tmp_path: Path
) -> None:
    """It refuses in words, starts like that too, lets its owner tidy up, and goes on when there is room."""
    chance = Random(7)
    async with pair(development, "full_data", tmp_path) as (first, second):
        await first.start()
        await make_circle(first, second)
        made, owners = first.machine, (Owed(first.api), Owed(second.api))
        for owed in owners:
            await owed.put("/kept", chance.randbytes(1 << 20))
        await fill(made, _DATA, "nobody")
        assert (await owners[1].refused("/more", chance.randbytes(4 << 20))).reason != "INTERNAL"
        await made.stop()
        await first.start()
        await first.all_run()
        for owed in owners:
            await owed.look()
        await owners[0].remove("/kept")
        assert (await owners[0].refused("/more", chance.randbytes(1 << 20))).reason == "DISK_FULL"
        await made.inside("rm", _DATA)
        await second.api.reaches_all()
        for owed in owners:
            await owed.put_when_there_is_room("/after", chance.randbytes(1 << 20))
            await owed.look()
        assert await made.inside("systemctl", "--failed", "--plain", "--no-legend") == ""
