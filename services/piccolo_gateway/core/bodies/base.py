"""The two kinds of bodies, and the texts that many of them share.

Rules:
* What a client sends (`Asked`) is taken strictly: a field that is not known is refused, a type is not
  guessed.
* What the gateway answers (`Told`) is frozen; clients must bear further fields.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

Sealed: TypeAlias = Annotated[
    bytes,
    msgspec.Meta(
        min_length=48,
        max_length=2048,
        description="HPKE-sealed text, `enc | ct`, base64; see docs/storage-format.md, secrets between a"
        " client and the vault.",
    ),
]
PublicKey: TypeAlias = Annotated[
    bytes, msgspec.Meta(min_length=32, max_length=32, description="An X25519 public key, base64.")
]
OwnerPath: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=4096,
        description="An absolute path; names are separated by /, without . and ..",
        examples=["/photos/2026/dawn.jpg"],
    ),
]
DeviceName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
InvitationText: TypeAlias = Annotated[
    str, msgspec.Meta(min_length=1, max_length=1000, description="The invitation's link, or its code.")
]
PageSize: TypeAlias = Annotated[
    int, msgspec.Meta(ge=0, le=10_000, description="At most so many; 0 is the default.")
]
PageToken: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        max_length=8192,
        pattern="^[A-Za-z0-9_-]*$",
        description="From the page before; empty for the first.",
    ),
]
Seconds: TypeAlias = Annotated[int, msgspec.Meta(description="Seconds since 1970-01-01T00:00:00Z.")]
Hex: TypeAlias = Annotated[str, msgspec.Meta(description="Bytes in lower-case hex.")]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a client sends."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway answers."""


class Empty(Told, frozen=True):
    """Nothing more is to be said."""


class Started(Told, frozen=True):
    """Long work has begun."""

    operation_id: Annotated[str, msgspec.Meta(description="Watch it at /api/v1/operations/{operation_id}.")]


class Page(Asked, frozen=True):
    """Which page of a listing."""

    page_size: PageSize = 0
    page_token: PageToken = ""
