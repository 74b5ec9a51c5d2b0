"""Key pairs: Ed25519 to sign, X25519 to open what was sealed, P-256 for TLS (sections 1, 2 and 9)."""

from __future__ import annotations

from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from piccolo_formats.digests import hkdf
from piccolo_formats.secret import Secret

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class SigningKey(Secret):
    """An Ed25519 private key (RFC 8032), held as its 32-byte seed."""

    __slots__ = ("__dict__",)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.reveal())

    @cached_property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self._key.sign(message)


class SealingKey(Secret):
    """An X25519 private key (RFC 7748): opens what anyone sealed to its public half."""

    __slots__ = ("__dict__",)

    @cached_property
    def key(self) -> x25519.X25519PrivateKey:
        """The key as the cryptography library knows it."""
        return x25519.X25519PrivateKey.from_private_bytes(self.reveal())

    @cached_property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.key.public_key().public_bytes_raw()


def signature_is_valid(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the Ed25519 signature is the key's own over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def derived_p256(secret: bytes, info: bytes) -> ec.EllipticCurvePrivateKey:
    """Derive a P-256 private key: 48 bytes of HKDF as an integer, mod (n-1), plus 1 (FIPS 186-5, A.2.1)."""
    wide = int.from_bytes(hkdf(secret, info, length=48))
    return ec.derive_private_key(wide % (P256_ORDER - 1) + 1, ec.SECP256R1())
