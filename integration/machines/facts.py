"""What must be true of a device that booted; asked from inside, of development images."""

from __future__ import annotations

from typing import Final

from playwright.async_api import expect

from integration.browser.entry import title
from integration.browser.visitor import chromium, visitor
from integration.machines.circle import UNITS
from integration.machines.qemu import Qemu

_EFI: Final = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_LOG: Final = "/sys/kernel/security/tpm0/binary_bios_measurements"
_LISTENS: Final = {("tcp", 443), ("tcp", 7443), ("udp", 5353)}
_BESIDE: Final = {("tcp", 22), ("udp", 68), ("udp", 546)}
"""Of development images only; a client of DHCP."""


async def runs_whole(made: Qemu) -> None:
    """All units are there, none failed, none waits for itself; the kernel is as it was built."""
    assert await made.booted() == "running"
    assert await made.inside("systemctl", "--failed", "--plain", "--no-legend") == ""
    states = await made.inside("systemctl", "is-active", *UNITS, "piccolo.target")
    assert set(states.split()) == {"active"}
    journal = await made.inside("journalctl", "-b", "--no-pager", "-o", "cat")
    assert "Reached target multi-user.target" in journal
    assert "ordering cycle" not in journal
    assert '"level": "error"' not in journal
    assert await made.inside("cat", "/proc/sys/kernel/tainted") == "0"
    assert await made.inside("cat", "/proc/swaps") == "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"


async def is_measured(made: Qemu) -> None:
    """Secure Boot is on; the event log gives the same PCRs as the TPM has."""
    assert (await made.inside("od", "-An", "-tu1", _EFI)).split()[-1] == "1"
    told = await made.inside("tpm2_eventlog", _LOG)
    replayed = {}
    for line in told[told.rindex("pcrs:") :].splitlines():
        number, colon, value = (part.strip() for part in line.partition(":"))
        if colon and number.isdigit():
            replayed[int(number)] = value.removeprefix("0x").upper()
    measured = await made.inside("sh", "-c", "cd /sys/class/tpm/tpm0/pcr-sha256; head -q -n1 0 1 2 3 4 5 6 7")
    assert [replayed.get(number) for number in range(8)] == measured.split()
    kernel = await made.inside("cat", "/sys/class/tpm/tpm0/pcr-sha256/11")
    assert set(kernel) != {"0"}, "the UKI was measured"


async def is_sealed(made: Qemu) -> None:
    """The root is the one of the image, proven and read-only; data is LUKS."""
    assert await made.inside("findmnt", "-no", "SOURCE,FSTYPE", "/") == "/dev/mapper/root erofs"
    root = await made.inside("veritysetup", "status", "root")
    assert "status:      verified" in root
    assert made.image.roothash in root
    assert "Read-only file system" in await made.inside("sh", "-c", "touch /usr/x 2>&1", check=False)
    assert await made.inside("findmnt", "-no", "SOURCE,FSTYPE", "/var") == "/dev/mapper/data ext4"
    data = await made.inside(
        "blkid", "-p", "-o", "value", "-s", "TYPE", "/dev/disk/by-partlabel/piccolo-data"
    )
    assert data == "crypto_LUKS"
    assert await made.inside("cat", "/run/piccolo/boot") == "STATE=sealed\nREASON=\nDATA=yes"


async def listens_as_said(made: Qemu) -> None:
    """The gateway, the peers, multicast DNS; what is bound to the loopback is heard by nobody else."""
    told = await made.inside("ss", "-Hlntu")
    found = {(line.split()[0], *line.split()[4].rsplit(":", 1)) for line in told.splitlines()}
    heard = {(kind, int(port)) for kind, where, port in found if not where.startswith(("127.", "[::1]"))}
    assert heard - _BESIDE == _LISTENS


async def is_seen(made: Qemu) -> None:
    """A newcomer is welcomed in a browser; what he sees is kept as a picture."""
    async with chromium() as browser, visitor(browser, made.url) as newcomer:
        await newcomer.open()
        await expect(title(newcomer.page, "A cloud of your own")).to_be_visible()
        await newcomer.screen("device")
