"""File and pack keys: wrapping, commitment, MAC, layout key and fragment ids (sections 2 and 6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from piccolo_formats.digests import hkdf, hmac_sha256, same
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.secret import Secret, draw

if TYPE_CHECKING:
    from piccolo_formats.kek import Kek
    from piccolo_formats.secret import Random

SUITE = 1
WRAPPED_SIZE = 76
NONCE_SIZE = 24
ID_SIZE = 16


@dataclass(frozen=True, slots=True)
class Scope:
    """What a FEK belongs to: one version of one file. A pack key's scope is (object_id, object_id)."""

    file_id: bytes
    version_id: bytes

    def __post_init__(self) -> None:
        """Raise FormatError unless both ids have 16 bytes."""
        _check_id(self.file_id)
        _check_id(self.version_id)

    def to_bytes(self) -> bytes:
        """Suite, file id and version id, 33 bytes."""
        return bytes([SUITE]) + self.file_id + self.version_id

    @classmethod
    def of_pack(cls, object_id: bytes) -> Scope:
        """Return the scope under which a pack's key is wrapped."""
        return cls(object_id, object_id)


class LayoutKey(Secret):
    """Names an object's fragments; a locked device may hold it."""

    __slots__ = ()

    def fragment_id(self, object_id: bytes, epoch: int, index: int) -> bytes:
        """Return the 16-byte id of fragment `index` in a layout epoch (from 1)."""
        _check_id(object_id)
        if not 1 <= epoch < 2**32 or not 0 <= index < 2**8:
            raise FormatError("fragment-index", f"no layout has a fragment {index} in epoch {epoch}")
        place = struct.pack(">IB", epoch, index)
        return hmac_sha256(self.reveal(), b"piccolo/fragment/v1", object_id, place)[:ID_SIZE]

    def fragment_ids(self, object_id: bytes, epoch: int, m: int) -> bytes:
        """Return the ids of fragments 0 to m-1, joined, as a layout lists them."""
        return b"".join(self.fragment_id(object_id, epoch, index) for index in range(m))


class Fek(Secret):
    """A file encryption key (or a pack key), 32 random bytes, for one scope only."""

    __slots__ = ()

    def commitment(self, scope: Scope) -> bytes:
        """Return the 32 bytes that tie a content record to this key and no other."""
        return hkdf(self.reveal(), b"piccolo/commit/v1" + scope.to_bytes())

    def check_commitment(self, scope: Scope, commitment: bytes) -> None:
        """Raise AuthenticationError (`wrong-key`) unless the commitment is this key's."""
        if not same(self.commitment(scope), commitment):
            raise AuthenticationError("wrong-key", "the key does not belong to this file version")

    def mac(self, scope: Scope, content: bytes) -> bytes:
        """Return the MAC over a content record's bytes."""
        return hmac_sha256(hkdf(self.reveal(), b"piccolo/mac/v1" + scope.to_bytes()), content)

    def check_mac(self, scope: Scope, content: bytes, mac: bytes) -> None:
        """Raise AuthenticationError (`content-mac`) unless the content record is as its writer made it."""
        if not same(self.mac(scope, content), mac):
            raise AuthenticationError("content-mac", "the content record is not the one that the owner wrote")

    def layout_key(self, object_id: bytes) -> LayoutKey:
        """Derive the key that names the object's fragments."""
        _check_id(object_id)
        return LayoutKey(hkdf(self.reveal(), b"piccolo/layout/v1" + bytes([SUITE]) + object_id))


def wrap(kek: Kek, kek_epoch: int, fek: Fek, scope: Scope, random: Random) -> bytes:
    """Wrap a FEK under the KEK: 76 bytes. kek_epoch counts the KEK's rotations from 1."""
    if not 1 <= kek_epoch < 2**32:
        raise FormatError("kek-epoch", "a KEK's epoch is a number from 1 to 2^32-1")
    nonce = draw(random, NONCE_SIZE)
    key = kek.fek_wrapping_key()
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(fek.reveal(), _bound(kek_epoch, scope), nonce, key)
    return struct.pack(">I", kek_epoch) + nonce + sealed


def unwrap(kek: Kek, wrapped: bytes, scope: Scope) -> Fek:
    """Open a wrapped FEK. Raises AuthenticationError (`wrong-key`): another KEK, or another file's wrap."""
    kek_epoch = wrapped_epoch(wrapped)
    nonce, sealed = wrapped[4 : 4 + NONCE_SIZE], wrapped[4 + NONCE_SIZE :]
    key = kek.fek_wrapping_key()
    try:
        return Fek(crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, _bound(kek_epoch, scope), nonce, key))
    except CryptoError as error:
        raise AuthenticationError(
            "wrong-key", f"these words do not open this file's key (it was wrapped in KEK epoch {kek_epoch})"
        ) from error


def wrapped_epoch(wrapped: bytes) -> int:
    """Return the KEK epoch of a wrapped FEK; proven only by unwrapping it."""
    if len(wrapped) != WRAPPED_SIZE:
        raise FormatError("wrapped-size", f"a wrapped key has {WRAPPED_SIZE} bytes, not {len(wrapped)}")
    epoch = int.from_bytes(wrapped[:4])
    if epoch == 0:
        raise FormatError("kek-epoch", "a KEK's epoch is counted from 1")
    return epoch


def _check_id(value: bytes) -> None:
    if len(value) != ID_SIZE:
        raise FormatError("id-size", f"an id has {ID_SIZE} bytes, not {len(value)}")


def _bound(kek_epoch: int, scope: Scope) -> bytes:
    return b"piccolo/fek/v1" + struct.pack(">BI", SUITE, kek_epoch) + scope.file_id + scope.version_id
