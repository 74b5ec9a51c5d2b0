"""The states of Piccolo's units, by systemctl(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from piccolo_chassis import command

_SECONDS: Final = 30.0


class Systemd:
    """The units that a target wants."""

    def __init__(self, target: str) -> None:
        self._target = target

    async def states(self) -> Mapping[str, str]:
        """As the port says."""
        units = [
            name for name in (await self._show("Wants", self._target)).split() if name.startswith("piccolo-")
        ]
        states = (await self._show("ActiveState", *units)).split()
        return dict(zip(units, states, strict=True))

    async def _show(self, what: str, *units: str) -> str:
        told = await command.run(
            ["systemctl", "show", "--value", f"--property={what}", *units], seconds=_SECONDS
        )
        return told.stdout.decode()
