"""Idempotency keys: the same request twice is done once (AIP-155, draft-ietf-httpapi-idempotency-key-header).

Rules:
* A key belongs to who sends it. The same key with the same request gets the first answer again; with another
  request it is refused; while the first is under way it is refused too.
* Answers that say "not now" are not kept: the next try is a real one.
* Kept for 24 h, bounded by number and bytes; what is dropped first is what is oldest.
* A `Note` brings a request over a restart of the process. Where it holds no answer, because the process ended
  first or because the answer was a secret, the request is never done a second time: its sender is told so.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError

KEPT_SECONDS: Final = 24 * 3600.0
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_NOT_NOW: Final = frozenset({401, 408, 423, 425, 429, 499})
_OVERHEAD: Final = 512
Name: TypeAlias = tuple[str, str]


class Answer(msgspec.Struct, frozen=True):
    """An answer to give again."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def lasting(self) -> bool:
        """Whether the same request would be answered so again."""
        return self.status < 500 and self.status not in _NOT_NOW

    @property
    def weight(self) -> int:
        """Bytes that it takes to keep it."""
        return _OVERHEAD + len(self.body)


class Note(msgspec.Struct, frozen=True):
    """A request as it is kept over a restart; `since` in seconds since 1970."""

    caller: str
    key: str
    fingerprint: bytes
    since: int
    answer: Answer | None = None

    @property
    def name(self) -> Name:
        """What it is found by."""
        return self.caller, self.key


@dataclass(slots=True)
class _Kept:
    fingerprint: bytes
    since: float
    answer: Answer | None = None
    lost: bool = False

    @property
    def under_way(self) -> bool:
        return self.answer is None and not self.lost


@dataclass(slots=True)
class Answers:
    """The answers that were given, by caller and key."""

    most: int
    most_bytes: int
    _kept: OrderedDict[Name, _Kept] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def names(self) -> list[Name]:
        """All that are known."""
        return list(self._kept)

    def restore(self, notes: Iterable[Note], now: int, clock: float) -> None:
        """Takes in what an earlier process kept; `now` and `clock` are the same moment."""
        for note in sorted(notes, key=lambda note: note.since):
            since = clock - max(0, now - note.since)
            self._kept[note.name] = _Kept(note.fingerprint, since, note.answer, note.answer is None)
            self._bytes += note.answer.weight if note.answer else 0
        self._expire(clock)
        self._make_room(0)

    def begin(self, caller: str, key: str, fingerprint: bytes, clock: float) -> Answer | None:
        """The answer to give again; None: go on, and `end` it.

        Raises PiccoloError INVALID (IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED), CONFLICT
        (IDEMPOTENCY_KEY_BUSY, IDEMPOTENCY_KEY_LOST) or EXHAUSTED.
        """
        if not _KEY.fullmatch(key):
            raise PiccoloError(
                Kind.INVALID, "IDEMPOTENCY_KEY_INVALID", "An Idempotency-Key has 1 to 255 visible characters."
            )
        self._expire(clock)
        kept = self._kept.get((caller, key))
        if kept is None:
            self._make_room()
            self._kept[caller, key] = _Kept(fingerprint, clock)
            return None
        if kept.fingerprint != fingerprint:
            raise PiccoloError(
                Kind.INVALID, "IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key belongs to another request."
            )
        if kept.lost:
            raise PiccoloError(
                Kind.CONFLICT,
                "IDEMPOTENCY_KEY_LOST",
                "This request was begun before the device restarted, and its answer was not kept.",
            )
        if kept.answer is None:
            raise PiccoloError(
                Kind.CONFLICT, "IDEMPOTENCY_KEY_BUSY", "The same request is being answered at this moment."
            )
        return kept.answer

    def end(self, caller: str, key: str, answer: Answer | None) -> None:
        """Keeps an answer that lasts; forgets the key otherwise."""
        kept = self._kept.get((caller, key))
        if kept is None:
            return
        if answer is None or not answer.lasting:
            del self._kept[caller, key]
            return
        kept.answer = answer
        self._bytes += answer.weight
        self._make_room(0)

    def _expire(self, clock: float) -> None:
        while self._kept:
            first = next(iter(self._kept))
            kept = self._kept[first]
            if clock - kept.since <= KEPT_SECONDS or kept.under_way:
                return
            self._drop(first)

    def _make_room(self, more: int = 1) -> None:
        done = [name for name, kept in self._kept.items() if not kept.under_way]
        for name in done:
            if len(self._kept) + more <= self.most and self._bytes <= self.most_bytes:
                return
            self._drop(name)
        if len(self._kept) + more > self.most:
            raise PiccoloError(Kind.EXHAUSTED, "TOO_MANY_REQUESTS", "Too many requests are under way.")

    def _drop(self, name: Name) -> None:
        answer = self._kept.pop(name).answer
        self._bytes -= answer.weight if answer else 0


def fingerprint(method: str, target: str, body: bytes) -> bytes:
    """What makes a request the same as another."""
    parts = (method.encode(), target.encode("utf-8", "surrogateescape"), body)
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()
