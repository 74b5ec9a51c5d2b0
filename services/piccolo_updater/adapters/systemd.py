"""The states of Piccolo's units, by systemctl(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from piccolo_chassis import command

_SECONDS: Final = 30.0
_TELLING: Final = ("ActiveState", "Result", "ConditionResult", "ConditionTimestampMonotonic")


class Systemd:
    """The units that a target wants."""

    def __init__(self, target: str) -> None:
        self._target = target

    async def states(self) -> Mapping[str, str]:
        """As the port says."""
        units = [
            name
            for name in (await self._show("Wants", self._target)).removeprefix("Wants=").split()
            if name.startswith("piccolo-")
        ]
        told = await self._show(",".join(_TELLING), *units)
        return {unit: state(one) for unit, one in zip(units, told.split("\n\n"), strict=True)}

    async def _show(self, what: str, *units: str) -> str:
        told = await command.run(["systemctl", "show", f"--property={what}", *units], seconds=_SECONDS)
        return told.stdout.decode().strip()


def state(shown: str) -> str:
    """What systemctl's lines of one unit say of it, as the port has it."""
    told = dict(line.split("=", 1) for line in shown.splitlines())
    # of what was never started the result is "no", too
    judged = told["ConditionTimestampMonotonic"] != "0"
    skipped = told["Result"] == "exec-condition" or (judged and told["ConditionResult"] == "no")
    return "skipped" if skipped and told["ActiveState"] == "inactive" else told["ActiveState"]
