"""The certificate that the cloud's listener shows.

Rules:
* A configured certificate is taken as it is; its owner renews it.
* Otherwise the cloud makes a P-256 key at its first start and shows that key's certificate
  (docs/storage-format.md, section 9) for ever: callers pin it by its fingerprint.
* The certificate lies beside its key as `tls.pem`, for whoever sets up a device.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import write_durably
from piccolo_formats.errors import FormatError
from piccolo_formats.tls import certificate_fingerprint, generate_key, make_certificate, to_pem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_KEY: Final = "tls.key"
_CERTIFICATE: Final = "tls.pem"


@dataclass(frozen=True, slots=True)
class Identity:
    """Key and certificate chain as PEM, and the fingerprint of the first certificate in hex."""

    key: bytes
    chain: bytes
    fingerprint: str


def configured(key: Path, chain: Path) -> Identity:
    """Load a configured pair. Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE."""
    try:
        key_pem, chain_pem = key.read_bytes(), chain.read_bytes()
        leaf = x509.load_pem_x509_certificates(chain_pem)[0]
        _check_pair(serialization.load_pem_private_key(key_pem, None), leaf)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as unreadable:
        raise PiccoloError(
            Kind.PRECONDITION,
            "CERTIFICATE_UNREADABLE",
            f"The certificate {chain} with the key {key} cannot be used: {unreadable}",
        ) from unreadable
    return Identity(key_pem, chain_pem, _fingerprint(leaf.public_bytes(serialization.Encoding.DER)))


def self_made(folder: Path) -> Identity:
    """Load this cloud's own pair, making it at the first start, and write its certificate beside it.

    Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE.
    """
    path = folder / _KEY
    if not path.exists():
        made = generate_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_durably(path, made)
    try:
        key_pem = path.read_bytes()
        der = make_certificate(_p256(serialization.load_pem_private_key(key_pem, None)))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, FormatError) as unreadable:
        raise PiccoloError(
            Kind.PRECONDITION,
            "CERTIFICATE_UNREADABLE",
            f"The cloud's own key {path} cannot be used: {unreadable}. Bring it back from a copy; with a new "
            "one every device has to be told the new fingerprint.",
        ) from unreadable
    identity = Identity(key_pem, to_pem(der), _fingerprint(der))
    write_durably(folder / _CERTIFICATE, identity.chain)
    return identity


def _check_pair(key: PrivateKeyTypes, leaf: x509.Certificate) -> None:
    if key.public_key() != leaf.public_key():
        raise ValueError("the key is not the certificate's")


def _p256(key: PrivateKeyTypes) -> EllipticCurvePrivateKey:
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError("it is no P-256 key")  # noqa: TRY004 - the file is wrong, not a type
    return key


def _fingerprint(der: bytes) -> str:
    return certificate_fingerprint(der).hex()
