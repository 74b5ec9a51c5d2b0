"""Share links.

Rules:
* A link's secret is 192 random bits; what is kept is its SHA-256. Whoever has a link can do no more than
  what it is for.
* A link is of an entry, not of a path: it goes with what is renamed, moved or written anew, sleeps while that
  lies in the trash, and never leads to something else that took the name.
* A download is begun by a ticket, and that is what the limit counts. The ticket is good for a day, for any
  number of requests and ranges: a download that was cut off goes on, and does not count twice. Tickets are
  not kept: each carries its end and a MAC under a key of the link.
* Unknown, revoked, expired and used up are one and the same to who asks.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies import shares as bodies

KEY: Final = "share/"
SECRET_BYTES: Final = 24
ID_BYTES: Final = 8
MAC_BYTES: Final = 32
RANDOM_BYTES: Final = SECRET_BYTES + ID_BYTES + MAC_BYTES
TICKET_SECONDS: Final = 86400
REMEMBERED: Final = 30 * 86400
_LONGEST_DELAY: Final = 60.0
_FREE_GUESSES: Final = 3


class Record(msgspec.Struct, frozen=True):
    """A link as it is kept; `path` is where it led last, `password` a verifier, `key` is for tickets."""

    share_id: str
    digest: str
    key: str
    entry_id: int
    path: str
    kind: bodies.Kind
    created: int
    expires: int
    downloads: int
    used: int = 0
    password: str = ""

    def encode(self) -> bytes:
        """The kept value."""
        return msgspec.json.encode(self)

    @property
    def left(self) -> int | None:
        """Downloads that may still be begun; None is any number."""
        return max(0, self.downloads - self.used) if self.downloads else None

    def open(self, now: int) -> bool:
        """Whether a download may be begun."""
        return now < self.expires and self.left != 0

    def told(self, now: int, path: str | None) -> bodies.Share:
        """The link as its owner sees it; no path is that it leads nowhere."""
        return bodies.Share(
            share_id=self.share_id,
            path=path or self.path,
            kind=self.kind,
            created=self.created,
            expires=self.expires,
            downloads=self.downloads,
            used=self.used,
            password=bool(self.password),
            works=path is not None and self.open(now),
        )

    def shown(self, entry: bodies.SharedEntry | None) -> bodies.Shared:
        """The link as its holder sees it."""
        return bodies.Shared(expires=self.expires, left=self.left, password=bool(self.password), entry=entry)

    def ticket(self, until: int) -> str:
        """What lets its holder download until then."""
        return f"{until:x}-{self._mac(until)}"

    def admits(self, ticket: str, now: int) -> bool:
        """Whether a ticket is good."""
        end, _, mac = ticket.partition("-")
        try:
            until = int(end, 16) if len(end) <= 16 else 0
        except ValueError:
            return False
        return now < until and hmac.compare_digest(self._mac(until).encode(), mac.encode("utf-8", "replace"))

    def _mac(self, until: int) -> str:
        said = f"piccolo/share/ticket/v1|{self.share_id}|{until}"
        return hmac.digest(bytes.fromhex(self.key), said.encode(), "sha256")[:16].hex()


@dataclass(frozen=True, slots=True)
class Made:
    """A new link's record and its secret."""

    record: Record
    secret: str


def make(
    asked: bodies.NewShare, entry_id: int, path: str, kind: bodies.Kind, now: int, random: bytes
) -> Made:
    """A new link; `random` is RANDOM_BYTES long."""
    share_id, rest = random[:ID_BYTES].hex(), random[ID_BYTES:]
    secret = urlsafe_b64encode(rest[:SECRET_BYTES]).decode()
    record = Record(
        share_id=share_id,
        digest=digest(secret),
        key=rest[SECRET_BYTES:].hex(),
        entry_id=entry_id,
        path=path,
        kind=kind,
        created=now,
        expires=now + asked.lifetime,
        downloads=asked.downloads,
    )
    return Made(record, secret)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(b"piccolo/share/v1|" + secret.encode("utf-8", "surrogateescape")).hexdigest()


def decode(value: bytes) -> Record | None:
    """The record that was kept; None when it cannot be read."""
    try:
        return msgspec.json.decode(value, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def delay(wrong: int) -> float:
    """Seconds until the next password is looked at, after so many wrong ones in a row."""
    return min(2.0 ** (wrong - _FREE_GUESSES), _LONGEST_DELAY) if wrong >= _FREE_GUESSES else 0.0


def over() -> PiccoloError:
    """NOT_FOUND, SHARE_OVER: the one answer to who has no good link."""
    return PiccoloError(
        Kind.NOT_FOUND,
        "SHARE_OVER",
        "This link leads nowhere: it has ended, was withdrawn, or was never one.",
    )
