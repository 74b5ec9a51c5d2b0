"""Signed(type): a record and the Ed25519 signatures over it (section 1).

Opening checks *every* signature, so that the signers of a Signed value in hand did sign. Whether they are the
right ones is another question, which the caller must ask: by `required=`, by `require()`, or by counting
`signers`. Nothing is parsed as a record before its signatures were checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from piccolo_formats import cbor
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import signature_is_valid
from piccolo_formats.records.codec import Record, record_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SIGNATURES = 64

R = TypeVar("R", bound=Record)


class Signer(Protocol):
    """Holds an Ed25519 private key: a SigningKey, or one that lives elsewhere."""

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over the message, 64 bytes."""


@dataclass(frozen=True, slots=True)
class Signed(Generic[R]):
    """A record, its bytes, and (key, signature) pairs sorted by key, all of which were checked."""

    record: R
    payload: bytes
    signatures: tuple[tuple[bytes, bytes], ...]

    @property
    def signers(self) -> frozenset[bytes]:
        """The public keys that signed."""
        return frozenset(key for key, _ in self.signatures)

    def require(self, *keys: bytes) -> None:
        """Raise AuthenticationError (`not-signed`) unless every one of the keys signed."""
        missing = sorted(set(keys) - self.signers)
        if missing:
            raise AuthenticationError(
                "not-signed", f"this {self.record.TYPE} record lacks the signature of {_named(missing)}"
            )

    def record_hash(self) -> bytes:
        """Return the record's hash; the signatures are no part of it."""
        return record_hash(self.payload)

    def to_bytes(self) -> bytes:
        """Return the bytes of Signed(type)."""
        pairs: list[cbor.Value] = [[key, signature] for key, signature in self.signatures]
        return cbor.encode([self.payload, pairs])


def sign(record: R, *signers: Signer) -> Signed[R]:
    """Sign a record with one key or more."""
    payload = record.to_record()
    message = _message(record.TYPE, payload)
    return _assemble(record, payload, [(signer.public, signer.sign(message)) for signer in signers])


def countersign(signed: Signed[R], *signers: Signer) -> Signed[R]:
    """Add signatures. A key that signed already stays there once."""
    return merge(signed, sign(signed.record, *signers))


def merge(*parts: Signed[R]) -> Signed[R]:
    """Join the signatures that several signers gave for the same record."""
    first = parts[0]
    if any(part.payload != first.payload for part in parts):
        raise FormatError("signed-merge", "signatures over different records cannot be joined")
    return _assemble(first.record, first.payload, [pair for part in parts for pair in part.signatures])


def open_signed(record_type: type[R], data: bytes, required: Iterable[bytes] = ()) -> Signed[R]:
    """Parse Signed(type) and check all its signatures; then that each `required` key is among the signers.

    Raises AuthenticationError (`bad-signature`, `not-signed`) or FormatError. With nothing required the
    result only says who signed.
    """
    payload, signatures = _parse(data)
    message = _message(record_type.TYPE, payload)
    for public, signature in signatures:
        if not signature_is_valid(public, signature, message):
            raise AuthenticationError(
                "bad-signature",
                f"the signature of {_named([public])} on this {record_type.TYPE} record is not valid",
            )
    signed = Signed(record_type.from_record(payload), payload, signatures)
    signed.require(*required)
    return signed


def _assemble(record: R, payload: bytes, pairs: list[tuple[bytes, bytes]]) -> Signed[R]:
    unique = tuple(sorted(dict(pairs).items()))
    if not 1 <= len(unique) <= MAX_SIGNATURES:
        raise FormatError("signed-shape", f"a record has 1 to {MAX_SIGNATURES} signatures, not {len(unique)}")
    return Signed(record, payload, unique)


def _message(kind: str, payload: bytes) -> bytes:
    return b"piccolo/" + kind.encode() + b"/v1\x00" + payload


def _parse(data: bytes) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    match cbor.decode(data):
        case [bytes() as payload, list() as pairs] if 1 <= len(pairs) <= MAX_SIGNATURES:
            signatures = tuple(_pair(pair) for pair in pairs)
        case _:
            raise FormatError("signed-shape", "this is not a signed record")
    if any(before[0] >= after[0] for before, after in pairwise(signatures)):
        raise FormatError("signed-order", "the signers are not sorted, or one is there twice")
    return payload, signatures


def _named(keys: Iterable[bytes]) -> str:
    return ", ".join(key[:4].hex() for key in keys)


def _pair(pair: cbor.Value) -> tuple[bytes, bytes]:
    match pair:
        case [bytes() as public, bytes() as signature] if (len(public), len(signature)) == (32, 64):
            return public, signature
    raise FormatError("signed-shape", "a signature is a pair of a 32-byte key and 64 bytes")
