"""The texts that a configuration may hold: each of a form that no file written from it can be broken by."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_interface, ip_network
from typing import Annotated, Final, TypeAlias

import msgspec

# \Z, because $ also stands before a last line's end
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?"
_ADDRESS: Final = r"^[0-9A-Fa-f.:]{2,45}"
# the shortest prefixes of a private network; of IPv6 a provider's customer has none shorter, but who keeps to
# unique local addresses (RFC 4193) may have all of those that are in use
_SHORTEST: Final = {4: 8, 6: 32}
_LOCAL: Final = IPv6Network("fc00::/7")
_SHORTEST_LOCAL: Final = 8
_MOST: Final = 1 << 28  # a sixteenth of all IPv4 addresses: all private ones and more

NodeName: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^{_LABEL}\Z")]
HostName: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^{_HOST}\Z")]
Server: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^({_HOST}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]{{1,44}})\Z")]
Endpoint: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=rf"^({_HOST}|\[[0-9A-Fa-f.:]{{2,45}}\]):[1-9][0-9]{{0,4}}\Z")
]
Address: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"{_ADDRESS}\Z")]
Prefixed: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"{_ADDRESS}/[0-9]{{1,3}}\Z")]
WireGuardKey: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z")]
Fingerprint: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
SshKey: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(ssh-ed25519|sk-ssh-ed25519@openssh\.com) [A-Za-z0-9+/]{40,500}={0,2}( [ -~]{0,100})?\Z"
    ),
]
ClaimCode: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][ -]?){8,64}\Z")]


def check_servers(*told: str) -> None:
    """Raises ValueError for what looks like an IPv6 address and is none."""
    check_addresses(*(each for each in told if ":" in each))


def check_addresses(*told: str) -> None:
    """Raises ValueError for what is no address."""
    for each in told:
        ip_address(each)


def check_interfaces(*told: str) -> None:
    """Raises ValueError for what is no address with the length of its prefix."""
    for each in told:
        ip_interface(each)


def check_networks(*told: str) -> None:
    """Raises ValueError for what is no network, and for much of all: what is left must lead to a site."""
    for each in map(ip_network, told):
        local = isinstance(each, IPv6Network) and each.subnet_of(_LOCAL)
        if each.prefixlen < (_SHORTEST_LOCAL if local else _SHORTEST[each.version]):
            raise ValueError(f"{each} is more than a private network")


def check_breadth(*told: str) -> None:
    """Raises ValueError for networks, each of which may be, that together are much of all there are."""
    old = [each for each in map(ip_network, told) if isinstance(each, IPv4Network)]
    if sum(each.num_addresses for each in collapse_addresses(old)) > _MOST:
        raise ValueError("so many networks are not private ones")


def check_endpoint(told: str) -> None:
    """Raises ValueError for a port that there is not, and brackets around what is no IPv6 address."""
    host, _, port = told.rpartition(":")
    if int(port) >= 1 << 16:
        raise ValueError(f"there is no port {port}")
    if host.startswith("[") and ip_address(host[1:-1]).version != 6:
        raise ValueError("brackets are for IPv6 addresses")
