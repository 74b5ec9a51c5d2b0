"""Repeatable stand-ins for randomness, and HPKE with a known ephemeral key."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TIME = 1_780_000_000


def counted(label: str) -> Callable[[int], bytes]:
    """A repeatable source of random bytes."""
    drawn = 0

    def draw(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(f"{label} {drawn}".encode()).digest(count)

    return draw


def fixed(label: str, count: int = 32) -> bytes:
    """Bytes that stand for random ones."""
    return counted(label)(count)


def hpke(public: bytes, info: bytes, plain: bytes, ephemeral: bytes) -> bytes:
    """RFC 9180, base mode, one message, with a known ephemeral key: enc | ct."""
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(public))
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    secret = _expand(kem, _extract(kem, b"", b"eae_prk", shared), b"shared_secret", enc + public, 32)
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    scheduled = _extract(suite, secret, b"secret", b"")
    nonce = _expand(suite, scheduled, b"base_nonce", context, 12)
    return enc + AESGCM(_expand(suite, scheduled, b"key", context, 32)).encrypt(nonce, plain, None)


def _extract(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + key, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labelled + b"\x01", "sha256")[:length]


def shown(value: Any) -> Any:
    """A CBOR value as JSON."""
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    return value
