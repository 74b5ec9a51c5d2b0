"""Sessions of people who gave the passphrase.

Rules:
* The secret is 256 random bits and travels in a cookie; here lies its hash only, in memory only: a restart
  ends all sessions.
* A session ends when it is not used for a while, at the latest after its lifetime, and when the device gets
  another owner or passphrase.
* A login and a fresh proof give a new secret; the one before is worth nothing then. A proof is fresh for ten
  minutes.
* There are at most so many; a new one ends the one that was unused longest.
* Who used it last is remembered, as far as its owner needs it to tell sessions apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.visitors import Visitor

SECRET_BYTES = 32
_ID_BYTES = 8
_FRESH: Final = 600.0


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long sessions last, in seconds, and how many there may be."""

    idle: float
    absolute: float
    most: int


@dataclass(frozen=True, slots=True)
class Session:
    """One session; times are seconds since 1970, `clock` ones those of a clock that nobody sets.

    `by_words`: whoever began it gave the 24 words.
    """

    session_id: str
    scopes: frozenset[Scope]
    started: int
    last_used: int
    begun_clock: float
    used_clock: float
    proved_clock: float
    visitor: Visitor
    by_words: bool = False

    def fresh(self, clock: float) -> bool:
        """Whether its owner has proven himself a moment ago."""
        return clock - self.proved_clock <= _FRESH


@dataclass(slots=True)
class Sessions:
    """All sessions, by the hash of their secret."""

    lifetimes: Lifetimes
    random: Callable[[int], bytes]
    _known: dict[bytes, Session] = field(default_factory=dict)

    def begin(
        self, scopes: frozenset[Scope], now: int, clock: float, visitor: Visitor, *, by_words: bool = False
    ) -> tuple[str, Session]:
        """A new session and its secret."""
        self._expire(clock)
        while len(self._known) >= self.lifetimes.most:
            del self._known[min(self._known, key=lambda key: self._known[key].used_clock)]
        secret = self.random(SECRET_BYTES).hex()
        session_id = self.random(_ID_BYTES).hex()
        session = Session(session_id, scopes, now, now, clock, clock, clock, visitor, by_words)
        self._known[_hash(secret)] = session
        return secret, session

    def find(self, secret: str, now: int, clock: float, visitor: Visitor) -> Session | None:
        """The session of a secret, which counts as used now; None when there is none (any more)."""
        self._expire(clock)
        key = _hash(secret)
        session = self._known.get(key)
        if session is not None:
            session = self._known[key] = replace(session, last_used=now, used_clock=clock, visitor=visitor)
        return session

    def renew(self, session_id: str, now: int, clock: float, visitor: Visitor) -> tuple[str, Session] | None:
        """A session's new secret after a fresh proof; None when it has ended meanwhile."""
        self._expire(clock)
        for key, session in self._known.items():
            if session.session_id == session_id:
                del self._known[key]
                secret = self.random(SECRET_BYTES).hex()
                used = replace(session, last_used=now, used_clock=clock, visitor=visitor)
                renewed = replace(used, proved_clock=clock)
                self._known[_hash(secret)] = renewed
                return secret, renewed
        return None

    def goes_on(self, session_id: str, now: int, clock: float) -> bool:
        """Whether a session has not ended; what it began goes on, which counts as used now."""
        self._expire(clock)
        for key, session in self._known.items():
            if session.session_id == session_id:
                self._known[key] = replace(session, last_used=now, used_clock=clock)
                return True
        return False

    def end_secret(self, secret: str) -> None:
        """Ends the session of a secret, if it is one."""
        self._known.pop(_hash(secret), None)

    def all(self, clock: float) -> list[Session]:
        """All sessions, the latest first."""
        self._expire(clock)
        return sorted(self._known.values(), key=lambda session: session.begun_clock, reverse=True)

    def end(self, session_id: str) -> bool:
        """Ends a session; returns whether there was one."""
        keys = [key for key, session in self._known.items() if session.session_id == session_id]
        for key in keys:
            del self._known[key]
        return bool(keys)

    def end_all(self, but: str = "") -> None:
        """Ends all sessions, save one by its id."""
        self._known = {key: one for key, one in self._known.items() if one.session_id == but}

    def ends_at(self, session: Session) -> int:
        """The latest end of a session, seconds since 1970."""
        return session.started + int(self.lifetimes.absolute)

    def _expire(self, clock: float) -> None:
        idle, absolute = self.lifetimes.idle, self.lifetimes.absolute
        over = [
            key
            for key, one in self._known.items()
            if clock - one.used_clock > idle or clock - one.begun_clock > absolute
        ]
        for key in over:
            del self._known[key]


def _hash(secret: str) -> bytes:
    return sha256(b"piccolo/session/" + secret.encode("utf-8", "surrogateescape")).digest()
