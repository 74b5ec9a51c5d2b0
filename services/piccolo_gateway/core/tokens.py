"""API tokens.

Rules:
* A token is `piccolo_` and 256 random bits. What is kept is its SHA-256: the token itself has nothing to
  guess.
* A record is JSON under `token/<id>`; a newer release's further fields are kept out of the way, not
  refused.
* When a token was last used is kept to the hour, so that reading files does not write to the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from piccolo_gateway.core.bodies.access import Scope, Token

PREFIX: Final = "piccolo_"
KEY: Final = "token/"
SECRET_BYTES: Final = 32
ID_BYTES: Final = 8
USED_GRAIN: Final = 3600


class Record(msgspec.Struct, frozen=True):
    """A token as it is kept."""

    token_id: str
    name: str
    digest: str
    scopes: list[str]
    created: int
    expires: int
    last_used: int

    def encode(self) -> bytes:
        """The kept value."""
        return msgspec.json.encode(self)

    def told(self) -> Token:
        """The token as it is shown."""
        return Token(
            token_id=self.token_id,
            name=self.name,
            scopes=sorted(self.known_scopes),
            created=self.created,
            expires=self.expires,
            last_used=self.last_used,
        )

    @property
    def known_scopes(self) -> frozenset[Scope]:
        """Its scopes, without those of a newer release."""
        known = {scope.value for scope in Scope}
        return frozenset(Scope(scope) for scope in self.scopes if scope in known)

    def over(self, now: int) -> bool:
        """Whether its time has passed."""
        return 0 < self.expires <= now


@dataclass(frozen=True, slots=True)
class Made:
    """A new token's record and its secret."""

    record: Record
    secret: str


def make(name: str, scopes: list[Scope], lifetime: int, now: int, random: bytes) -> Made:
    """A new token; `random` is ID_BYTES + SECRET_BYTES long."""
    token_id, secret = random[:ID_BYTES].hex(), PREFIX + random[ID_BYTES:].hex()
    unique = sorted({scope.value for scope in scopes})
    expires = now + lifetime if lifetime else 0
    return Made(Record(token_id, name, digest(secret), unique, now, expires, 0), secret)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def decode(value: bytes) -> Record | None:
    """The record that was kept; None when it cannot be read."""
    try:
        return msgspec.json.decode(value, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
