"""The device's own authority: what it vouches for, what it cannot vouch for, and how it is handed out."""

from __future__ import annotations

import datetime
import plistlib
import shutil
import ssl
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis import command

from piccolo_gateway.adapters import authority, certificate
from piccolo_gateway.core import constraints, profile
from piccolo_gateway.tests.conftest import World

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
NAMES, ADDRESSES = ["piccolo.local", "box.example"], ["192.168.1.7", "fd00::7", "203.0.113.9"]
PEM = serialization.Encoding.PEM


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


def shown(
    folder: Path, now: datetime.datetime = NOW, names: list[str] = NAMES, addresses: list[str] = ADDRESSES
) -> tuple[x509.Certificate, x509.Certificate]:
    identity = certificate.self_made(folder, names, addresses, now)
    leaf, root = x509.load_pem_x509_certificates(identity.certificate.read_bytes())
    assert identity.root == root.public_bytes(serialization.Encoding.DER)
    return leaf, root


def forged(folder: Path, name: x509.GeneralName) -> x509.Certificate:
    """What somebody makes who has stolen the authority's key."""
    own = authority.opened(folder, NAMES, ADDRESSES, NOW)
    by = own.root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder()
        .serial_number(7)
        .issuer_name(own.root.subject)
        .subject_name(x509.Name([]))
        .not_valid_before(NOW - days(1))
        .not_valid_after(NOW + days(30))
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(by), critical=False)
    )
    return builder.sign(own.key, hashes.SHA256())


def verify(leaf: x509.Certificate, root: x509.Certificate, name: str) -> None:
    """As a browser does. Raises VerificationError."""
    try:
        subject: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    assert isinstance(subject, x509.IPAddress | x509.DNSName)
    PolicyBuilder().store(Store([root])).time(NOW).build_server_verifier(subject).verify(leaf, [])


async def openssl(folder: Path, leaf: x509.Certificate, root: x509.Certificate) -> str:
    """What OpenSSL says of a chain."""
    for name, one in (("leaf.pem", leaf), ("root.pem", root)):
        (folder / name).write_bytes(one.public_bytes(PEM))
    arguments = ["verify", "-x509_strict", "-attime", str(int(NOW.timestamp()))]
    program = shutil.which("openssl")
    assert program is not None
    files = ["-CAfile", str(folder / "root.pem"), str(folder / "leaf.pem")]
    done = await command.run([program, *arguments, *files], seconds=30, check=False)
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("name", [*NAMES, *ADDRESSES])
async def test_the_chain_holds_for_every_name(tmp_path: Path, name: str) -> None:
    leaf, root = shown(tmp_path)
    verify(leaf, root, name)
    assert (await openssl(tmp_path, leaf, root)).rstrip().endswith("OK")


@pytest.mark.parametrize(
    "name",
    [
        x509.DNSName("bank.example"),
        x509.DNSName("local.evil.example"),
        x509.DNSName("notbox.example"),
        x509.IPAddress(ip_address("8.8.8.8")),
        x509.IPAddress(ip_address("203.0.113.10")),
        x509.IPAddress(ip_address("2001:db8::1")),
    ],
)
async def test_it_cannot_vouch_for_what_is_not_of_the_home(tmp_path: Path, name: x509.GeneralName) -> None:
    leaf, root = forged(tmp_path, name), shown(tmp_path)[1]
    with pytest.raises(VerificationError):
        verify(leaf, root, str(name.value))
    assert "permitted subtree violation" in await openssl(tmp_path, leaf, root)


@pytest.mark.parametrize("name", ["attic.local", "sub.box.example", "10.1.2.3", "fd12::1"])
async def test_it_vouches_for_the_home(tmp_path: Path, name: str) -> None:
    try:
        other: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        other = x509.DNSName(name)
    leaf, root = forged(tmp_path, other), shown(tmp_path)[1]
    verify(leaf, root, name)


