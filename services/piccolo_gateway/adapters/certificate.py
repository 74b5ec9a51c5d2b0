"""The certificate that the gateway shows.

Rules:
* A configured certificate is taken as it is; its owner renews it.
* Otherwise the gateway has a P-256 key, made at its first start, and a certificate for its names and
  addresses by its own authority (adapters/authority.py). The key stays: callers pin it.
* The certificate holds for 397 days, the most that browsers take. It is made anew when the names or the
  authority's root change, and when its end comes near.
* A certificate that does not hold at the machine's present time is made anew at the start, and each begins 45
  days before it was made: a clock that was weeks ahead then locks nobody out.
* Certificate and root lie beside the key as `tls.pem`: for whoever pins them.
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
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import write_durably

from piccolo_gateway.adapters import authority
from piccolo_gateway.adapters.authority import Authority

KEY: Final = "tls.key"
CERTIFICATE: Final = "tls.pem"
_LIFETIME: Final = datetime.timedelta(days=397)
_RENEWED: Final = datetime.timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Identity:
    """Where key and certificate chain lie, as PEM; `root` is the own authority's, as DER."""

    key: Path
    certificate: Path
    root: bytes | None = None


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
        raise PiccoloError(
            Kind.PRECONDITION,
            "CERTIFICATE_UNREADABLE",
            f"The certificate {identity.certificate} with the key {identity.key} cannot be used:"
            f" {unreadable}. Bring them back from a copy, or remove both; then new ones are made: tell those"
            " who pinned the old.",
        ) from unreadable


def self_made(
    folder: Path, names: Sequence[str], addresses: Sequence[str], now: datetime.datetime
) -> Identity:
    """This device's own pair, made when it is missing, renewed when it is time.

    Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE for a key that cannot be read.
    """
    key = authority.own_key(folder / KEY)
    own = authority.opened(folder, names, addresses, now)
    identity = Identity(folder / KEY, folder / CERTIFICATE, _der(own.root))
    wanted = _wanted(names, addresses)
    if not _still_good(identity.certificate, key, own, wanted, now):
        chain = (_certificate(key, own, wanted, now), own.root)
        write_durably(identity.certificate, b"".join(map(_pem, chain)))
    return identity


def _wanted(names: Sequence[str], addresses: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.DNSName(name) for name in names]
        + [x509.IPAddress(ip_address(address)) for address in addresses]
    )


def _still_good(
    path: Path,
    key: ec.EllipticCurvePrivateKey,
    own: Authority,
    wanted: x509.SubjectAlternativeName,
    now: datetime.datetime,
) -> bool:
    try:
        present, root = x509.load_pem_x509_certificates(path.read_bytes())
        names = present.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    fits = present.public_key() == key.public_key() and names == wanted
    holds = present.not_valid_before_utc <= now < present.not_valid_after_utc - _RENEWED
    return fits and holds and root == own.root and own.issued(present)


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    own: Authority,
    names: x509.SubjectAlternativeName,
    now: datetime.datetime,
) -> x509.Certificate:
    by = own.root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .issuer_name(own.root.subject)
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Piccolo")]))
        .not_valid_before(now - authority.BACK)
        .not_valid_after(now - authority.BACK + _LIFETIME)
        .public_key(key.public_key())
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(authority.usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(by), critical=False)
    )
    return builder.sign(own.key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
