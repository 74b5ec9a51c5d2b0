"""This process's own keys: an Ed25519 key to sign with, and a P-256 key to serve TLS with.

Rules:
* Made at the first start, by this process, and never leaving its state folder. Whoever loses them makes new
  ones, and the owner's next device certificate names these.
* A key file that is there but cannot be read is an error, never a reason to make a new key in silence. It has
  a digest in front: most seeds with a flipped bit are a key too, of a keeper whose receipts nobody believes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import make_folder, write_durably
from piccolo_formats import tls
from piccolo_formats.digests import with_digest, without_digest
from piccolo_formats.errors import FormatError
from piccolo_formats.keypairs import SigningKey

_SIGNING: Final = "signing.key"
_TLS: Final = "tls.key"
_CONTEXT: Final = "fragment-store-key"


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """The keys. `tls_key` is PEM, `certificate` DER."""

    signing: SigningKey
    tls_key: bytes
    certificate: bytes


def load_keys(folder: Path) -> RoleKeys:
    """Reads the keys, making those that are not there yet.

    Raises PiccoloError PRECONDITION, KEY_UNREADABLE.
    """
    make_folder(folder, within=folder.parent)
    seed = _kept(folder / _SIGNING, lambda: SigningKey.generate(os.urandom).reveal())
    pem = _kept(folder / _TLS, _new_tls_key)
    try:
        return RoleKeys(SigningKey(seed), pem, _certificate(pem))
    except (ValueError, TypeError, UnsupportedAlgorithm, FormatError) as wrong:
        raise _unreadable(folder, wrong) from wrong


def _certificate(pem: bytes) -> bytes:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise FormatError("tls-key", "it is a key of another kind")
    return tls.make_certificate(key)


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        made = make()
    except OSError as failed:
        raise _unreadable(path, failed) from failed
    else:
        content = without_digest(_CONTEXT, data)
        if content is None:
            raise _unreadable(path, "it is not what was written")
        return content
    write_durably(path, with_digest(_CONTEXT, made))
    return made


def _new_tls_key() -> bytes:
    return tls.generate_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _unreadable(path: Path, why: object) -> PiccoloError:
    return PiccoloError(
        Kind.PRECONDITION,
        "KEY_UNREADABLE",
        f"The key in {path} cannot be read: {why}. Put it back from a copy, or remove it: a new one is "
        "made, and certified when this device's owner unlocks it.",
    )
