"""script/image, script/release and script/release-keys: what each makes, and of what."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from piccolo_chassis.errors import PiccoloError

from piccolo_image import artefacts, bill, disk, initrd, keys, root
from piccolo_image.artefacts import Artefacts
from piccolo_image.keys import Keys
from piccolo_image.programs import Programs
from piccolo_image.release import Site, describe
from piccolo_image.root import FLAVOURS, Variant
from piccolo_image.workshop import Workshop

T = TypeVar("T")
CHECKOUT: Final = Path(__file__).resolve().parents[2]
_GIB: Final = 1 << 30
_USUAL_GIB: Final = 4
_LEAST_GIB: Final = 3
_IN_RAM: Final = "ram"
"""What people get, run from memory."""
_CHANNELS: Final = ("stable", "beta")


async def step(what: str, work: Awaitable[T]) -> T:
    """Says what begins, does it, and says how long it took."""
    print(f"== {what}", file=sys.stderr, flush=True)
    begun = time.monotonic()
    done = await work
    print(f"==    {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return done


def open_workshop() -> Workshop:
    """The workshop of this checkout."""
    cache = CHECKOUT / "build/image"
    cache.mkdir(parents=True, exist_ok=True)
    return Workshop(cache, CHECKOUT / "os-build/definition", Programs(cache / "build.log"))


async def signing_keys(workshop: Workshop, folder: Path | None) -> Keys:
    """The keys in a folder, or this machine's own for development."""
    return (
        Keys(folder.resolve()) if folder else await step("keys for development", keys.development(workshop))
    )


async def build(
    workshop: Workshop, signing: Keys, variant: Variant, alter: Callable[[Path], None] = lambda tree: None
) -> Artefacts:
    """Makes a version's files, and beside them its bill of materials; `alter` may change the root first."""
    cache, flavour = workshop.cache, () if variant.flavour == "production" else (variant.flavour,)
    await step("the tools, in a chroot of Debian 13", workshop.run("true"))
    base = await step("the packages of the image", workshop.packages("base", "root", *flavour))
    boot = await step("kernel and initrd", initrd.make(workshop))
    tree = cache / variant.flavour / "tree"
    tree.parent.mkdir(exist_ok=True)
    await step("the root", root.build(workshop, CHECKOUT, base, tree, variant))
    root.trust(tree, signing)
    alter(tree)
    folder = cache / variant.flavour / "artefacts"
    made = Artefacts(folder, variant.version)
    folder.mkdir(exist_ok=True)
    bill.write(tree, made.sbom, variant.version)
    development = variant.flavour == "development"
    work = artefacts.make(workshop, tree, boot, signing, made, development=development, in_ram=variant.in_ram)
    await step("erofs, verity and the signed kernel image", work)
    return made


async def image(chosen: argparse.Namespace) -> None:
    """A disk."""
    variant = variant_of(chosen.flavour, chosen.version)
    if variant.in_ram and chosen.size:
        raise SystemExit("script/image: a medium of the flavour ram keeps nothing, whatever its size")
    workshop = open_workshop()
    signing = await signing_keys(workshop, chosen.keys)
    made = await build(workshop, signing, variant)
    size = disk.MEDIUM if variant.in_ram else (chosen.size or _USUAL_GIB) * _GIB
    slots = 1 if variant.in_ram else 2
    await step("the disk", disk.write(workshop, made, signing, chosen.out.resolve(), size, slots=slots))


def variant_of(flavour: str, version: str) -> Variant:
    """What one flavour of an image consists of: the flavour ram has production's root, byte by byte."""
    in_ram = flavour == _IN_RAM
    return Variant("production" if in_ram else flavour, version, in_ram)


async def release(chosen: argparse.Namespace) -> None:
    """A signed commit, and the site that serves it."""
    workshop = open_workshop()
    signing = await signing_keys(workshop, chosen.keys)
    made = await build(workshop, signing, Variant(chosen.flavour, chosen.version))
    site = Site(chosen.out.resolve(), workshop, signing)
    manifest = await describe(workshop, signing, made, chosen.channel)
    newest = await step("the release", site.publish(made, manifest))
    print(f"{newest.ref} is version {newest.version}, commit {newest.commit}")


async def release_keys(chosen: argparse.Namespace) -> None:
    """A folder of keys."""
    if chosen.out.exists():
        raise SystemExit(f"script/release-keys: {chosen.out} is there already; no key is written over")
    workshop = open_workshop()
    await step("the tools, in a chroot of Debian 13", workshop.run("true"))
    partial = chosen.out.resolve().with_name(f".{chosen.out.name}.new")
    await step("the keys", keys.create(workshop, partial, chosen.name))
    partial.rename(chosen.out)
    print(f"{chosen.out} holds secrets that make any image genuine. Keep it where no stranger comes.")


def version(told: str) -> str:
    """A version as systemd-boot compares them: digits and dots. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}", told):
        raise ValueError(told)
    return told


def size(told: str) -> int:
    """GiB that hold both slots and some data. Raises ValueError."""
    if int(told) < _LEAST_GIB:
        raise ValueError(told)
    return int(told)


def parser() -> argparse.ArgumentParser:
    """The three commands."""
    made = argparse.ArgumentParser(prog="script")
    acts = made.add_subparsers(dest="act", required=True)
    disk_image = acts.add_parser("image", help="Makes an image of the device.")
    disk_image.add_argument(
        "--size", type=size, help=f"GiB of the disk ({_USUAL_GIB}); it may be put on a larger one"
    )
    published = acts.add_parser(
        "release", help="Publishes a release in a folder that a web server can serve."
    )
    published.add_argument("--channel", choices=_CHANNELS, default="stable")
    for each, flavours in ((disk_image, (*FLAVOURS, _IN_RAM)), (published, FLAVOURS)):
        each.add_argument("--flavour", choices=flavours, default="production")
        each.add_argument("--version", type=version, default="1", help="digits and dots; the newest boots")
        each.add_argument("--keys", type=Path, help="what script/release-keys made; else for development")
        each.add_argument("out", type=Path, metavar="OUT")
    fresh = acts.add_parser("release-keys", help="Makes the keys that releases are signed with.")
    fresh.add_argument("--name", default="Piccolo", help="what the keys are called")
    fresh.add_argument("out", type=Path, metavar="FOLDER")
    return made


def main() -> None:
    """Parses the command line."""
    chosen = parser().parse_args()
    name = f"script/{chosen.act}"
    if os.geteuid():
        raise SystemExit(f"{name}: only root can make file systems of root's; run it as root")
    try:
        asyncio.run({"image": image, "release": release, "release-keys": release_keys}[chosen.act](chosen))
    except PiccoloError as failed:
        raise SystemExit(f"{name}: {failed.message}") from failed


if __name__ == "__main__":
    main()
