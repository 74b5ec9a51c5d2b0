"""Who may make an owner on a blank device, or bring one back.

Rules:
* Where the device has a one-time code (its console or its seed volume told it), whoever gives it.
* Where it has none, the first visitor from the local network; nobody from elsewhere.
* A code that is configured and cannot be read lets nobody in: what the device is without it must not be what
  a lost file makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import claim
from piccolo_gateway.core.access import Caller
from piccolo_gateway.core.bodies.device import ClaimKind
from piccolo_gateway.core.throttle import nearby
from piccolo_gateway.engine.guesses import Guesses


@dataclass(frozen=True, slots=True)
class ClaimCode:
    """The device's code; empty when it is configured and cannot be used."""

    text: str


class Claiming:
    """Lets in who may claim the device."""

    def __init__(self, code: ClaimCode | None, guesses: Guesses) -> None:
        self._code, self._guesses = code, guesses

    @property
    def kind(self) -> ClaimKind:
        """What a claim needs."""
        return "lan" if self._code is None else "code"

    async def check(self, given: str, caller: Caller) -> None:
        """Returns when the caller may.

        Raises PiccoloError DENIED (CLAIM_NOT_LOCAL, CLAIM_CODE_MISSING, CLAIM_CODE_WRONG,
        CLAIM_CODE_UNREADABLE) or EXHAUSTED (TOO_MANY_TRIES).
        """
        near = nearby(caller.address, caller.here)
        if self._code is None:
            if not near:
                raise _refused(
                    "CLAIM_NOT_LOCAL",
                    "A new device is set up from its own network. You called from elsewhere.",
                )
        elif not self._code.text:
            raise _refused(
                "CLAIM_CODE_UNREADABLE", "This device has a one-time code that it cannot read; see its log."
            )
        elif not given:
            raise _refused("CLAIM_CODE_MISSING", "This device is set up with its one-time code.")
        else:
            async with self._guesses.of_claim(caller.address, near=near) as guess:
                if not claim.same(self._code.text, given):
                    raise _refused("CLAIM_CODE_WRONG", "This is not the device's one-time code.")
                guess.right = True


def _refused(reason: str, words: str) -> PiccoloError:
    return PiccoloError(Kind.DENIED, reason, words)
