"""Makes files of a configuration, in the words of systemd, sshd and our services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import tomli_w

from piccolo_provision.core.document import Node, Peer, Wired, WireGuard
from piccolo_provision.core.places import PLACES

_INTERFACE: Final = "piccolo0"
_Section = tuple[str, Iterable[tuple[str, str]]]


def render(node: Node) -> dict[str, bytes]:
    """The files, by the names of core/places.py."""
    made: dict[str, bytes] = {}
    if node.wired is not None:
        made["wired.network"] = _ini(_wired(node.wired))
    if node.wireguard is not None:
        made["wireguard.netdev"] = _ini(_device(node.wireguard))
        made["wireguard.network"] = _ini(_overlay(node.wireguard))
    if node.time.servers:
        made["timesyncd.conf"] = _ini([("Time", [("NTP", " ".join(node.time.servers))])])
    if node.authorized_keys:
        made["authorized_keys"] = "".join(f"{key}\n" for key in node.authorized_keys).encode("ascii")
    if node.gateway.claim_code is not None:
        made["claim-code"] = f"{node.gateway.claim_code}\n".encode("ascii")
    for name, settings in _services(node).items():
        if settings:
            made[f"{name}.toml"] = tomli_w.dumps(settings).encode()
    return made


def _ini(sections: Iterable[_Section]) -> bytes:
    lines = [line for name, keys in sections for line in (f"[{name}]", *map("=".join, keys))]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _wired(wired: Wired) -> list[_Section]:
    network = [
        ("DHCP", "yes" if wired.dhcp else "no"),
        ("IPv6PrivacyExtensions", "no"),
        ("MulticastDNS", "no"),
        ("LLMNR", "no"),
        *(("Address", address) for address in wired.addresses),
        *(("Gateway", gateway) for gateway in wired.gateways),
        *(("DNS", server) for server in wired.dns),
    ]
    return [("Match", [("Type", "ether"), ("Kind", "!*")]), ("Network", network)]


def _device(wireguard: WireGuard) -> list[_Section]:
    own = [("PrivateKey", wireguard.private_key), ("RouteTable", "main")]
    if wireguard.port:
        own.append(("ListenPort", str(wireguard.port)))
    return [
        ("NetDev", [("Name", _INTERFACE), ("Kind", "wireguard")]),
        ("WireGuard", own),
        *(("WireGuardPeer", _peer(peer)) for peer in wireguard.peers),
    ]


def _peer(peer: Peer) -> list[tuple[str, str]]:
    told = [("PublicKey", peer.public_key), *(("AllowedIPs", network) for network in peer.allowed)]
    if peer.preshared_key is not None:
        told.append(("PresharedKey", peer.preshared_key))
    if peer.endpoint is not None:
        told.append(("Endpoint", peer.endpoint))
    if peer.keepalive:
        told.append(("PersistentKeepalive", str(peer.keepalive)))
    return told


def _overlay(wireguard: WireGuard) -> list[_Section]:
    addresses = [("Address", address) for address in wireguard.addresses]
    return [("Match", [("Name", _INTERFACE)]), ("Network", addresses)]


def _services(node: Node) -> dict[str, Mapping[str, Any]]:
    cloud = {}
    if node.cloud is not None:
        cloud = {"cloud": {"address": node.cloud.address, "fingerprint": node.cloud.fingerprint}}
    return {"metadata": cloud, "attestation": cloud, "gateway": _face(node), "fragment-store": _keeping(node)}


def _face(node: Node) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if node.gateway.names:
        settings["names"] = list(node.gateway.names)
    if node.gateway.claim_code is not None:
        settings["claim_code"] = f"/run/{PLACES['claim-code'].path}"
    if node.gateway.announce is not None:
        settings["home"] = {"announce": node.gateway.announce}
    return settings


def _keeping(node: Node) -> dict[str, Any]:
    told = {"endpoint": node.fragment_store.endpoint, "offer_bytes": node.fragment_store.offer_bytes}
    return {key: value for key, value in told.items() if value is not None}
