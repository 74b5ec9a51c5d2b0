"""Whether there is room for a release, before any of it is fetched.

Rules:
* The system partition is looked at before a slot is: to make room there, systemd-sysupdate takes the version
  away that a device could go back to, and only then writes.
"""

from __future__ import annotations

from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.core.manifest import Manifest

_MIB: Final = 1 << 20


def check_system(release: Manifest, room: int) -> None:
    """Raises PiccoloError FULL (SYSTEM_FULL) unless the boot entry finds room in so many bytes."""
    _check(
        release,
        "SYSTEM_FULL",
        "on the system partition (/efi) for its boot entry",
        "Remove from that partition what no Piccolo put there, and try again.",
        release.sizes.get("uki", 0),
        room,
    )


def check_data(release: Manifest, room: int) -> None:
    """Raises PiccoloError FULL (NO_ROOM) unless all of it finds room in so many bytes."""
    _check(
        release,
        "NO_ROOM",
        "on the data partition while it is installed",
        "Offer the circle less room, or delete something, and try again.",
        release.size,
        room,
    )


def _check(release: Manifest, reason: str, where: str, then: str, needed: int, room: int) -> None:
    if needed <= room:
        return
    wanted, there = -(-needed // _MIB), max(room, 0) // _MIB
    raise PiccoloError(
        Kind.FULL,
        reason,
        f"Version {release.version} needs {wanted} MiB {where}, and {there} are free. Nothing was written."
        f" {then}",
        {"needed": str(needed), "free": str(max(room, 0))},
    )
