"""The root of the image: packages, services and the definition's files; a tree that is never written again.

Rules:
* What differs from build to build (times, caches, identities, logs) is not in it: two builds of one version
  give the same bytes.
* /var is empty: the data partition is it. /etc is what the image says, and writable only in RAM.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo_image import formats, keys, services
from piccolo_image.keys import Keys
from piccolo_image.workshop import Workshop

FLAVOURS: Final = ("production", "development")
# made at boot by nobody, and looked for by nobody on a root that does not change
_MASKED: Final = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("e2scrub_all.timer", "e2scrub_reap.service", "ldconfig.service", "systemd-hwdb-update.service"),
    *("systemd-journal-catalog-update.service", "systemd-pstore.service", "systemd-repart.service"),
    *("getty@tty1.service", "netavark-dhcp-proxy.socket", "tor.service", "tor@default.service"),
)
_COMPILE: Final = (
    *("-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash"),
    *("/usr/lib/piccolo/site-packages", "/usr/lib/python3.13"),
)
_EMPTIED: Final = ("run", "tmp", "dev", "proc", "sys", "boot", "var")
_LINKED: Final = {
    "home": "var/home",
    "root": "var/roothome",
    "srv": "var/srv",
    "opt": "var/opt",
    "media": "run/media",
    "usr/local": "../var/usrlocal",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """Which image.

    Attributes:
        flavour: of its root.
        in_ram: whether that root leaves its medium at each boot.
    """

    flavour: str
    version: str
    in_ram: bool = False


async def build(workshop: Workshop, checkout: Path, base: Path, tree: Path, variant: Variant) -> None:
    """Makes the tree, from the packages in `base`."""
    shutil.rmtree(tree, ignore_errors=True)
    await workshop.programs.run("cp", "-a", "--reflink=auto", base, tree)
    await services.install(workshop.programs, checkout, tree, tree.parent)
    formats.write(tree)
    _overlay(workshop.definition, tree, variant)
    if variant.flavour == "development":
        _let_in(tree, await keys.login(workshop))
    await _inside(workshop, tree, "systemd-sysusers")
    await _inside(workshop, tree, "systemctl", "preset-all")
    await _inside(workshop, tree, "python3", *_COMPILE)
    _leave_out(workshop.definition, tree)
    for modules in (tree / "usr/lib/modules").iterdir():
        await _inside(workshop, tree, "depmod", modules.name)
    _settle(tree, variant)


def trust(tree: Path, signing: Keys) -> None:
    """Puts the public keys into the tree, whose releases and documents the device takes."""
    share = tree / "usr/share/piccolo"
    share.mkdir(parents=True, exist_ok=True)
    for name in ("release.gpg", "minisign.pub"):
        shutil.copyfile(signing[name], share / name)


async def _inside(workshop: Workshop, tree: Path, *program: str) -> None:
    await workshop.programs.run("chroot", tree, *program, environment={"PYTHONHASHSEED": "0"})


def _overlay(definition: Path, tree: Path, variant: Variant) -> None:
    for layer in ("root", variant.flavour):
        if (definition / layer).is_dir():
            shutil.copytree(definition / layer, tree, dirs_exist_ok=True, symlinks=True)
    for unit in _MASKED:
        mask = tree / "etc/systemd/system" / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")


def _let_in(tree: Path, login: Path) -> None:
    """Whoever has this machine's key may log in."""
    folder = tree / "usr/lib/piccolo/authorized_keys.d"
    folder.mkdir()
    shutil.copy(login.with_suffix(".pub"), folder / "build")


def _leave_out(definition: Path, tree: Path) -> None:
    for line in (definition / "left-out.txt").read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            for each in sorted(tree.glob(line)):
                _remove(each)


def _settle(tree: Path, variant: Variant) -> None:
    """Takes away what belongs to one machine or one moment, and writes which image this is."""
    _identity(tree, variant)
    packages = tree / "usr/lib/sysimage"
    packages.mkdir(exist_ok=True)
    (tree / "var/lib/dpkg").rename(packages / "dpkg")
    for name in _EMPTIED:
        _empty(tree / name)
    for name, target in _LINKED.items():
        _empty(tree / name)
        (tree / name).rmdir()
        (tree / name).symlink_to(target)
    for name in ("vmlinuz", "vmlinuz.old", "initrd.img", "initrd.img.old"):
        (tree / name).unlink(missing_ok=True)
    (tree / "efi").mkdir(exist_ok=True)
    for leftover in (tree / "etc").glob("*-"):  # passwd-, group-: the ones before
        leftover.unlink()
    for name in ("etc/.pwd.lock", "etc/.updated"):
        (tree / name).unlink(missing_ok=True)
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()


def _identity(tree: Path, variant: Variant) -> None:
    release = tree / "usr/lib/os-release"
    lines = [
        line
        for line in release.read_text(encoding="utf-8").splitlines()
        if not line.startswith(("PRETTY_NAME=", "IMAGE_"))
    ]
    lines += [
        f'PRETTY_NAME="Piccolo {variant.version}"',
        "IMAGE_ID=piccolo",
        f"IMAGE_VERSION={variant.version}",
    ]
    release.write_text("\n".join([*lines, f"VARIANT_ID={variant.flavour}", ""]), encoding="utf-8")
    etc = tree / "etc"
    (etc / "hostname").write_text("piccolo\n", encoding="ascii")
    (etc / "machine-id").write_text("uninitialized\n", encoding="ascii")
    for name in ("fstab", "crypttab"):
        (etc / name).write_text("", encoding="ascii")
    resolv = etc / "resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.symlink_to("../run/systemd/resolve/stub-resolv.conf")


def _empty(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for each in folder.iterdir():
        _remove(each)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
