"""The device's own certificate authority, whose root people may install.

Rules:
* It has one P-256 key, made at the first start, never leaving the state folder. Its root holds for ten years
  and vouches, critically constrained, for the home's names and addresses only (core/constraints.py), for no
  further authority, and for servers only.
* The root is made anew, by the same key, when it does not permit a name that is configured now, and in its
  last year: who installed the old one installs the new one.
* It lies beside its key as `ca.pem`.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_chassis.state import write_durably

from piccolo_gateway.core import constraints

KEY: Final = "ca.key"
ROOT: Final = "ca.pem"
BACK: Final = datetime.timedelta(days=45)
_LIFETIME: Final = datetime.timedelta(days=3652)
_RENEWED: Final = datetime.timedelta(days=365)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Authority:
    """The key and its root."""

    key: ec.EllipticCurvePrivateKey
    root: x509.Certificate

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether it made a certificate, and every bit of it is as it was made."""
        try:
            certificate.verify_directly_issued_by(self.root)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def opened(folder: Path, names: Sequence[str], addresses: Sequence[str], now: datetime.datetime) -> Authority:
    """This device's authority, made when it is missing.

    Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE for a key that cannot be read.
    """
    key = own_key(folder / KEY)
    wanted = _constraints(names, addresses)
    root = _present(folder / ROOT, key, wanted, now)
    if root is None:
        root = _root(key, wanted, now)
        write_durably(folder / ROOT, root.public_bytes(serialization.Encoding.PEM))
        _log.info("a root was made; whoever trusts this device by it installs it", extra=fields(path=ROOT))
    return Authority(key, root)


def own_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """A P-256 key in a file, made when it is missing.

    Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE.
    """
    if not path.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        pkcs8 = serialization.PrivateFormat.PKCS8
        write_durably(
            path, made.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("it is no P-256 key")  # noqa: TRY004, TRY301 - the file is wrong, not a type
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as unreadable:
        raise PiccoloError(
            Kind.PRECONDITION,
            "CERTIFICATE_UNREADABLE",
            f"The key {path} cannot be used: {unreadable}. Bring it back from a copy, or remove it; then a"
            " new one is made: tell those who trusted the old.",
        ) from unreadable
    return key


def _present(
    path: Path, key: ec.EllipticCurvePrivateKey, wanted: x509.NameConstraints, now: datetime.datetime
) -> x509.Certificate | None:
    """The root that is there, when it still serves."""
    try:
        root = x509.load_pem_x509_certificate(path.read_bytes())
        root.verify_directly_issued_by(root)  # a flipped bit in it would still read as a certificate
        permitted = root.extensions.get_extension_for_class(x509.NameConstraints).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return None
    fits = root.public_key() == key.public_key() and _names(wanted) <= _names(permitted)
    holds = root.not_valid_before_utc <= now < root.not_valid_after_utc - _RENEWED
    return root if fits and holds else None


def _names(permitted: x509.NameConstraints) -> set[object]:
    return {one.value for one in permitted.permitted_subtrees or ()}


def _constraints(names: Sequence[str], addresses: Sequence[str]) -> x509.NameConstraints:
    domains = [x509.DNSName(name) for name in constraints.domains(names)]
    networks = [x509.IPAddress(network) for network in constraints.networks(addresses)]
    return x509.NameConstraints(permitted_subtrees=[*domains, *networks], excluded_subtrees=None)


def _root(
    key: ec.EllipticCurvePrivateKey, permitted: x509.NameConstraints, now: datetime.datetime
) -> x509.Certificate:
    known = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Piccolo"),
            # people with two devices have two roots, and tell them apart by this
            x509.NameAttribute(NameOID.COMMON_NAME, f"Piccolo at home {known.digest.hex()[:8]}"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .issuer_name(name)
        .subject_name(name)
        .not_valid_before(now - BACK)
        .not_valid_after(now - BACK + _LIFETIME)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(authority=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(permitted, critical=True)
        .add_extension(known, critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def usage(*, authority: bool) -> x509.KeyUsage:
    """What a key is for: an authority signs certificates, a server signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
