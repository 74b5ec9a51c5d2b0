"""Proving more than the passphrase: challenges, and what answers them.

Rules:
* A challenge lives five minutes and five tries, in memory; what it was begun for is all that it can become.
* Where there is no second factor, only a session that wants to be fresh is challenged, for the passphrase.
* The 24 words are taken wherever a second factor is: who has them can bring everything back on another box.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.factors import Challenge, Method, Proof
from piccolo_gateway.core.factors import Kept
from piccolo_gateway.core.pending import Pendings
from piccolo_gateway.core.sites import Site
from piccolo_gateway.engine.factors import CHALLENGE_BYTES, FactorBook
from piccolo_gateway.engine.guesses import Guesses
from piccolo_gateway.ports.factors import Passkeys
from piccolo_gateway.ports.keys import Keys
from piccolo_gateway.ports.machine import Clock

_LIFETIME: Final = 300.0


@dataclass(frozen=True, slots=True)
class Pending:
    """What a challenge is for: a login, or with `session_id` a session to be made fresh.

    Attributes:
        session_id: empty for a login.
        to_unlock: the sealed passphrase, to open the files with when the login is whole; empty when it is not
            wanted. Only the vault can open it.
        methods: what is taken.
        site: where the browser is, when a passkey can be used there.
        passkey: the passkey's challenge; empty when there is none, or when it was tried.
    """

    session_id: str
    to_unlock: bytes
    methods: tuple[Method, ...]
    site: Site | None = None
    passkey: bytes = b""


class Proofs:
    """All challenges, and how they are answered."""

    def __init__(
        self,
        keys: Keys,
        book: FactorBook,
        passkeys: Passkeys,
        guesses: Guesses,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        self._keys, self._book, self._passkeys = keys, book, passkeys
        self._guesses, self._clock, self._random = guesses, clock, random
        self._pending: Pendings[Pending] = Pendings(_LIFETIME, most=64, tries=5, random=random)

    def challenge(
        self, kept: Kept, site: Site | None, *, session_id: str = "", to_unlock: bytes = b""
    ) -> Challenge:
        """A challenge to a login or a session."""
        usable = kept.passkeys(site.host) if site else []
        challenge = self._random(CHALLENGE_BYTES) if usable else b""
        methods = _methods(kept, passkey=bool(usable))
        options = self._passkeys.to_assert(site, challenge, usable) if site and usable else None
        pending = Pending(session_id, to_unlock, methods, site if usable else None, challenge)
        secret = self._pending.begin(pending, self._clock.running())
        expires = self._clock.now() + int(_LIFETIME)
        return Challenge(challenge=secret, methods=list(methods), passkey=options, expires=expires)

    async def answer(self, proof: Proof) -> Pending:
        """What a challenge was for, now that it is answered.

        Raises PiccoloError UNAUTHENTICATED (CHALLENGE_OVER, FACTOR_WRONG, PASSPHRASE_WRONG), EXHAUSTED
        (TOO_MANY_TRIES, PASSPHRASE_DELAY), INVALID (PROOF_INVALID, WORDS_...).
        """
        if len(proof.methods) != 1:
            raise PiccoloError(
                Kind.INVALID, "PROOF_INVALID", "Answer a challenge by exactly one of its methods."
            )
        pending = self._pending.attempt(proof.challenge, self._clock.running())
        if pending is None:
            raise _over()
        method = proof.methods[0]
        if method not in pending.methods:
            raise PiccoloError(
                Kind.INVALID, "PROOF_INVALID", f"This challenge does not take {method}, see its methods."
            )
        if pending.passkey and method == "passkey":
            self._pending.replace(proof.challenge, replace(pending, passkey=b""))
        await self._check(proof, pending)
        self._pending.end(proof.challenge)
        return pending

    def forget(self) -> None:
        """No challenge can be answered any more: the owner or the passphrase changed."""
        self._pending.end_all()

    async def _check(self, proof: Proof, pending: Pending) -> None:
        if proof.code is not None:
            async with self._guesses.of_digits() as guess:
                await self._book.use_totp(proof.code)
                guess.right = True
        elif proof.recovery_code is not None:
            await self._book.use_code(proof.recovery_code)
        elif proof.passkey is not None:
            if pending.site is None or not pending.passkey:
                raise _over()
            await self._book.use_passkey(pending.site, pending.passkey, proof.passkey)
        elif proof.words is not None:
            if not await self._keys.test_words(proof.words):
                raise PiccoloError(Kind.UNAUTHENTICATED, "FACTOR_WRONG", "These are another owner's words.")
        elif proof.passphrase is not None:
            await self._keys.verify(proof.passphrase)


def _methods(kept: Kept, *, passkey: bool) -> tuple[Method, ...]:
    if not kept.wanted:
        return ("passphrase",)
    usable: dict[Method, bool] = {
        "passkey": passkey,
        "totp": kept.has_totp,
        "recovery-code": bool(kept.codes.digests),
        "words": True,
    }
    return tuple(method for method, can in usable.items() if can)


def _over() -> PiccoloError:
    return PiccoloError(
        Kind.UNAUTHENTICATED,
        "CHALLENGE_OVER",
        "This challenge has ended, or was tried too often. Begin again.",
    )
