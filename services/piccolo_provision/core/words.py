"""The texts that a configuration may hold: each of a form that no file written from it can be broken by."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import Annotated, Final, TypeAlias

import msgspec

# \Z, because $ also stands before a last line's end
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?"
_ADDRESS: Final = r"^[0-9A-Fa-f.:]{2,45}"

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
    """Raises ValueError for what is no network, and for all: none would be left to reach a site by."""
    for each in told:
        if ip_network(each).prefixlen == 0:
            raise ValueError("not all networks are behind one peer")


def check_endpoint(told: str) -> None:
    """Raises ValueError for a port that there is not, and brackets around what is no IPv6 address."""
    host, _, port = told.rpartition(":")
    if int(port) >= 1 << 16:
        raise ValueError(f"there is no port {port}")
    if host.startswith("[") and ip_address(host[1:-1]).version != 6:
        raise ValueError("brackets are for IPv6 addresses")
