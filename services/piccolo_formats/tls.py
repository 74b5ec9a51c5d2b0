"""The self-signed P-256 certificate of a role (section 9): one key has exactly one.

gRPC takes each pinned certificate for a CA. So what is signed in a certificate from outside must be, byte for
byte, what its key has: no CA bit, no further extension, no other name (`check_certificate`).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from piccolo_formats.digests import digest
from piccolo_formats.errors import AuthenticationError, FormatError

_BEGIN = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
_ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
_HEAD = 4
_LONGEST_SIGNATURE = 72
_NO_USAGE = dict.fromkeys(
    (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def generate_key() -> ec.EllipticCurvePrivateKey:
    """Make a role's TLS key, from the operating system's generator: the library takes no other."""
    return ec.generate_private_key(ec.SECP256R1())


def make_certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the key's certificate, DER: always the same bytes."""
    _check_curve(key.public_key())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name(key.public_key()))])
    builder = (
        x509.CertificateBuilder()
        .serial_number(1)
        .issuer_name(name)
        .subject_name(name)
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **_NO_USAGE), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    return certificate.public_bytes(serialization.Encoding.DER)


def check_certificate(der: bytes) -> None:
    """Raise FormatError unless these are the bytes of a role's certificate, signed by its own key."""
    _open(der)


def certificate_fingerprint(der: bytes) -> bytes:
    """Return the 32 bytes by which an invitation pins a server's certificate."""
    return digest("tls-cert", der)


def common_name(public: ec.EllipticCurvePublicKey) -> str:
    """Return the CN of a key's certificate, 32 hex digits."""
    return digest("tls", _spki(public))[:16].hex()


def certificate_name(der: bytes) -> str:
    """Return the CN of a role's certificate, checked: what a dialler expects as the server's name."""
    return common_name(_open(der))


def to_pem(der: bytes) -> bytes:
    """Return a role's certificate, checked, as PEM: what gRPC takes."""
    check_certificate(der)
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def _open(der: bytes) -> ec.EllipticCurvePublicKey:
    """Take a certificate apart by position: no parser of certificates ever sees bytes from outside."""
    form = _form()
    public = _public_key(der[_HEAD + form.key_at : _HEAD + form.key_at + form.key_length])
    content = form.filled(public)
    signature = der[_HEAD + len(content) + len(_ALGORITHM) + 3 :]
    if not 8 <= len(signature) <= _LONGEST_SIGNATURE or der != _assemble(content, signature):
        raise FormatError("certificate", "the certificate has other contents than a role's certificate")
    try:
        public.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise AuthenticationError("bad-signature", "the certificate is not signed by its own key") from error
    return public


def _public_key(spki: bytes) -> ec.EllipticCurvePublicKey:
    try:
        public = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError("certificate", "this is no certificate that a role could have") from error
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise FormatError("certificate", "the certificate's key is not a P-256 key")
    _check_curve(public)
    return public


def _assemble(content: bytes, signature: bytes) -> bytes:
    """Write down the DER: SEQUENCE of content, algorithm, and the signature as BIT STRING."""
    body = content + _ALGORITHM + bytes([0x03, len(signature) + 1, 0]) + signature
    return b"\x30\x82" + len(body).to_bytes(2) + body


@dataclass(frozen=True, slots=True)
class _Form:
    """What is signed: name and key have fixed lengths, so it is a form with three blanks."""

    content: bytes
    name: bytes
    spki: bytes

    @property
    def key_at(self) -> int:
        return self.content.index(self.spki)

    @property
    def key_length(self) -> int:
        return len(self.spki)

    def filled(self, public: ec.EllipticCurvePublicKey) -> bytes:
        named = self.content.replace(self.name, common_name(public).encode())
        return named.replace(self.spki, _spki(public))


@cache
def _form() -> _Form:
    key = ec.derive_private_key(1, ec.SECP256R1())
    content = x509.load_der_x509_certificate(make_certificate(key)).tbs_certificate_bytes
    return _Form(content, common_name(key.public_key()).encode(), _spki(key.public_key()))


def _spki(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _check_curve(public: ec.EllipticCurvePublicKey) -> None:
    if not isinstance(public.curve, ec.SECP256R1):
        raise FormatError("certificate", "the certificate's key is not a P-256 key")
