"""What the vault notes of an upload, to go on after a crash, and small secrets sealed for this device.

Rules:
* The note holds the FEK only wrapped; all of it is sealed under this device's local key
  (XChaCha20-Poly1305), and
  bound to what it belongs to.
* A note of another version or device cannot be read: the upload then begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.digests import hkdf
from piccolo_formats.errors import FormatError
from piccolo_formats.secret import draw

from piccolo_vault.core.storage.erasure import Code

if TYPE_CHECKING:
    from piccolo_formats.secret import Random

_NONCE = 24


@dataclass(frozen=True, slots=True)
class UploadNote:
    """Where an upload's fragments go. `keepers[i]` is None where nobody could be asked."""

    file_id: bytes
    version_id: bytes
    object_id: bytes
    generation: int
    seq: int
    code: Code
    keepers: tuple[bytes | None, ...]
    wrapped_key: bytes

    def to_bytes(self) -> bytes:
        """Returns the note as CBOR."""
        return cbor.encode(
            {
                "v": 2,
                "file": self.file_id,
                "version": self.version_id,
                "object": self.object_id,
                "generation": self.generation,
                "seq": self.seq,
                "k": self.code.k,
                "m": self.code.m,
                "keepers": list(self.keepers),
                "key": self.wrapped_key,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> UploadNote:
        """Reads a note. Raises PiccoloError PRECONDITION, NOTE_FOREIGN."""
        try:
            match cbor.decode(data):
                case {
                    "v": 2,
                    "file": bytes() as file_id,
                    "version": bytes() as version_id,
                    "object": bytes() as object_id,
                    "generation": int() as generation,
                    "seq": int() as seq,
                    "k": int() as k,
                    "m": int() as m,
                    "keepers": list() as keepers,
                    "key": bytes() as wrapped,
                }:
                    owners = tuple(each if type(each) is bytes else None for each in keepers)
                    ids = file_id, version_id, object_id
                    return cls(*ids, generation, seq, Code(k, m), owners, wrapped)
        except FormatError as error:
            raise _foreign() from error
        raise _foreign()


def seal_local(local_key: bytes, purpose: bytes, bound: bytes, data: bytes, random: Random) -> bytes:
    """Seals bytes for this device's vault alone, bound to a purpose and to what they belong to."""
    nonce = draw(random, _NONCE)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(data, bound, nonce, _key(local_key, purpose))


def open_local(local_key: bytes, purpose: bytes, bound: bytes, sealed: bytes) -> bytes:
    """Opens what seal_local made. Raises PiccoloError PRECONDITION, NOTE_FOREIGN."""
    key = _key(local_key, purpose)
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[_NONCE:], bound, sealed[:_NONCE], key)
    except (CryptoError, ValueError, TypeError) as error:
        raise _foreign() from error


def _key(local_key: bytes, purpose: bytes) -> bytes:
    return hkdf(local_key, b"piccolo/local/" + purpose + b"/v1")


def _foreign() -> PiccoloError:
    return PiccoloError(
        Kind.PRECONDITION,
        "NOTE_FOREIGN",
        "This note was written by another device or release, so it cannot go on; send the file again.",
    )
