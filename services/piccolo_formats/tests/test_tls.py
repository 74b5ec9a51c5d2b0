"""A role's certificate is a function of its key, and nothing more is taken for one."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats import tls
from piccolo_formats.errors import FormatError
from piccolo_formats.tests import stranger
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.published import hexed, published

KEY = ec.derive_private_key(12345, ec.SECP256R1())
DER = tls.make_certificate(KEY)
Builder = x509.CertificateBuilder


def test_one_key_makes_one_certificate() -> None:
    """Also on another machine: the published one."""
    assert tls.make_certificate(KEY) == DER
    vector = published()["certificate"]
    key = ec.derive_private_key(int(vector["scalar"], 16), ec.SECP256R1())
    assert tls.make_certificate(key) == hexed(vector["der"])
    assert tls.certificate_name(hexed(vector["der"])) == vector["name"]
    assert tls.certificate_fingerprint(hexed(vector["der"])).hex() == vector["fingerprint"]


def test_the_certificate_is_as_the_page_says() -> None:
    certificate = x509.load_der_x509_certificate(DER)
    spki = KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    name = stranger.digest("tls", spki)[:16].hex()
    assert certificate.subject.rfc4514_string() == certificate.issuer.rfc4514_string() == f"CN={name}"
    assert certificate.serial_number == 1
    assert certificate.version is x509.Version.v3
    assert certificate.not_valid_before_utc == datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    assert certificate.not_valid_after_utc == datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    constraints, usage = certificate.extensions
    assert constraints.critical
    assert isinstance(constraints.value, x509.BasicConstraints)
    assert not constraints.value.ca
    assert usage.critical
    assert isinstance(usage.value, x509.KeyUsage)
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not usage.value.crl_sign
    assert not usage.value.key_agreement
    assert tls.certificate_name(DER) == name
    assert tls.to_pem(DER).startswith(b"-----BEGIN CERTIFICATE-----")


def test_every_changed_byte_is_refused() -> None:
    all_refused(DER, tls.check_certificate)


def test_a_generated_key_has_a_certificate_too() -> None:
    first, second = tls.generate_key(), tls.generate_key()
    tls.check_certificate(tls.make_certificate(first))
    assert tls.make_certificate(first) != tls.make_certificate(second)


def unsigned(change: Callable[[Builder], Builder] = lambda builder: builder, **parts: object) -> Builder:
    """A role's certificate but for what is named."""
    public = KEY.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(parts.get("cn", tls.common_name(public))))])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    serial = parts.get("serial", 1)
    assert isinstance(serial, int)
    builder = (
        Builder()
        .serial_number(serial)
        .issuer_name(name)
        .subject_name(name)
        .not_valid_before(datetime.datetime(int(str(parts.get("year", 2000))), 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC))
        .public_key(public)
        .add_extension(
            x509.BasicConstraints(ca=bool(parts.get("ca", False)), path_length=None), critical=True
        )
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=bool(parts.get("ca", False)), **usage),
            critical=True,
        )
    )
    return change(builder)


def der(builder: Builder, algorithm: hashes.SHA256 | hashes.SHA384 | None = None) -> bytes:
    signed = builder.sign(KEY, algorithm or hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(serialization.Encoding.DER)


def test_the_test_s_builder_makes_the_real_one() -> None:
    assert der(unsigned()) == DER


@pytest.mark.parametrize(
    "builder",
    [
        unsigned(ca=True),
        unsigned(cn="0" * 32),
        unsigned(cn="somebody"),
        unsigned(serial=2),
        unsigned(year=2001),
        unsigned(
            lambda builder: builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False
            )
        ),
    ],
)
def test_any_other_certificate_is_refused(builder: Builder) -> None:
    with pytest.raises(FormatError):
        tls.check_certificate(der(builder))


def test_another_hash_or_signer_or_curve_is_refused() -> None:
    wrong = [der(unsigned(), hashes.SHA384())]
    for signer, algorithm in (
        (ec.derive_private_key(54321, ec.SECP256R1()), hashes.SHA256()),
        (ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), None),
    ):
        signed = unsigned().sign(signer, algorithm)
        wrong.append(signed.public_bytes(serialization.Encoding.DER))
    for data in wrong:
        with pytest.raises(FormatError):
            tls.check_certificate(data)
    with pytest.raises(FormatError):
        tls.make_certificate(ec.generate_private_key(ec.SECP384R1()))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    for read in (tls.check_certificate, tls.to_pem, tls.certificate_name):
        with pytest.raises(FormatError):
            read(data)


@given(st.binary(min_size=1, max_size=6), st.integers(0, len(DER) - 1))
def test_a_certificate_with_bytes_overwritten_is_refused(data: bytes, at: int) -> None:
    other = DER[:at] + data + DER[at + len(data) :]
    if other != DER:
        with pytest.raises(FormatError):
            tls.check_certificate(other)
