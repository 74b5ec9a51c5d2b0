"""The slots by systemd-sysupdate(8) and its transfers in sysupdate.d; read back by veritysetup(8)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.core.manifest import Manifest

_PROGRAM: Final = "/usr/lib/systemd/systemd-sysupdate"
_BY_UUID: Final = Path("/dev/disk/by-partuuid")
_SECONDS: Final = 3600.0
_IN_RAM: Final = "piccolo.ram"
_PARTIAL: Final = ".#sysupdate*"  # what a cut left: no name that the boot loader takes; sysupdate clears it
_FOLDER_BLOCKS: Final = 1  # by which the folder of entries may grow
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

    def on_trial(self) -> bool:
        """As the port says."""
        running = self.running()
        return any("+" in each.name and _version(each) == running for each in self._named())

    def room(self) -> int:
        """As the port says."""
        disk, running = os.statvfs(self._entries), self.running()
        entries = self._named()
        others = [each for each in entries if _version(each) != running]
        # one stays beside the new one (InstancesMax=2), and it is the one that runs (ProtectVersion=)
        going = others if len(entries) > 1 else []
        going += self._entries.glob(_PARTIAL)
        gained = sum(-(-each.stat().st_size // disk.f_frsize) for each in going)
        return (disk.f_bavail + gained - _FOLDER_BLOCKS) * disk.f_frsize

    async def write(self, staging: Path, version: str) -> None:
        """As the port says."""
        for entry in self._named():
            if _version(entry) == version:
                entry.unlink()  # sysupdate would take it for installed, whatever became of its tries
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

    def _named(self) -> list[Path]:
        return list(self._entries.glob("piccolo_*.efi"))


def _version(entry: Path) -> str:
    return entry.name.removeprefix("piccolo_").removesuffix(".efi").partition("+")[0]
