"""Letting callers in: by passphrase, session or token.

Rules:
* The passphrase is the vault's to judge; so are its delays. Few guesses wait at once: the next is told to
  come again.
* A session is begun by the passphrase, by the recovery words that a new owner gives back, or, with no more
  than `watch`, by a recovery.
* When the device gets another owner or passphrase, the sessions of before end.
"""

from __future__ import annotations

import asyncio
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.access import EVERYTHING, NOBODY, OWNER, Actor
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.sessions import Session, Sessions
from piccolo_gateway.engine.tokens import Tokens
from piccolo_gateway.ports.keys import Keys
from piccolo_gateway.ports.machine import Clock

_WAITING: Final = 4
_WATCHING: Final = frozenset({Scope.WATCH})


class Access:
    """Who is let in."""

    def __init__(self, keys: Keys, sessions: Sessions, tokens: Tokens, clock: Clock) -> None:
        self._keys, self._sessions, self._tokens, self._clock = keys, sessions, tokens, clock
        self._guesses = asyncio.Semaphore(_WAITING)

    async def identify(self, cookie: str | None, bearer: str | None) -> Actor:
        """Who a caller is; a session that ended is nobody's, a token that is not known is refused.

        Raises PiccoloError UNAUTHENTICATED (TOKEN_UNKNOWN), or UNAVAILABLE when tokens cannot be looked up.
        """
        if bearer is not None:
            return await self._tokens.actor(bearer)
        session = self._find(cookie) if cookie else None
        return Actor(OWNER, session.scopes, session_id=session.session_id) if session else NOBODY

    async def login(self, passphrase: bytes, *, unlock: bool) -> tuple[str, Session]:
        """A session for who knows the passphrase; returns its secret and itself."""
        async with self._guess():
            if unlock and (await self._keys.status()).state == "locked":
                await self._keys.unlock(passphrase)
            else:
                await self._keys.verify(passphrase)
        return self._begin(EVERYTHING)

    async def unlock(self, passphrase: bytes) -> None:
        """Opens the files."""
        async with self._guess():
            await self._keys.unlock(passphrase)

    async def change(self, old: bytes, new: bytes, actor: Actor) -> None:
        """Changes the passphrase; other sessions end."""
        async with self._guess():
            await self._keys.change(old, new)
        self._sessions.end_all(but=actor.session_id)

    def confirmed(self) -> tuple[str, Session]:
        """A session for who gave back the words that were just shown."""
        self._sessions.end_all()
        return self._begin(EVERYTHING)

    def watch(self) -> tuple[str, Session]:
        """A session for who began a recovery: it sees operations, and nothing else."""
        self._sessions.end_all()
        return self._begin(_WATCHING)

    def end_all(self) -> None:
        """Ends all sessions."""
        self._sessions.end_all()

    def end(self, session_id: str) -> None:
        """Ends one session. Raises PiccoloError NOT_FOUND (SESSION_NOT_FOUND)."""
        if not self._sessions.end(session_id):
            raise PiccoloError(Kind.NOT_FOUND, "SESSION_NOT_FOUND", "There is no such session (any more).")

    def sessions(self) -> list[Session]:
        """All sessions, the latest first."""
        return self._sessions.all(self._clock.running())

    def ends_at(self, session: Session) -> int:
        """The latest end of a session."""
        return self._sessions.ends_at(session)

    def _begin(self, scopes: frozenset[Scope]) -> tuple[str, Session]:
        return self._sessions.begin(scopes, self._clock.now(), self._clock.running())

    def _find(self, cookie: str) -> Session | None:
        return self._sessions.find(cookie, self._clock.now(), self._clock.running())

    def _guess(self) -> asyncio.Semaphore:
        if self._guesses.locked():
            raise PiccoloError(
                Kind.EXHAUSTED,
                "TOO_MANY_LOGINS",
                "Several people log in at this moment. Try again in a few seconds.",
                {"retry_after": "3"},
            )
        return self._guesses
