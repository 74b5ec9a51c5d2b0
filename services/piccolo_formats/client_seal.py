"""Secrets between a person's client and the vault: passphrase and words, sealed both ways.

Sealed = HPKE (RFC 9180, base mode) to the receiver's X25519 key, `enc | ct`, with the info string
"piccolo/client/v1/" and what it is: so a passphrase that was sealed for one purpose cannot be passed off as
something else. Whoever carries it (the gateway, a log, a proxy) learns its length and nothing more.

The ephemeral key of HPKE is drawn by the cryptography library itself.
"""

from __future__ import annotations

from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import SealingKey

OVERHEAD = 48
MAX_SIZE = 2048
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Purpose(StrEnum):
    """What is sealed."""

    PASSPHRASE = "passphrase"  # noqa: S105 - a name
    NEW_PASSPHRASE = "new-passphrase"  # noqa: S105 - a name
    WORDS = "words"
    CONFIRMATION = "confirmation"


def seal_text(purpose: Purpose, text: str, public_key: bytes) -> bytes:
    """Seal text to an X25519 public key. Raises FormatError for a key or a text that cannot be sealed."""
    try:
        data = text.encode()
        recipient = X25519PublicKey.from_public_bytes(public_key)
        sealed = _SUITE.encrypt(data, recipient, _info(purpose))
    except UnicodeEncodeError:
        # Not chained: the exception holds the text.
        raise FormatError("client-text", f"the {purpose} is not Unicode text") from None
    except ValueError as error:
        raise FormatError("client-key", "this is no X25519 public key that can be sealed to") from error
    if len(sealed) > MAX_SIZE:
        raise FormatError("client-size", f"the {purpose} is longer than {MAX_SIZE - OVERHEAD} bytes")
    return sealed


def open_text(purpose: Purpose, sealed: bytes, key: SealingKey) -> str:
    """Open what seal_text made.

    Raises AuthenticationError (`client-sealed`) when it was sealed to another key, for another purpose, or
    altered; FormatError when it has an impossible length or is no text.
    """
    if not OVERHEAD <= len(sealed) <= MAX_SIZE:
        raise FormatError("client-size", f"sealed bytes are {OVERHEAD} to {MAX_SIZE} long, not {len(sealed)}")
    try:
        return _SUITE.decrypt(sealed, key.key, _info(purpose)).decode()
    except UnicodeDecodeError:
        # Not chained: the exception holds the secret.
        raise FormatError("client-text", f"the {purpose} is not UTF-8 text") from None
    except (InvalidTag, ValueError) as error:
        raise AuthenticationError(
            "client-sealed", f"the sealed {purpose} does not open: it was sealed to another key, or altered"
        ) from error


def _info(purpose: Purpose) -> bytes:
    return b"piccolo/client/v1/" + purpose.encode()
