"""The certificate that the gateway shows: made, kept, renewed, or taken from elsewhere."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.adapters import authority, certificate
from piccolo_gateway.config import TlsConfig
from piccolo_gateway.tests.conftest import Start

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
NAMES, ADDRESSES = ["piccolo.local", "box.example"], ["192.168.1.7", "fd00::7"]


def made(folder: Path, now: datetime.datetime = NOW, names: list[str] = NAMES) -> x509.Certificate:
    identity = certificate.self_made(folder, names, ADDRESSES, now)
    certificate.context(identity)  # the key is the certificate's
    return x509.load_pem_x509_certificate(identity.certificate.read_bytes())


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


def test_it_is_for_the_configured_names_and_no_authority(tmp_path: Path) -> None:
    one = made(tmp_path)
    names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == NAMES
    assert names.get_values_for_type(x509.IPAddress) == [ip_address(text) for text in ADDRESSES]
    assert one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert one.not_valid_after_utc - one.not_valid_before_utc <= days(397)
    assert one.not_valid_before_utc < NOW < one.not_valid_after_utc


@pytest.mark.parametrize(
    ("later", "names", "same"),
    [
        (0, NAMES, True),
        (290, NAMES, True),
        (300, NAMES, False),  # its end comes near
        (2000, NAMES, False),
        (-30, NAMES, True),  # the clock was weeks ahead when it was made
        (-60, NAMES, False),  # it was wrong by more
        (0, ["other.local"], False),
    ],
)
def test_it_is_renewed_when_it_is_time_and_its_key_stays(
    tmp_path: Path, later: int, names: list[str], same: bool
) -> None:
    first, second = made(tmp_path), made(tmp_path, NOW + days(later), names)
    assert (first == second) is same
    assert first.public_key() == second.public_key()
    assert second.not_valid_before_utc <= NOW + days(later) < second.not_valid_after_utc


def test_a_torn_certificate_is_made_anew(tmp_path: Path) -> None:
    first = made(tmp_path)
    (tmp_path / certificate.CERTIFICATE).write_bytes(b"-----BEGIN CERT")
    assert made(tmp_path).public_key() == first.public_key()


def test_a_certificate_in_which_a_bit_flipped_is_made_anew(tmp_path: Path) -> None:
    """In its signature, where it reads as a certificate all the same and nobody would accept it."""
    der = bytearray(made(tmp_path).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    flipped = x509.load_der_x509_certificate(bytes(der)).public_bytes(serialization.Encoding.PEM)
    root = (tmp_path / authority.ROOT).read_bytes()
    (tmp_path / certificate.CERTIFICATE).write_bytes(flipped + root)
    made(tmp_path).verify_directly_issued_by(x509.load_pem_x509_certificate(root))


def test_a_torn_key_is_said_plainly_and_not_replaced(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / certificate.KEY).write_bytes(b"-----BEGIN")
    with pytest.raises(PiccoloError, match="from a copy") as refused:
        made(tmp_path)
    assert refused.value.reason == "CERTIFICATE_UNREADABLE"
    assert (tmp_path / certificate.KEY).read_bytes() == b"-----BEGIN"


def test_a_key_of_another_sort_is_refused(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / certificate.KEY).write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    with pytest.raises(PiccoloError, match="P-256"):
        made(tmp_path)


def test_a_key_in_which_a_bit_flipped_is_refused_whatever_it_says_then(tmp_path: Path) -> None:
    """Of an algorithm that nobody knows, for one."""
    made(tmp_path)
    path = tmp_path / certificate.KEY
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    pkcs8 = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    flipped = key.private_bytes(*pkcs8).replace(
        bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce7d0201")
    )
    text = base64.encodebytes(flipped).decode()
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{text}-----END PRIVATE KEY-----\n")
    with pytest.raises(PiccoloError) as refused:
        made(tmp_path)
    assert refused.value.reason == "CERTIFICATE_UNREADABLE"


async def test_a_certificate_from_elsewhere_is_shown(start: Start, tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    other = certificate.self_made(tmp_path, ["box.example"], [], now)
    async with start(tls=TlsConfig(other.key, other.certificate)) as world:
        assert not (world.config.state / authority.KEY).exists()
        async with world.request("GET", "/ca.crt") as response:
            assert (response.status, (await response.json())["reason"]) == (404, "NO_AUTHORITY")
        tls = ssl.create_default_context(cafile=str(other.certificate))
        tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        port = int(world.client.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="box.example")
        writer.transport.abort()


def test_a_configured_pair_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(PiccoloError) as refused:
        certificate.context(certificate.Identity(tmp_path / "key", tmp_path / "pem"))
    assert refused.value.reason == "CERTIFICATE_UNREADABLE"
