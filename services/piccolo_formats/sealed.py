"""Sealed(type, x): bytes that only the owner's words open (section 7), by HPKE (RFC 9180, base mode).

HPKE's ephemeral key is drawn by the cryptography library itself, which takes no other source.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from piccolo_formats import cbor
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.fek import SUITE, Fek, Scope
from piccolo_formats.keypairs import SealingKey
from piccolo_formats.secret import Random
from piccolo_formats.segments import OVERHEAD, Segment, SegmentOpener, SegmentSealer, padme

SEALED_KEY_SIZE = 80
MAX_SEALED = 2**24
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_SCOPE = Scope(bytes(16), bytes(16))


def seal(kind: str, data: bytes, public_key: bytes, random: Random) -> bytes:
    """Seal bytes (a record of type `kind`) to an X25519 public key. Raises FormatError beyond 16 MiB."""
    plain = len(data).to_bytes(4) + data
    length = padme(len(plain))
    if length > MAX_SEALED:
        raise FormatError("sealed-size", f"{len(data)} bytes are too many to be sealed as one record")
    plain = plain.ljust(length, b"\0")
    body_key = Fek.generate(random)
    body = SegmentSealer(body_key, _SCOPE, random).seal(_whole(length), plain)
    return cbor.encode([SUITE, seal_key(body_key, public_key, _info(kind)), body])


def open_sealed(kind: str, sealed: bytes, key: SealingKey) -> bytes:
    """Open Sealed(kind). Raises AuthenticationError (`not-for-this-key`, `segment-altered`), FormatError."""
    match cbor.decode(sealed):
        case [int() as suite, bytes() as sealed_key, bytes() as body] if (
            type(suite) is int and suite == SUITE
        ):
            body_key = open_key(sealed_key, key, _info(kind))
        case _:
            raise FormatError("sealed-shape", "these are not sealed bytes of a known suite")
    if not OVERHEAD + 4 <= len(body) <= MAX_SEALED + OVERHEAD:
        raise FormatError("sealed-shape", "the sealed body has an impossible length")
    plain = SegmentOpener(body_key, _SCOPE).open(_whole(len(body) - OVERHEAD), body)
    length = int.from_bytes(plain[:4])
    if padme(4 + length) != len(plain) or any(plain[4 + length :]):
        raise FormatError("sealed-padding", "the sealed body is not padded as it must be")
    return plain[4 : 4 + length]


def seal_key(body_key: Fek, public_key: bytes, info: bytes) -> bytes:
    """HPKE of a 32-byte body key: enc | ct, 80 bytes."""
    try:
        recipient = X25519PublicKey.from_public_bytes(public_key)
        return _SUITE.encrypt(body_key.reveal(), recipient, info)
    except ValueError as error:
        raise FormatError("sealing-key", "this is no X25519 public key that can be sealed to") from error


def open_key(sealed_key: bytes, key: SealingKey, info: bytes) -> Fek:
    """Open what seal_key made. Raises AuthenticationError (`not-for-this-key`)."""
    if len(sealed_key) != SEALED_KEY_SIZE:
        raise FormatError("sealed-shape", f"a sealed key has {SEALED_KEY_SIZE} bytes, not {len(sealed_key)}")
    try:
        return Fek(_SUITE.decrypt(sealed_key, key.key, info))
    except (InvalidTag, ValueError) as error:
        raise AuthenticationError(
            "not-for-this-key", "these words do not open it: it was sealed to another owner, or altered"
        ) from error


def _info(kind: str) -> bytes:
    return b"piccolo/sealed/" + kind.encode() + b"/v1"


def _whole(length: int) -> Segment:
    return Segment(index=0, last=True, length=length, data_length=length, segment_size=length)
