"""Lets a signed request in, once."""

from __future__ import annotations

from piccolo_cloud.core.authority import Authority, Caller, prove
from piccolo_cloud.core.nonces import RANDOM_SIZE, Nonces
from piccolo_cloud.ports import Monotonic, Random


class Door:
    """Hands out challenges and checks what comes back."""

    def __init__(self, clock: Monotonic, random: Random) -> None:
        """Draw the secret of this process's challenges."""
        self._clock, self._random = clock, random
        self._nonces = Nonces(random(32))

    def challenge(self) -> bytes:
        """Return a nonce that is good once within a minute."""
        return self._nonces.mint(self._clock(), self._random(RANDOM_SIZE))

    def admit(self, authority: Authority, method: str, argument: int) -> Caller:
        """Return the proven caller. The nonce of a request that is not signed well stays good.

        Raises PiccoloError UNAUTHENTICATED (NONCE_LAPSED, DELEGATION_WRONG, SIGNATURE_WRONG) or EXHAUSTED.
        """
        now = self._clock()
        self._nonces.check(authority.nonce, now)
        caller = prove(authority, method, argument)
        self._nonces.spend(authority.nonce, now)
        return caller
