"""The certificate that the gateway shows.

Rules:
* A configured certificate is taken as it is; its owner renews it.
* Otherwise the gateway makes a P-256 key at its first start, and a certificate for the configured names and
  addresses. The key stays: callers pin it. The certificate is made anew when the names change or its end
  comes near: programs refuse those that hold for years (RFC 5280 leaves the length to them; 825 days is the
  usual limit).
* A certificate that does not hold at the machine's present time is made anew at the start, and each begins 45
  days before it was made: a clock that was weeks ahead then locks nobody out.
* The certificate lies beside its key as `tls.pem`, for whoever pins it.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import write_durably

KEY: Final = "tls.key"
CERTIFICATE: Final = "tls.pem"
_LIFETIME: Final = datetime.timedelta(days=800)
_RENEWED: Final = datetime.timedelta(days=60)
_BACK: Final = datetime.timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Identity:
    """Where key and certificate chain lie, as PEM."""

    key: Path
    certificate: Path


def context(identity: Identity) -> ssl.SSLContext:
    """What a listener needs. Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    load(made, identity)
    return made


def load(into: ssl.SSLContext, identity: Identity) -> None:
    """Puts a certificate into a context, for the connections from now on. Raises as `context`."""
    try:
        into.load_cert_chain(identity.certificate, identity.key)
    except (OSError, ValueError) as unreadable:
        raise _unreadable(identity, unreadable) from unreadable


def self_made(
    folder: Path, names: Sequence[str], addresses: Sequence[str], now: datetime.datetime
) -> Identity:
    """This device's own pair, made when it is missing, renewed when it is time.

    Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE for a key that cannot be read.
    """
    identity = Identity(folder / KEY, folder / CERTIFICATE)
    if not identity.key.exists():
        write_durably(identity.key, _pem(ec.generate_private_key(ec.SECP256R1())))
    try:
        key = _p256(identity.key.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as unreadable:
        raise _unreadable(identity, unreadable) from unreadable
    wanted = _wanted(names, addresses)
    if not _still_good(identity.certificate, key, wanted, now):
        write_durably(identity.certificate, _certificate(key, wanted, now))
    return identity


def _p256(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("it is no P-256 key")  # noqa: TRY004 - the file is wrong, not a type
    return key


def _wanted(names: Sequence[str], addresses: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.DNSName(name) for name in names]
        + [x509.IPAddress(ip_address(address)) for address in addresses]
    )


def _still_good(
    path: Path,
    key: ec.EllipticCurvePrivateKey,
    wanted: x509.SubjectAlternativeName,
    now: datetime.datetime,
) -> bool:
    try:
        present = x509.load_pem_x509_certificate(path.read_bytes())
        present.verify_directly_issued_by(present)  # a flipped bit in it would still read as a certificate
        names = present.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    fits = present.public_key() == key.public_key() and names == wanted
    return fits and present.not_valid_before_utc <= now < present.not_valid_after_utc - _RENEWED


def _certificate(
    key: ec.EllipticCurvePrivateKey, names: x509.SubjectAlternativeName, now: datetime.datetime
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Piccolo")])
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .issuer_name(subject)
        .subject_name(subject)
        .not_valid_before(now - _BACK)
        .not_valid_after(now - _BACK + _LIFETIME)
        .public_key(key.public_key())
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _unreadable(identity: Identity, why: Exception) -> PiccoloError:
    return PiccoloError(
        Kind.PRECONDITION,
        "CERTIFICATE_UNREADABLE",
        f"The certificate {identity.certificate} with the key {identity.key} cannot be used: {why}. Bring"
        " them back from a copy, or remove both; then new ones are made: tell those who pinned the old.",
    )
