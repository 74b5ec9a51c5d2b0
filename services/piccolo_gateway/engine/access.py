"""Letting callers in: by passphrase and second factor, session or token.

Rules:
* The passphrase is the vault's to judge; so are its delays. Few guesses wait at once: the next is told to
  come again. Before that, guesses of one network wait together.
* A session is begun by the passphrase, and a second factor where there is one; by the recovery words that a
  new owner gives back; or, with no more than `watch`, by a recovery, whose words then stand in for a factor.
* Before the second factor nothing is opened: the passphrase waits, sealed as it came.
* No secret of a session is the caller's to choose: each login and each proof makes one, and ends the one that
  came with it.
* When the device gets another owner or passphrase, the sessions of before end.
"""

from __future__ import annotations

import asyncio
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.access import EVERYTHING, NOBODY, OWNER, Actor, Caller
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.factors import Challenge, Proof
from piccolo_gateway.core.sessions import Session, Sessions
from piccolo_gateway.core.sites import Site
from piccolo_gateway.core.visitors import Visitor
from piccolo_gateway.engine.factors import FactorBook
from piccolo_gateway.engine.guesses import Guesses
from piccolo_gateway.engine.proofs import Proofs
from piccolo_gateway.engine.tokens import Tokens
from piccolo_gateway.ports.keys import Keys
from piccolo_gateway.ports.machine import Clock

_WAITING: Final = 4
_WATCHING: Final = frozenset({Scope.WATCH})
Begun = tuple[str, Session]


