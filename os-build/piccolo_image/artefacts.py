"""What a release consists of: root as erofs, its verity data, and the signed UKI that names its root hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo_updater.core.manifest import Slot, slot_of

from piccolo_image.initrd import Boot
from piccolo_image.keys import Keys
from piccolo_image.workshop import Workshop

_TIME: Final = "1700000000"
_ROOT_UUID: Final = "c0ffee00-0000-4000-8000-000000000001"
_VERITY_UUID: Final = "c0ffee00-0000-4000-8000-000000000002"
_SALT: Final = "70696363" * 8
_COMMAND_LINE: Final = (
    "root=/dev/mapper/root rootfstype=erofs ro roothash={roothash} systemd.gpt_auto=0 quiet rd.shell=0"
    " rd.emergency=reboot panic=10 systemd.verity_root_options=restart-on-corruption"
)
_CONSOLE: Final = " console=tty0 console=ttyS0,115200"
# what firmware or a file on the ESP would hand in, units too, nobody has signed
_ALONE: Final = " systemd.import_credentials=no"
# piccolo-ram in the initrd copies so many bytes of root and verity, and attaches the copies
_IN_RAM: Final = (
    " piccolo.ram={root},{verity} systemd.verity_root_data=/dev/loop0 systemd.verity_root_hash=/dev/loop1"
)
# Masked, not skipped by a condition: a mount's device is waited for before its conditions are looked at, and
# the medium may be gone by then.
_ON_MEDIUM: Final = {
    "rd.systemd.mask": ("piccolo-guard.service", "piccolo-reset.service", "systemd-repart.service"),
    "systemd.mask": ("efi.mount", "device-settled.service", "device-settling.timer", "device-health.service"),
}
"""What writes to the disk that the device was started from, in the initrd and after it."""


@dataclass(frozen=True, slots=True)
class Artefacts:
    """The files of one version, in a folder."""

    folder: Path
    version: str

    @property
    def root(self) -> Path:
        """The erofs."""
        return self.folder / "root"

    @property
    def verity(self) -> Path:
        """Its hash tree."""
        return self.folder / "verity"

    @property
    def uki(self) -> Path:
        """The signed kernel image."""
        return self.folder / "uki"

    @property
    def sbom(self) -> Path:
        """What the root consists of."""
        return self.folder / "sbom.json"

    @property
    def roothash(self) -> str:
        """64 hex digits."""
        return (self.folder / "roothash").read_text(encoding="ascii").strip()

    @property
    def slot(self) -> Slot:
        """Where it lies on a disk."""
        return slot_of(self.roothash)


async def make(
    workshop: Workshop,
    tree: Path,
    boot: Boot,
    keys: Keys,
    made: Artefacts,
    *,
    development: bool,
    in_ram: bool = False,
) -> None:
    """Makes them from a tree; `development` and `in_ram` as command_line says."""
    await prove(workshop, tree, made)
    await _uki(workshop, tree, boot, keys, made, command_line(made, development=development, in_ram=in_ram))


def command_line(made: Artefacts, *, development: bool, in_ram: bool) -> str:
    """What the kernel is told of a root that was proven.

    Args:
        development: the kernel speaks on the serial line too, and takes systemd's credentials from outside.
        in_ram: the root leaves its medium, to which nothing is written.
    """
    line = _COMMAND_LINE.format(roothash=made.roothash)
    if in_ram:
        line += _IN_RAM.format(root=made.root.stat().st_size, verity=made.verity.stat().st_size)
        line += "".join(f" {word}={unit}" for word, units in _ON_MEDIUM.items() for unit in units)
    return line + (_CONSOLE if development else _ALONE)


async def prove(workshop: Workshop, tree: Path, made: Artefacts) -> None:
    """Makes the root and its hash tree: the same bytes for the same tree."""
    beside = (tree.parent, made.folder)
    await workshop.run(
        *("mkfs.erofs", "-zlz4hc,9", "-C65536", f"-T{_TIME}", f"-U{_ROOT_UUID}", "--quiet", made.root, tree),
        beside=beside,
    )
    made.verity.unlink(missing_ok=True)
    await workshop.run(
        *("veritysetup", "format", f"--salt={_SALT}", f"--uuid={_VERITY_UUID}"),
        *(f"--root-hash-file={made.folder / 'roothash'}", made.root, made.verity),
        beside=beside,
    )


async def _uki(workshop: Workshop, tree: Path, boot: Boot, keys: Keys, made: Artefacts, line: str) -> None:
    await workshop.run(
        *("ukify", "build", "--linux", boot.kernel, "--initrd", boot.initrd, "--uname", boot.version),
        *("--os-release", f"@{tree / 'usr/lib/os-release'}", "--cmdline", line),
        *("--secureboot-private-key", keys["db.key"], "--secureboot-certificate", keys["db.crt"]),
        *("--pcr-private-key", keys["pcr.key"], "--pcr-public-key", keys["pcr.pub"]),
        *("--pcr-banks", "sha256", "--phases", "enter-initrd", "--output", made.uki),
        beside=(tree.parent, made.folder, keys.folder),
    )
