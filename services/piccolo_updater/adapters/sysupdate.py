"""The slots by systemd-sysupdate(8) and its transfers in sysupdate.d; read back by veritysetup(8)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.core.manifest import Manifest

_PROGRAM: Final = "/usr/lib/systemd/systemd-sysupdate"
_BY_UUID: Final = Path("/dev/disk/by-partuuid")
_SECONDS: Final = 3600.0
_IN_RAM: Final = "piccolo.ram"
_NAMED_SECONDS: Final = 60  # until udev has seen the partitions' new names


class Sysupdate:
    """The slots.

    Args:
        release: os-release.
        entries: the folder of boot entries.
        line: what the kernel was told.
    """

    def __init__(self, release: Path, entries: Path, line: Path) -> None:
        self._release, self._entries, self._line = release, entries, line

    def there(self) -> bool:
        """As the port says."""
        words = self._line.read_text(encoding="utf-8").split()
        return not any(word.partition("=")[0] == _IN_RAM for word in words)

    def running(self) -> str:
        """As the port says."""
        lines = self._release.read_text(encoding="utf-8").splitlines()
        (version,) = (line.partition("=")[2] for line in lines if line.startswith("IMAGE_VERSION="))
        return version.strip('"')

    async def write(self, staging: Path, version: str) -> None:
        """As the port says."""
        # the commit's signature was verified; sysupdate would look for checksums of its own
        told = await command.run([_PROGRAM, "--verify=no", "update", version], seconds=_SECONDS, check=False)
        if told.status:
            said = told.stderr.decode(errors="replace").strip()
            kind = Kind.FULL if "no space" in said.lower() else Kind.INTERNAL
            raise PiccoloError(
                kind,
                "SLOT_FAILED",
                f"Version {version} could not be written; what runs is untouched."
                f" ({said.splitlines()[-1] if said else told.status})",
            )
        await command.run(["sync"], seconds=_SECONDS)

    async def verify(self, manifest: Manifest) -> None:
        """As the port says."""
        partitions = [_BY_UUID / str(uuid) for uuid in manifest.slot]
        await command.run(["udevadm", "wait", f"--timeout={_NAMED_SECONDS}", *partitions], seconds=_SECONDS)
        told = await command.run(
            ["veritysetup", "verify", *partitions, manifest.roothash], seconds=_SECONDS, check=False
        )
        if not told.status:
            return
        for entry in self._entries.glob(f"piccolo_{manifest.version}*.efi"):
            entry.unlink()
        raise PiccoloError(
            Kind.DATA_LOSS,
            "SLOT_DAMAGED",
            f"What was written of version {manifest.version} reads back otherwise: the disk may be failing."
            " What runs is untouched.",
        )