class Access:
    """Who is let in."""

    def __init__(
        self,
        keys: Keys,
        sessions: Sessions,
        tokens: Tokens,
        clock: Clock,
        book: FactorBook,
        proofs: Proofs,
        guesses: Guesses,
    ) -> None:
        self._keys, self._sessions, self._tokens, self._clock = keys, sessions, tokens, clock
        self._book, self._proofs, self._guesses = book, proofs, guesses
        self._judging = asyncio.Semaphore(_WAITING)

    async def identify(self, cookie: str | None, bearer: str | None, visitor: Visitor) -> Actor:
        """Who a caller is; a session that ended is nobody's, a token that is not known is refused.

        Raises PiccoloError UNAUTHENTICATED (TOKEN_UNKNOWN), or UNAVAILABLE when tokens cannot be looked up.
        """
        if bearer is not None:
            return await self._tokens.actor(bearer)
        session = self._find(cookie, visitor) if cookie else None
        if session is None:
            return NOBODY
        return Actor(OWNER, session.scopes, session.session_id, fresh=self.fresh(session))

    async def login(
        self, passphrase: bytes, caller: Caller, site: Site | None, *, unlock: bool
    ) -> Begun | Challenge:
        """A session for who knows the passphrase, or a challenge where that is not enough."""
        async with self._guesses.of(caller.address) as guess, self._judge():
            kept = await self._book.kept()
            challenged = kept.wanted and not self._by_words(caller)
            if unlock and not challenged:
                await self._open(passphrase)
            else:
                await self._keys.verify(passphrase)
            guess.right = not challenged
        if challenged:
            return self._proofs.challenge(kept, site, to_unlock=passphrase if unlock else b"")
        return self._begin_for(caller)

    async def challenge(self, actor: Actor, site: Site | None) -> Challenge:
        """A challenge to a session, to be made fresh. Raises PiccoloError DENIED (PROOF_NEEDED)."""
        if not actor.session_id:
            raise PiccoloError(
                Kind.DENIED, "PROOF_NEEDED", "Only a person in a session can give a proof; a token cannot."
            )
        return self._proofs.challenge(await self._book.kept(), site, session_id=actor.session_id)

    async def prove(self, proof: Proof, caller: Caller) -> Begun:
        """The session that a challenge becomes. Raises PiccoloError as `Proofs.answer` and `login`."""
        async with self._guesses.of(caller.address) as guess, self._judge():
            pending = await self._proofs.answer(proof)
            guess.right = True
            if pending.to_unlock and (await self._keys.status()).state == "locked":
                await self._keys.unlock(pending.to_unlock)
        if not pending.session_id:
            return self._begin_for(caller)
        renewed = self._sessions.renew(
            pending.session_id, self._clock.now(), self._clock.running(), caller.visitor
        )
        if renewed is None:
            raise PiccoloError(Kind.UNAUTHENTICATED, "SESSION_ENDED", "This session has ended.")
        return renewed

    async def unlock(self, passphrase: bytes, caller: Caller) -> None:
        """Opens the files."""
        async with self._guesses.of(caller.address) as guess, self._judge():
            await self._keys.unlock(passphrase)
            guess.right = True

    async def change(self, old: bytes, new: bytes, actor: Actor) -> None:
        """Changes the passphrase; other sessions end."""
        async with self._judge():
            await self._keys.change(old, new)
        self.end_others(actor)

    def end_others(self, actor: Actor) -> None:
        """Ends all sessions but the caller's, and what was begun by the passphrase alone."""
        self._proofs.forget()
        self._sessions.end_all(but=actor.session_id)

    def confirmed(self, caller: Caller) -> Begun:
        """A session for who gave back the words that were just shown."""
        self.end_all()
        return self._begin(EVERYTHING, caller)

    def watch(self, caller: Caller) -> Begun:
        """A session for who began a recovery: it sees operations, and nothing else."""
        self.end_all()
        return self._begin(_WATCHING, caller, by_words=True)

    def end_all(self) -> None:
        """Ends all sessions."""
        self._proofs.forget()
        self._sessions.end_all()

    def end(self, session_id: str) -> None:
        """Ends one session. Raises PiccoloError NOT_FOUND (SESSION_NOT_FOUND)."""
        if not self._sessions.end(session_id):
            raise PiccoloError(Kind.NOT_FOUND, "SESSION_NOT_FOUND", "There is no such session (any more).")

    def holds(self, actor: Actor) -> bool:
        """Whether what let a caller in, session or token, has not ended since; looking is no use of it."""
        if actor.token_id:
            return self._tokens.holds(actor.token_id)
        return not actor.session_id or any(one.session_id == actor.session_id for one in self.sessions())

    def require_held(self, actor: Actor) -> None:
        """Lets a caller's bytes move on. Raises PiccoloError UNAUTHENTICATED (ACCESS_ENDED).

        Moving them is a use of the session: a long film does not end because its owner only watches.
        """
        if actor.session_id:
            now, running = self._clock.now(), self._clock.running()
            held = self._sessions.goes_on(actor.session_id, now, running)
        else:
            held = self.holds(actor)
        if not held:
            raise PiccoloError(
                Kind.UNAUTHENTICATED, "ACCESS_ENDED", "The session or token that this was begun by has ended."
            )

    def sessions(self) -> list[Session]:
        """All sessions, the latest first."""
        return self._sessions.all(self._clock.running())

    def ends_at(self, session: Session) -> int:
        """The latest end of a session."""
        return self._sessions.ends_at(session)

    def fresh(self, session: Session) -> bool:
        """Whether a session's owner has proven himself a moment ago."""
        return session.fresh(self._clock.running())

    async def _open(self, passphrase: bytes) -> None:
        """Unlocks a locked device, or makes sure of the passphrase of one that is not."""
        if (await self._keys.status()).state == "locked":
            await self._keys.unlock(passphrase)
        else:
            await self._keys.verify(passphrase)

    def _by_words(self, caller: Caller) -> bool:
        session = self._find(caller.cookie, caller.visitor) if caller.cookie else None
        return session is not None and session.by_words

    def _begin_for(self, caller: Caller) -> Begun:
        if caller.cookie:
            self._sessions.end_secret(caller.cookie)
        return self._begin(EVERYTHING, caller)

    def _begin(self, scopes: frozenset[Scope], caller: Caller, *, by_words: bool = False) -> Begun:
        now, running = self._clock.now(), self._clock.running()
        return self._sessions.begin(scopes, now, running, caller.visitor, by_words=by_words)

    def _find(self, cookie: str, visitor: Visitor) -> Session | None:
        return self._sessions.find(cookie, self._clock.now(), self._clock.running(), visitor)

    def _judge(self) -> asyncio.Semaphore:
        if self._judging.locked():
            raise PiccoloError(
                Kind.EXHAUSTED,
                "TOO_MANY_LOGINS",
                "Several people log in at this moment. Try again in a few seconds.",
                {"retry_after": "3"},
            )
        return self._judging
