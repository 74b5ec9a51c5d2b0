"""What the API offers, as values: the routes are registered from them, and the API document is made of them.

Rules:
* Every endpoint says its scope; `None` is open to everybody and stands only where a caller cannot have one
  yet.
* What a handler decodes and answers are the types that stand here: so the document cannot say something
  else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import msgspec

from piccolo_gateway.core.access import SAFE_METHODS
from piccolo_gateway.core.bodies.access import Scope

PREFIX: Final = "/api/v1"
JSON: Final = "application/json"
OCTETS: Final = "application/octet-stream"
_REFUSED_BY_HEADER: Final = {
    "If-Match": {412},
    "Range": {416},
    "Tus-Resumable": {412},
    "Upload-Offset": {409},
}
# Ids that share their place with addresses of their own: what is neither is nowhere.
NARROW: Final = {"factor_id": "[0-9a-f]{16}", "session_id": "current|[0-9a-f]{16}"}
_PARAMETER: Final = re.compile(r"\{(\w+)\}")

StructType = type[msgspec.Struct]


class Takes(Enum):
    """What a request's body is."""

    NOTHING = auto()
    JSON = auto()
    BYTES = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """One way an endpoint answers well."""

    words: str
    body: StructType | None = None
    media: str = JSON
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """A header that an endpoint reads or sends."""

    name: str
    words: str
    required: bool = False
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one address.

    Attributes:
        method: of HTTP.
        path: the address; `{path}` stands for the rest of it, other parameters for one part.
        summary: what it does, in one line.
        tag: the noun it belongs to.
        scope: who may.
        answers: by status.
        query: the parameters it knows.
        repeats: those of them that may come several times, as lists.
        body: of a JSON request.
        takes_bytes: whether the request is a stream of bytes.
        headers: that it reads.
        words: what else there is to say.
        unlocked: whether a locked device refuses it.
        seconds: the longest it takes; None for streams.
        fresh: whether it needs a proof that was given a moment ago.
        audit: what the audit log calls it; empty when it is not worth an entry.
        repeatable: whether Idempotency-Key is honoured (POST only).
        secret: whether its answer holds what is shown once, and so is never written to a disk.
        refuses: statuses of refusals that do not follow from the rest.
    """

    method: str
    path: str
    summary: str
    tag: str
    scope: Scope | None
    answers: Mapping[int, Answer]
    query: StructType | None = None
    repeats: tuple[str, ...] = ()
    body: StructType | None = None
    takes_bytes: bool = False
    headers: tuple[Header, ...] = ()
    words: str = ""
    unlocked: bool = False
    fresh: bool = False
    seconds: float | None = 60.0
    audit: str = ""
    repeatable: bool = True
    secret: bool = False
    refuses: tuple[int, ...] = ()

    @property
    def takes(self) -> Takes:
        """What its request's body is."""
        if self.takes_bytes:
            return Takes.BYTES
        return Takes.NOTHING if self.body is None else Takes.JSON

    @property
    def parameters(self) -> list[str]:
        """The names in its address."""
        return _PARAMETER.findall(self.path)

    @property
    def keyed(self) -> bool:
        """Whether Idempotency-Key is honoured."""
        return self.method == "POST" and self.repeatable and not self.takes_bytes

    @property
    def refusals(self) -> list[int]:
        """The statuses below 500 with which it refuses; those of the way to it, such as 405, are nobody's."""
        found = {400, *self.refuses}
        if self.scope is not None:
            found |= {401, 403}
        if self.method not in SAFE_METHODS:
            found.add(403)  # another site's page
        if self.parameters:
            found.add(404)
        if self.takes is not Takes.NOTHING:
            found |= {413, 415}
        if self.unlocked:
            found |= {409, 423}
        if self.keyed:
            found |= {409, 422, 429}
        for header in self.headers:
            found |= _REFUSED_BY_HEADER.get(header.name, set())
        return sorted(found)

    @property
    def operation_id(self) -> str:
        """Its name for generated clients."""
        parts = [
            part.strip("{}.").replace("-", "_") for part in self.path.removeprefix(PREFIX).split("/") if part
        ]
        return "_".join([self.method.lower(), *parts]) or self.method.lower()


@dataclass(frozen=True, slots=True)
class About:
    """The head of the API document."""

    title: str
    version: str
    words: str
    tags: Mapping[str, str] = field(default_factory=dict)


def schemas(types: list[StructType]) -> tuple[dict[StructType, Any], dict[str, Any]]:
    """JSON Schema of each type (a reference), and the components that are referred to."""
    made, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return dict(zip(types, made, strict=True)), components
