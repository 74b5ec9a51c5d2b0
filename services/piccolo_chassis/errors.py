"""The one error type of the project, and the one table of what each kind means to a client.

Rules:
* Every failure that leaves an adapter or a core is a `PiccoloError`; foreign exceptions are translated
  once, where they are met, with `from`.
* `reason` is for programs: UPPER_SNAKE, stable, listed in the README of the service that raises it.
* `message` is for a person: what happened and what to do next. It never holds a secret.
* `details` carries facts a client acts on (an offset, a generation), as text.
* This module knows neither gRPC nor HTTP libraries, only their numbers: pure cores may raise from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

DOMAIN: Final = "piccolo"
_REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{0,61}[A-Z0-9]")


class Kind(StrEnum):
    """What sort of failure it is: decides the gRPC code, the HTTP status and what a client may do."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    LOCKED = "locked"
    DENIED = "denied"
    UNAUTHENTICATED = "unauthenticated"
    EXHAUSTED = "exhausted"
    FULL = "full"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    DATA_LOSS = "data_loss"
    OUT_OF_RANGE = "out_of_range"
    UNIMPLEMENTED = "unimplemented"
    CANCELLED = "cancelled"
    INTERNAL = "internal"

    @property
    def grpc(self) -> int:
        """The number of the google.rpc.Code."""
        return TABLE[self].grpc

    @property
    def http(self) -> int:
        """The HTTP status."""
        return TABLE[self].http


class Row(NamedTuple):
    """One line of the table: a google.rpc.Code's number and an HTTP status."""

    grpc: int
    http: int


# Where two kinds share a code, the first is the one that a bare code from elsewhere is read as.
TABLE: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.INVALID: Row(3, 400),
        Kind.NOT_FOUND: Row(5, 404),
        Kind.ALREADY_EXISTS: Row(6, 409),
        Kind.CONFLICT: Row(10, 409),
        Kind.PRECONDITION: Row(9, 409),
        Kind.LOCKED: Row(9, 423),
        Kind.DENIED: Row(7, 403),
        Kind.UNAUTHENTICATED: Row(16, 401),
        Kind.EXHAUSTED: Row(8, 429),
        Kind.FULL: Row(8, 507),
        Kind.UNAVAILABLE: Row(14, 503),
        Kind.TIMEOUT: Row(4, 504),
        Kind.DATA_LOSS: Row(15, 500),
        Kind.OUT_OF_RANGE: Row(11, 416),
        Kind.UNIMPLEMENTED: Row(12, 501),
        Kind.CANCELLED: Row(1, 499),
        Kind.INTERNAL: Row(13, 500),
    }
)


def kind_of_code(number: int) -> Kind:
    """The kind that a bare google.rpc.Code stands for; UNKNOWN and anything unheard of is INTERNAL."""
    return next((kind for kind, row in TABLE.items() if row.grpc == number), Kind.INTERNAL)


class PiccoloError(Exception):
    """A failure with a kind, a stable reason, words for a person, and facts for a program.

    Raises ValueError when `reason` is not UPPER_SNAKE of 2 to 63 characters, because clients compare it.
    """

    def __init__(
        self, kind: Kind, reason: str, message: str, details: Mapping[str, str] | None = None
    ) -> None:
        if not _REASON.fullmatch(reason):
            raise ValueError(f"{reason!r} is no reason: UPPER_SNAKE, 2 to 63 characters")
        super().__init__(message)
        self.kind: Final = kind
        self.reason: Final = reason
        self.message: Final = message
        self.details: Final[Mapping[str, str]] = MappingProxyType(dict(details or {}))

    def __repr__(self) -> str:
        return f"PiccoloError({self.kind}, {self.reason}, {self.message!r}, {dict(self.details)!r})"
