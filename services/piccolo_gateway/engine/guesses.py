"""Slowing down whoever guesses, by where the guesses come from and, where guessing could pay, in all.

Rules:
* Passphrases, second factors and claim codes that come from one network wait together.
* An app's six digits wait by account too: they can be guessed. So whoever has the passphrase and
  guesses digits never keeps out the owner, whose passkey, recovery code or words are always looked at. The
  passphrase itself waits by account in the vault, five minutes at most.
* Claim codes from afar wait in all, too: whoever has a /48 has 65,536 networks. The device's neighbours, its
  owner-to-be among them, do not wait for those.
* A guess that nobody looked at (a locked door, a service that was away) costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core.throttle import Pace, Throttle, network
from piccolo_gateway.ports.machine import Clock

BY_ADDRESS: Final = Pace(free=5, longest=900.0, quiet=3600.0, most=4096)
BY_ACCOUNT: Final = Pace(free=5, longest=300.0, quiet=86400.0, most=1)
WRONG: Final = frozenset({"PASSPHRASE_WRONG", "FACTOR_WRONG", "CLAIM_CODE_WRONG"})
_DIGITS: Final = "digits"
_CLAIM: Final = "claim"


class Guess:
    """A guess that is being looked at."""

    def __init__(self) -> None:
        self.right = False


class Guesses:
    """All guesses of late, in memory: a stranger cannot restart the device."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_address, self._by_account = Throttle(BY_ADDRESS), Throttle(BY_ACCOUNT)
        self._from_afar = Throttle(BY_ACCOUNT)

    @asynccontextmanager
    async def of(self, address: str) -> AsyncIterator[Guess]:
        """A guess from an address, whose `right` is to be set.

        Raises PiccoloError EXHAUSTED (TOO_MANY_TRIES).
        """
        async with self._counted(self._by_address, network(address)) as guess:
            yield guess

    @asynccontextmanager
    async def of_digits(self) -> AsyncIterator[Guess]:
        """A guess of an app's digits, from wherever. Raises as `of`."""
        async with self._counted(self._by_account, _DIGITS) as guess:
            yield guess

    @asynccontextmanager
    async def of_claim(self, address: str, *, near: bool) -> AsyncIterator[Guess]:
        """A guess of the claim code. Raises as `of`."""
        async with self.of(address) as guess:
            if near:
                yield guess
                return
            async with self._counted(self._from_afar, _CLAIM) as one_of_all:
                yield guess
                one_of_all.right = guess.right

    @asynccontextmanager
    async def _counted(self, throttle: Throttle, key: str) -> AsyncIterator[Guess]:
        throttle.begin(key, self._clock.running())
        guess, wrong = Guess(), False
        try:
            yield guess
        except PiccoloError as failed:
            wrong = failed.reason in WRONG
            raise
        finally:
            if guess.right:
                throttle.right(key)
            elif not wrong:
                throttle.take_back(key)
