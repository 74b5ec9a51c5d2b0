"""The hash chain of the audit log.

Rules:
* Events are numbered from 1 without gaps.
* An event's hash is digest("audit", previous hash | record), the record being deterministic CBOR of the map
  {number, time, actor, action, subject, outcome, details}; before the first event stand 32 zero bytes.
* A changed, missing or added event in the middle breaks every later hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from piccolo_formats import cbor
from piccolo_formats.digests import digest, same

BEFORE_ALL: Final = bytes(32)
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `time` in seconds since 1970, `details` JSON or empty."""

    number: int
    time: int
    actor: str
    action: str
    subject: str
    outcome: str
    details: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: those that all of it fits; what is empty fits all.

    Attributes:
        action: how their action begins.
        actor: how their actor begins.
        outcome: theirs; FAILED is every one but "ok".
        since: the first second, since 1970.
        until: the second after the last; 0 is none.
    """

    action: str = ""
    actor: str = ""
    outcome: str = ""
    since: int = 0
    until: int = 0


def chain(previous: bytes, event: Event) -> bytes:
    """The event's hash, after that of the event before it."""
    record = cbor.encode(
        {
            "number": event.number,
            "time": event.time,
            "actor": event.actor,
            "action": event.action,
            "subject": event.subject,
            "outcome": event.outcome,
            "details": event.details,
        }
    )
    return digest("audit", previous, record)


@dataclass(slots=True)
class Verifier:
    """Walks the chain from the first event on.

    Attributes:
        verified: how many events are whole.
        broken_at: number of the first event that is missing or does not fit, 0 while all fit.
    """

    verified: int = 0
    broken_at: int = 0
    _hash: bytes = BEFORE_ALL

    def follow(self, event: Event, found: bytes) -> bool:
        """Takes the next event and its stored hash; False once the chain is broken."""
        if self.broken_at:
            return False
        expected = chain(self._hash, event)
        if event.number != self.verified + 1 or not same(found, expected):
            self.broken_at = self.verified + 1
            return False
        self.verified, self._hash = event.number, expected
        return True
