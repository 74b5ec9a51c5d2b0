"""Hashes and key derivation (section 1). The context keeps what is hashed for one use from any other."""

from __future__ import annotations

import hmac
from functools import cache
from typing import TYPE_CHECKING

from blake3 import blake3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.utils import Buffer

DIGEST_SIZE = 32


@cache
def _keyed(context: str) -> blake3:
    # Deriving the context's key costs as much as hashing a short input: do it once a context.
    return blake3(derive_key_context=f"piccolo/{context}/v1")


class Digest:
    """digest(context, ...) of bytes that come piece by piece."""

    __slots__ = ("_hash",)

    def __init__(self, context: str) -> None:
        """Begin a digest in one context of section 1, such as "leaf"."""
        self._hash = _keyed(context).copy()

    def update(self, data: Buffer) -> None:
        """Add bytes."""
        self._hash.update(data)

    def value(self) -> bytes:
        """Return the 32 bytes for what was added so far."""
        return self._hash.digest()


def digest(context: str, *parts: Buffer) -> bytes:
    """BLAKE3 (derive-key mode, context `piccolo/<context>/v1`) over the parts joined, 32 bytes."""
    state = _keyed(context).copy()
    for part in parts:
        state.update(part)
    return state.digest()


def digests(context: str, inputs: Iterable[Buffer]) -> tuple[bytes, ...]:
    """Return the digest of each input by itself, as `digest` does; one state serves them all."""
    state, found = _keyed(context).copy(), []
    for each in inputs:
        state.reset()
        state.update(each)
        found.append(state.digest())
    return tuple(found)


def hkdf(key: bytes, info: bytes, *, salt: bytes = b"", length: int = 32) -> bytes:
    """HKDF-SHA256 (RFC 5869)."""
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


def hmac_sha256(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) over the parts joined, 32 bytes."""
    return hmac.digest(key, b"".join(parts), "sha256")


def same(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)


def with_digest(context: str, content: bytes) -> bytes:
    """What a small file holds whose rot must be told: digest(context, content) | content."""
    return digest(context, content) + content


def without_digest(context: str, data: bytes) -> bytes | None:
    """Return the content of such a file, None when it is not what was written."""
    found, content = data[:DIGEST_SIZE], data[DIGEST_SIZE:]
    return content if same(found, digest(context, content)) else None
