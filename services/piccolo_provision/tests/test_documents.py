"""What a configuration may say, and what files are made of it."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from piccolo_provision.core import document
from piccolo_provision.core.document import Node
from piccolo_provision.core.places import PLACES
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.render import render
from piccolo_provision.tests.nodes import NOW, ZERO_KEY, documents

HEAD = {"node": "kitchen", "serial": 7, "expires": NOW}
# a line end at the end, in the middle, and what begins another section
POISONS = ["{}\n", "{}\nKey=evil", "{}]", "{} x", "\n[Match]\n{}", "{}\x00", "{}é"]
GOOD: dict[str, dict[str, Any]] = {
    "node": {"node": "kitchen"},
    "ntp": {"time": {"servers": ["ntp.example.org"]}},
    "address": {"wired": {"addresses": ["192.0.2.7/24"]}},
    "gateway": {"wired": {"gateways": ["192.0.2.1"]}},
    "dns": {"wired": {"dns": ["192.0.2.1"]}},
    "private key": {"wireguard": {"private_key": ZERO_KEY, "addresses": []}},
    "overlay": {"wireguard": {"private_key": ZERO_KEY, "addresses": ["10.9.0.2/24"]}},
    "allowed": {
        "wireguard": {
            "private_key": ZERO_KEY,
            "addresses": [],
            "peers": [{"public_key": ZERO_KEY, "allowed": ["10.9.0.0/24"]}],
        }
    },
    "endpoint": {
        "wireguard": {
            "private_key": ZERO_KEY,
            "addresses": [],
            "peers": [{"public_key": ZERO_KEY, "allowed": [], "endpoint": "vpn.example.org:51820"}],
        }
    },
    "cloud": {"cloud": {"address": "cloud.example.org:7443"}},
    "fingerprint": {"cloud": {"address": "cloud.example.org:7443", "fingerprint": "ab" * 32}},
    "name": {"gateway": {"names": ["kitchen.example.org"]}},
    "claim": {"gateway": {"claim_code": "ABCD-EFGH"}},
    "ssh": {"authorized_keys": [f"ssh-ed25519 {'A' * 68}"]},
    "peers": {"fragment-store": {"endpoint": "203.0.113.7:7443"}},
}


def parsed(told: dict[str, Any]) -> Node:
    return document.parse(tomli_w.dumps({**HEAD, **told}).encode())


def poisoned(value: Any, poison: str) -> Any:
    """With the last text in it poisoned."""
    if isinstance(value, str):
        return poison.format(value)
    if isinstance(value, list):
        return [*value[:-1], poisoned(value[-1], poison)] if value else value
    if isinstance(value, dict):
        last = [key for key, each in value.items() if each != []][-1]
        return {**value, last: poisoned(value[last], poison)}
    return value


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("poison", POISONS)
def test_no_text_breaks_out_of_its_line(name: str, poison: str) -> None:
    parsed(GOOD[name])
    worse = poisoned(GOOD[name], poison)
    if name in ("ssh", "claim") and poison == "{} x":
        return  # a comment after a key is a comment, and a code may have spaces
    with pytest.raises(RefusedError) as refused:
        parsed(worse)
    assert refused.value.why is Reason.CONFIGURATION_WRONG


@pytest.mark.parametrize(
    "told",
    [
        {"unknown": 1},
        {"time": {"server": "x"}},
        {"time": {"servers": ["fd00:::1"]}},
        {"serial": 0},
        {"serial": "7"},
        {"expires": NOW.replace(tzinfo=None)},
        {"node": "Kitchen"},
        {"node": ""},
        {"wired": {"dhcp": False}},
        {"wired": {"addresses": ["192.0.2.7/33"]}},
        {"wired": {"addresses": ["192.0.2.7"]}},
        {"wireguard": {"private_key": "A" * 44, "addresses": []}},
        {"cloud": {"address": "cloud.example.org:65536"}},
        {"cloud": {"address": "[192.0.2.1]:443"}},
        {"cloud": {"address": "unix:/run/x:1"}},
        {"gateway": {"claim_code": "short"}},
        {"fragment-store": {"offer_bytes": -1}},
    ],
)
def test_what_is_not_right_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        parsed(told)
    assert refused.value.why is Reason.CONFIGURATION_WRONG


def behind(*peers: list[str]) -> dict[str, Any]:
    """Peers, by the networks behind them."""
    told = [{"public_key": ZERO_KEY, "allowed": networks} for networks in peers]
    return {"wireguard": {"private_key": ZERO_KEY, "addresses": [], "peers": told}}


@pytest.mark.parametrize(
    "peers",
    [
        [["10.9.0.1/8"]],
        [["::/0"]],
        [["0.0.0.0/1", "128.0.0.0/1"]],
        [["::/1", "8000::/1"]],
        [["8.0.0.0/7"]],
        [["2000::/31"]],
        [["2000::/3"]],
        [["fc00::/7"]],
        [[f"{first}.0.0.0/8" for first in range(256)]],
        [[f"{first}.0.0.0/8"] for first in range(17)],
    ],
)
def test_no_peers_have_all_networks_behind_them_however_it_is_said(peers: list[list[str]]) -> None:
    with pytest.raises(RefusedError) as refused:
        parsed(behind(*peers))
    assert refused.value.why is Reason.CONFIGURATION_WRONG


def test_peers_may_have_every_private_network_behind_them() -> None:
    private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fd00::/8", "2001:db8::/32"]
    told = parsed(behind(private, ["10.0.0.0/8", "192.0.2.7/32"])).wireguard
    assert told is not None
    assert told.peers[0].allowed == tuple(private)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_being_refused(told: bytes) -> None:
    with pytest.raises(RefusedError):
        document.parse(told)


@pytest.mark.parametrize("depth", [10, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    with pytest.raises(RefusedError):
        document.parse(b"node = " + b"[" * depth + b"]" * depth)


@given(documents)
def test_every_file_has_its_place_and_every_line_its_form(told: dict[str, Any]) -> None:
    for name, content in render(parsed(told)).items():
        assert name in PLACES
        if name.endswith((".network", ".netdev", ".conf")):
            sections = [line for line in content.decode().splitlines() if line.startswith("[")]
            known = {"[Match]", "[Network]", "[NetDev]", "[WireGuard]", "[WireGuardPeer]", "[Time]"}
            assert set(sections) <= known
            reader = configparser.RawConfigParser(strict=False)
            reader.read_string(content.decode())


def test_what_is_said_is_in_the_files() -> None:
    peer = {
        "public_key": ZERO_KEY,
        "allowed": ["10.9.0.0/24"],
        "endpoint": "vpn.example.org:1",
        "keepalive": 25,
    }
    told = parsed(
        {
            "time": {"servers": ["a.example.org", "192.0.2.1", "::ffff:192.0.2.1"]},
            "wired": {"dhcp": False, "addresses": ["192.0.2.7/24"], "gateways": ["192.0.2.1"]},
            "wireguard": {"private_key": ZERO_KEY, "addresses": ["10.9.0.2/24"], "peers": [peer]},
        }
    )
    made = {name: content.decode() for name, content in render(told).items()}
    assert made["timesyncd.conf"] == "[Time]\nNTP=a.example.org 192.0.2.1 ::ffff:192.0.2.1\n"
    assert "DHCP=no\n" in made["wired.network"]
    assert "Address=192.0.2.7/24\nGateway=192.0.2.1\n" in made["wired.network"]
    assert f"PrivateKey={ZERO_KEY}\n" in made["wireguard.netdev"]
    assert "AllowedIPs=10.9.0.0/24\n" in made["wireguard.netdev"]
    assert "Endpoint=vpn.example.org:1\nPersistentKeepalive=25\n" in made["wireguard.netdev"]
    assert "[Network]\nAddress=10.9.0.2/24\n" in made["wireguard.network"]


def test_the_private_key_is_the_network_s_alone() -> None:
    place = PLACES["wireguard.netdev"]
    assert (place.group, place.mode) == ("systemd-network", 0o640)
    assert PLACES["claim-code"].mode == 0o640


def test_a_name_alone_changes_nothing_else() -> None:
    assert render(parsed({})) == {}


def test_the_guide_s_example_is_one() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs/provision.md").read_text(encoding="utf-8")
    example = guide.split("```toml\n")[1].split("```")[0]
    example = example.replace("AAAA…", "A" * 68).replace('fingerprint = "…"', "").replace("…", ZERO_KEY)
    told = parsed(tomllib.loads(example))
    assert told.wireguard is not None
    assert set(render(told)) == set(PLACES)
