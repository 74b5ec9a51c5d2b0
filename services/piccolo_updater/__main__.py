"""piccolo-updater install URL [--ref REF] | piccolo-updater health: as root, on the device."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import PiccoloError

from piccolo_updater.adapters.boot import BootFile
from piccolo_updater.adapters.data import Folders
from piccolo_updater.adapters.face import Https
from piccolo_updater.adapters.ostree import RESERVE, OSTree
from piccolo_updater.adapters.systemd import Systemd
from piccolo_updater.adapters.sysupdate import Sysupdate
from piccolo_updater.engine.health import Health
from piccolo_updater.engine.installing import Installing

_DATA: Final = Path("/var/lib/piccolo")
_STATE: Final = _DATA / "updater"
_OPENED: Final = Path("/usr/lib/piccolo/formats.json")
_KEY: Final = Path("/usr/share/piccolo/release.gpg")
_REF: Final = "piccolo/x86_64/stable"
_FACE: Final = "https://127.0.0.1/.well-known/piccolo"
_PATIENCE: Final = 180.0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="piccolo-updater", description="This device's own system.")
    acts = parser.add_subparsers(dest="act", required=True)
    install = acts.add_parser("install", help="install a release into the free slot; it boots next")
    install.add_argument("url", help="of the releases' repository")
    install.add_argument("--ref", default=_REF, help=f"the branch (default: {_REF})")
    acts.add_parser("health", help="end well when this boot is good")
    return parser.parse_args()


def main() -> None:
    """Parses the command line; ends with 1 and a sentence on standard error when it failed."""
    chosen = _parsed()
    slots = Sysupdate(Path("/usr/lib/os-release"), Path("/efi/EFI/Linux"), Path("/proc/cmdline"))
    boot = BootFile(Path("/run/piccolo/boot"))
    try:
        if chosen.act == "health":
            asyncio.run(Health(boot, Systemd("piccolo.target"), Https(_FACE), _PATIENCE).judge())
        else:
            releases = OSTree(_STATE / "repo", _KEY)
            data = Folders(_DATA, _OPENED, RESERVE)
            installing = Installing(releases, slots, boot, data, _STATE / "staging", _say)
            asyncio.run(installing.install(chosen.url, chosen.ref))
    except PiccoloError as failed:
        raise SystemExit(f"piccolo-updater: {failed.message}") from failed


if __name__ == "__main__":
    main()
