"""How large a device's image is, how long it takes to build, to boot and to renew.

    script/bench device [--json FILE] [--rounds 2] [--only sizes|boots|release]

As root. Boots are measured in turn with those of a bare image: the same kernel and packages, without Piccolo.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Collection
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from piccolo_chassis.state import write_durably
from piccolo_image import __main__ as build
from piccolo_image import disk, keys
from piccolo_image.root import Variant

from integration.bench.device.sizes import by_package
from integration.bench.figures import columns
from integration.machines import images, publisher
from integration.machines.images import SHELF, Image
from integration.machines.qemu import Qemu, device
from integration.screen import Screen

T = TypeVar("T")
PARTS: Final = ("sizes", "boots", "release")
_MIB: Final = 1 << 20
_ROWS: Final = 25
_LOGIN: Final = "piccolo login:"
_DISK: Final = 4 << 30


async def timed(work: Awaitable[T]) -> tuple[float, T]:
    """How long it took, and what came of it."""
    begun = time.monotonic()
    done = await work
    return time.monotonic() - begun, done


def bare(tree: Path) -> None:
    """Takes Piccolo's own units out of a root."""
    for wants in (tree / "etc/systemd/system").glob("*.wants/piccolo*"):
        wants.unlink()


def changed(tree: Path) -> None:
    """Changes one module and what it was compiled to."""
    module = tree / "usr/lib/piccolo/site-packages/piccolo_gateway/core/labels.py"
    for path in (module, *module.parent.glob("__pycache__/labels.*.pyc")):
        path.write_bytes(path.read_bytes() + b"#")


async def without_piccolo(image: Image) -> Image:
    """The bare image."""
    made = await build.build(image.workshop, image.keys, Variant("development", "1"), bare)
    found = Image(image.workshop, image.keys, image.digest, made.roothash, image.login, "bare")
    shutil.rmtree(found.folder, ignore_errors=True)
    found.folder.mkdir()
    await disk.write(image.workshop, made, image.keys, found.disk, _DISK)
    return found


async def to_login(made: Qemu) -> None:
    """Switches it on; returns when somebody could log in."""
    await made.switch_on()
    await made.says(_LOGIN)


async def second_boot(made: Qemu, *, face: bool) -> float:
    """Seconds from power-on; the first boot makes the data partition."""
    await (made.start() if face else to_login(made))
    await made.booted()
    await made.stop()
    made.forget()
    seconds, _ = await timed(made.start() if face else to_login(made))
    return seconds


class Bench:
    """One run; `figures` is what it found."""

    def __init__(self, rounds: int, screen: Screen) -> None:
        self._rounds, self._screen = rounds, screen
        self.figures: dict[str, float] = {}

    def tell(self, name: str, value: float) -> None:
        """Keeps a figure and says it."""
        self.figures[name] = value
        self._screen.say(f"{name}: {value:,.2f}")

    async def run(self, parts: Collection[str]) -> None:
        """Measures these of PARTS."""
        if "sizes" in parts:
            await self._sizes()
        if set(parts) == {"sizes"}:
            return
        image = await images.made("development")
        if "boots" in parts:
            await self._boots(image, await without_piccolo(image))
        if "release" in parts:
            await self._release(image)

    async def _sizes(self) -> None:
        workshop = build.open_workshop()
        signing = await keys.development(workshop)
        made = await build.build(workshop, signing, Variant("production", "1"))
        out = SHELF / "bench.img"
        SHELF.mkdir(parents=True, exist_ok=True)

        async def rebuild() -> None:
            again = await build.build(workshop, signing, Variant("production", "1"))
            await disk.write(workshop, again, signing, out, _DISK)

        seconds, _ = await timed(rebuild())
        self.tell("rebuild, s", seconds)
        packed = SHELF / "bench.img.zst"
        await workshop.run("zstd", "-q", "-f", "-9", "-T0", out, "-o", packed, beside=(SHELF,))
        self.tell("disk image, zstd -9, MB", packed.stat().st_size / 1e6)
        self.tell("root, erofs, MB", made.root.stat().st_size / 1e6)
        self.tell("UKI, MB", made.uki.stat().st_size / 1e6)
        for path in (out, packed):
            path.unlink()
        rows = by_package(workshop.cache / "production/tree")
        told = [("what", "MB"), *((name, f"{size / 1e6:.1f}") for name, size in rows[:_ROWS])]
        rest = sum(size for _, size in rows[_ROWS:])
        for line in columns([*told, (f"{len(rows) - _ROWS} others", f"{rest / 1e6:.1f}")], right=(1,)):
            self._screen.say(line)

    async def _boots(self, image: Image, naked: Image) -> None:
        ours, others = [], []
        for _ in range(self._rounds):
            async with device(image, "bench-ours") as made:
                ours.append(await second_boot(made, face=True))
                await made.booted()
                used = await made.inside(
                    "awk", "/MemTotal/{t=$2} /MemAvailable/{a=$2} END{print t-a}", "/proc/meminfo"
                )
                self.tell("memory used, idle, MiB", int(used) / 1024)
            async with device(naked, "bench-bare") as made:
                others.append(await second_boot(made, face=False))
        self.tell("power-on to the face, s", median(ours))
        self.tell("bare, power-on to login, s", median(others))
        self.tell("ratio", median(ours) / median(others))

    async def _release(self, image: Image) -> None:
        site = SHELF / "bench-site"
        shutil.rmtree(site, ignore_errors=True)
        await publisher.publish(image.workshop, image.keys, site, "2")
        await publisher.publish(image.workshop, image.keys, site, "3", changed)
        deltas = sum(path.stat().st_size for path in (site / "ostree/deltas").rglob("*") if path.is_file())
        self.tell("delta of a code-only release, MB", deltas / 1e6)
        async with device(image, "bench-release") as made, publisher.served(site) as url:
            await made.start()
            await made.booted()
            seconds, _ = await timed(made.inside("piccolo-updater", "install", f"{url}/ostree"))
            self.tell("install in the guest, whole release, s", seconds)
        shutil.rmtree(site)


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="script/bench device", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--rounds", type=int, default=2, metavar="R", help="boots of each (default: 2)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure some of it (may be repeated)")
    options = parser.parse_args()
    if os.geteuid():
        raise SystemExit("script/bench device: only root can make images; run it as root")
    bench = Bench(options.rounds, Screen(sys.stdout))
    asyncio.run(bench.run(options.only or PARTS))
    if options.json:
        write_durably(options.json, json.dumps(bench.figures, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
