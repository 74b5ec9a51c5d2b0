"""Mounts by mount(8), services by systemctl(1), what the initrd told in a file under /run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from piccolo_chassis import command

_SECONDS: Final = 600.0
_DEVICE: Final = "/dev/mapper/data"
_TRIAL: Final = Path("/run/piccolo-data")
_OPTIONS: Final = "rw,nodev,nosuid"
_UNMENDED: Final = 4
_TARGET: Final = "piccolo.target"


class System:
    """This machine; `boot` is what the initrd wrote."""

    def __init__(self, boot: Path) -> None:
        self._boot = boot

    def state(self) -> str:
        """As the port says."""
        return self._told().get("STATE", "")

    async def sound(self) -> bool:
        """As the port says."""
        if await _status("e2fsck", "-p", _DEVICE) >= _UNMENDED:
            return False
        _TRIAL.mkdir(mode=0o700, exist_ok=True)
        if await _status("mount", "-t", "ext4", "-o", _OPTIONS, _DEVICE, _TRIAL):
            return False
        await _run("umount", _TRIAL)
        return True

    async def stop(self) -> None:
        """As the port says; the target alone would not wait for its services."""
        await _run("systemctl", "stop", _TARGET, "piccolo-*.service")

    async def take(self) -> None:
        """As the port says; the journal moves over, and packages' folders are made as at each boot."""
        await _status("journalctl", "--relinquish-var")
        await _run("mount", "-t", "ext4", "-o", _OPTIONS, _DEVICE, "/var")
        await _status("systemd-tmpfiles", "--create", "--prefix=/var")
        await _status("journalctl", "--flush")

    async def start(self) -> None:
        """As the port says."""
        await _run("systemctl", "start", _TARGET)

    def tell_opened(self) -> None:
        """As the port says."""
        lines = {**self._told(), "STATE": "opened"}
        new = self._boot.with_suffix(".new")
        new.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="ascii")
        new.chmod(0o644)
        new.replace(self._boot)

    def _told(self) -> dict[str, str]:
        try:
            lines = self._boot.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.partition("=")[::2] for line in lines)


async def _run(*program: str | Path) -> None:
    await command.run(program, seconds=_SECONDS)


async def _status(*program: str | Path) -> int:
    return (await command.run(program, seconds=_SECONDS, check=False)).status
