"""Whether a boot is good: the data is there, every service runs and the face answers.

Rules:
* Data that the TPM does not open for it, or that it does not find or cannot mount, may be this release's own
  fault: the version before had them when it installed this one (engine/installing.py).
* A service that starts again is waited for; one that gave up for good makes the boot a bad one at once.
* One that has nothing to do on this device, as provision without a seed, is as good as one that runs.
* What is bad is said in words, which end in the journal; the boot loader counts the try.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.ports.machine import Boot, Face, Units

_LOOK_SECONDS: Final = 2.0
_WELL: Final = ("active", "skipped")
BORNE: Final = ("", "no-tpm", "secure-boot-off")
"""Why data may be missing of which no release is to blame."""


@dataclass(frozen=True, slots=True)
class Health:
    """Judges this boot; `patience` is in seconds."""

    boot: Boot
    units: Units
    face: Face
    patience: float

    async def judge(self) -> None:
        """Returns when the boot is good. Raises PiccoloError UNAVAILABLE, UNHEALTHY."""
        if (missing := self.boot.missing()) not in BORNE:
            raise _unhealthy(f"its data is not there ({missing})")
        wrong = "nothing was seen yet"
        try:
            async with asyncio.timeout(self.patience):
                while wrong := await self._wrong():  # noqa: ASYNC110 - a face tells nobody that it answers
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as late:
            raise _unhealthy(f"{wrong} after {self.patience:g} seconds") from late

    async def _wrong(self) -> str:
        states = await self.units.states()
        if failed := sorted(unit for unit, state in states.items() if state == "failed"):
            raise _unhealthy(f"{', '.join(failed)} gave up")
        if waiting := sorted(unit for unit, state in states.items() if state not in _WELL):
            return f"{', '.join(waiting)} did not run"
        return "" if await self.face.answers() else "the face did not answer"


def _unhealthy(why: str) -> PiccoloError:
    return PiccoloError(Kind.UNAVAILABLE, "UNHEALTHY", f"This boot is not good: {why}.")