def test_it_is_critically_limited_and_makes_no_further_authority(tmp_path: Path) -> None:
    root = shown(tmp_path)[1]
    limits = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    basic = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.value.ca, basic.value.path_length, basic.critical) == (True, 0, True)
    length = root.not_valid_after_utc - root.not_valid_before_utc
    assert days(3650) <= length <= days(3660)


def test_the_root_stays_while_certificates_come_and_go(tmp_path: Path) -> None:
    leaf, root = shown(tmp_path)
    later, same = shown(tmp_path, NOW + days(1000), names=["attic.local"], addresses=["10.0.0.9"])
    assert (root == same, leaf == later) == (True, False)
    assert leaf.public_key() == later.public_key()
    late = shown(tmp_path, NOW + days(3400))[1]
    assert (late == root, late.public_key() == root.public_key()) == (False, True)


def test_a_name_beyond_its_limits_makes_a_new_root_by_the_same_key(tmp_path: Path) -> None:
    leaf, root = shown(tmp_path)
    other, wider = shown(tmp_path, names=[*NAMES, "new.example"])
    assert wider != root
    assert wider.public_key() == root.public_key()
    verify(other, wider, "new.example")
    verify(leaf, wider, "box.example")


def test_a_state_of_before_keeps_its_key(tmp_path: Path) -> None:
    """A release without an authority left a key and a certificate that it had signed itself."""
    key = authority.own_key(tmp_path / certificate.KEY)
    name = x509.Name([])
    old = (
        x509.CertificateBuilder()
        .serial_number(1)
        .issuer_name(name)
        .subject_name(name)
        .not_valid_before(NOW - days(1))
        .not_valid_after(NOW + days(700))
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("piccolo.local")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / certificate.CERTIFICATE).write_bytes(old.public_bytes(PEM))
    leaf, root = shown(tmp_path)
    assert leaf.public_key() == old.public_key()
    assert leaf.public_key() != root.public_key()
    verify(leaf, root, "piccolo.local")


async def test_everybody_may_have_the_root_and_it_is_the_one_that_vouches(blank: World) -> None:
    forms = {}
    for path in ("/ca.crt", "/ca.pem", "/ca.mobileconfig"):
        async with blank.request("GET", path) as response:
            assert response.status == 200
            forms[path] = await response.read(), response.headers["Content-Type"]
    der, kind = forms["/ca.crt"]
    assert kind == "application/x-x509-ca-cert"
    assert ssl.PEM_cert_to_DER_cert(forms["/ca.pem"][0].decode()) == der
    apple = plistlib.loads(forms["/ca.mobileconfig"][0])
    assert apple["PayloadContent"][0]["PayloadContent"] == der
    assert forms["/ca.mobileconfig"][1] == "application/x-apple-aspen-config"
    tls = ssl.create_default_context(cadata=der)
    url = blank.client.url.replace("127.0.0.1", "localhost")
    async with blank.http.get(f"{url}/api/v1/status", ssl=tls) as response:
        assert response.status == 200


async def test_the_owner_is_told_its_fingerprint(world: World) -> None:
    _, network = await world.json("GET", "/network")
    async with world.request("GET", "/ca.crt") as response:
        der = await response.read()
    assert network["root"].replace(":", "").lower() == sha256(der).hexdigest()
    assert (network["name"], network["wanted"], network["taken"]) == ("", "piccolo.local", False)


@given(st.binary(min_size=1, max_size=400))
def test_pem_is_what_the_library_would_write(der: bytes) -> None:
    assert profile.pem(der).decode() == ssl.DER_cert_to_PEM_cert(der)


@given(st.lists(st.sampled_from(["a.local", "B.Local", "box.example", "sub.box.example", "localhost"])))
def test_limits_hold_every_name_and_no_name_twice(names: list[str]) -> None:
    limits = constraints.domains(names)
    assert all(constraints.within(name, limits) for name in names)
    assert len(limits) == len(set(limits))
    assert not constraints.within("example", limits)
    assert not constraints.within("xlocal", limits)
