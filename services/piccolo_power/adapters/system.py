"""Ends by systemctl(1); what the initrd told is a file under /run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from piccolo_chassis import command

_SECONDS: Final = 60.0


class System:
    """This machine; `boot` is what the initrd wrote."""

    def __init__(self, boot: Path) -> None:
        self._boot = boot

    def state(self) -> str:
        """As the port says."""
        try:
            lines = self._boot.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return ""
        return dict(line.partition("=")[::2] for line in lines).get("STATE", "")

    async def restart(self) -> None:
        """As the port says."""
        await command.run(["systemctl", "reboot"], seconds=_SECONDS)

    async def shut_down(self) -> None:
        """As the port says."""
        await command.run(["systemctl", "poweroff"], seconds=_SECONDS)
