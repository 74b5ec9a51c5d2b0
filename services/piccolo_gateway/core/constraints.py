"""For which names a device's own authority may vouch.

Rules:
* Names of the home's own network (`.local`), the configured names, and addresses that no router of the
  internet forwards; nothing else. So whoever gets hold of the authority's key cannot stand in for a bank.
* A name constraint holds for the name and all below it (RFC 5280, section 4.2.1.10).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address
HOME: Final = ("local", "localhost")
PRIVATE: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


def domains(names: Iterable[str]) -> list[str]:
    """The names that an authority for these names is limited to."""
    made = list(HOME)
    for name in sorted({name.lower() for name in names}):
        if not within(name, made):
            made.append(name)
    return made


def networks(addresses: Iterable[str]) -> list[Network]:
    """The addresses that an authority for these addresses is limited to."""
    public = {ip_address(text) for text in addresses if not private(ip_address(text))}
    return [*PRIVATE, *(ip_network(one) for one in sorted(public, key=str))]


def private(address: Address) -> bool:
    """Whether an address is of a network that the internet does not reach."""
    return any(address in network for network in PRIVATE if network.version == address.version)


def within(name: str, limits: Iterable[str]) -> bool:
    """Whether a name is one of those, or below one."""
    plain = name.lower()
    return any(plain == limit or plain.endswith(f".{limit}") for limit in limits)
