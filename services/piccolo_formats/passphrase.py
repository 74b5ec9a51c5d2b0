"""The KEK at rest, under the owner's passphrase (section 2)."""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from typing import Annotated, ClassVar

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_pwhash_alg,
    crypto_pwhash_ALG_ARGON2ID13,
)
from nacl.exceptions import CryptoError

from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record
from piccolo_formats.secret import Random, draw

SALT_SIZE = 16
NONCE_SIZE = 24
MIN_MEMORY, MAX_MEMORY = 8 * 1024, 2**31
MAX_OPS = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess of a passphrase costs: passes, and bytes of memory."""

    ops: int
    mem: int


MODERATE = Cost(ops=3, mem=256 * 1024 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKek(Record):
    """The KEK, sealed under a passphrase."""

    TYPE: ClassVar[str] = "kek"

    owner: s.OwnerId
    epoch: s.Epoch
    # Bounded, because they are obeyed before anything is authenticated.
    ops: Annotated[int, s.Integer(MAX_OPS, 1)]
    mem: Annotated[int, s.Integer(MAX_MEMORY, MIN_MEMORY)]
    salt: Annotated[bytes, s.Bytes(SALT_SIZE, SALT_SIZE)]
    nonce: Annotated[bytes, s.Bytes(NONCE_SIZE, NONCE_SIZE)]
    sealed: Annotated[bytes, s.Bytes(48, 48)]


def seal_kek(
    kek: Kek, passphrase: str, owner: bytes, epoch: int, random: Random, cost: Cost = MODERATE
) -> SealedKek:
    """Seal the KEK under a passphrase. Slow by design: half a second and more."""
    salt, nonce = draw(random, SALT_SIZE), draw(random, NONCE_SIZE)
    key = _stretch(passphrase, salt, cost)
    bound = _bound(owner, epoch, cost)
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(kek.reveal(), bound, nonce, key)
    return SealedKek(
        owner=owner, epoch=epoch, ops=cost.ops, mem=cost.mem, salt=salt, nonce=nonce, sealed=sealed
    )


def open_kek(record: SealedKek, passphrase: str) -> Kek:
    """Open it. Raises AuthenticationError (`wrong-passphrase`). Slow by design."""
    cost = Cost(record.ops, record.mem)
    key, bound = _stretch(passphrase, record.salt, cost), _bound(record.owner, record.epoch, cost)
    try:
        return Kek(crypto_aead_xchacha20poly1305_ietf_decrypt(record.sealed, bound, record.nonce, key))
    except CryptoError as error:
        raise AuthenticationError("wrong-passphrase", "this is not the passphrase") from error


def _stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    try:
        text = unicodedata.normalize("NFKC", passphrase).encode()
    except UnicodeEncodeError as error:
        raise FormatError("passphrase", "the passphrase is not Unicode text") from error
    try:
        return crypto_pwhash_alg(32, text, salt, cost.ops, cost.mem, crypto_pwhash_ALG_ARGON2ID13)
    except (CryptoError, ValueError, TypeError) as error:
        raise FormatError(
            "passphrase-cost", "this device has not the memory that the passphrase needs"
        ) from error


def _bound(owner: bytes, epoch: int, cost: Cost) -> bytes:
    # The cost too: Argon2 rounds memory down, so that several numbers give one key.
    return b"piccolo/kek/v1" + owner + struct.pack(">IIQ", epoch, cost.ops, cost.mem)
