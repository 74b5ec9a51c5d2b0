"""Only host:port is dialled, whatever a member says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_formats.signed import sign

from piccolo_attestation.config import CloudConfig
from piccolo_attestation.core.endpoints import is_dialable
from piccolo_attestation.core.view import view_of
from piccolo_attestation.testing import Owner, grown


@pytest.mark.parametrize(
    "good", ["a.example:1", "127.0.0.1:65535", "[::1]:7443", "[fe80::1]:1", "localhost:80", "box-3_x:9"]
)
def test_addresses(good: str) -> None:
    assert is_dialable(good)


@pytest.mark.parametrize(
    "bad",
    [
        *("", "a.example", ":80", "a:0", "a:65536", "a:1x", "unix:/run/x", "unix:80/x", "dns:///a:1"),
        *("a:1,b:2", "a b:1", "::1:80", "ipv4:1.2.3.4:80", "[x]:1", "-a:1", "a:1\n", "http://a:1", "a/b:1"),
    ],
)
def test_other_things(bad: str) -> None:
    assert not is_dialable(bad)


def test_a_member_that_tells_something_else_has_no_address() -> None:
    ana, ben = Owner.named("ana"), Owner.named("ben")
    circle = grown(ana, ben)
    record = replace(ben.presence(2).record, endpoints=("unix:/run/piccolo/vault.sock", "ben.example:5"))
    circle.add_presence(sign(record, ben.key("attestation")).to_bytes())
    member = view_of(circle).member(ben.id)
    assert member is not None
    assert member.endpoints == ("ben.example:5",)


@pytest.mark.parametrize("address", ["", "cloud", "unix:/run/x", "dns:///a:1", "https://a:1"])
def test_a_cloud_that_cannot_be_dialled_is_no_setting(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        CloudConfig(address)
    assert CloudConfig("[::1]:443").address == "[::1]:443"
