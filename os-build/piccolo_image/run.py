"""script/run-image IMAGE: boots an image in a virtual device and says where its face is."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from piccolo_image import keys
from piccolo_image.__main__ import open_workshop
from piccolo_image.virtual import Power, Virtual


async def boot(device: Virtual) -> None:
    """Runs a virtual device until it ends."""
    workshop = open_workshop()
    power = Power(workshop, await keys.development(workshop), device)
    try:
        await power.on()
        await power.ended()
    finally:
        await power.off()


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        prog="script/run-image", description="Boots an image in a virtual device"
    )
    parser.add_argument("--port", type=int, default=8443, help="where its face answers on this machine")
    parser.add_argument("--no-tpm", action="store_true", help="a machine without a TPM")
    parser.add_argument("--stick", action="store_true", help="the image is on a USB stick")
    parser.add_argument(
        "--disk", type=Path, action="append", default=[], help="a further disk, raw: of data, or a seed"
    )
    parser.add_argument("image", type=Path, help="what script/image made; the device writes to it")
    chosen = parser.parse_args()
    image = chosen.image.resolve()
    ports = {443: f"127.0.0.1:{chosen.port}"}
    device = Virtual(
        image.with_suffix(".machine"),
        image,
        ports,
        tpm=not chosen.no_tpm,
        stick=chosen.stick,
        further=tuple(disk.resolve() for disk in chosen.disk),
    )
    print(f"The device boots; its face in a minute or two: https://127.0.0.1:{chosen.port}/")
    print(f"What it says meanwhile: {device.console}")
    asyncio.run(boot(device))


if __name__ == "__main__":
    main()
