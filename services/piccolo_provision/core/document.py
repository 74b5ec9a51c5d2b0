"""A node's configuration: one TOML document, signed and sealed for that node alone.

Rules:
* It is typed to the last value, and a key that is not known is refused: what passes here can stop no service
  from starting, and break no file that is written from it.
* What it does not say is as the image has it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec

from piccolo_provision.core import words
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.words import (
    Address,
    ClaimCode,
    Endpoint,
    Fingerprint,
    HostName,
    NodeName,
    Prefixed,
    Server,
    SshKey,
    WireGuardKey,
)

LARGEST: Final = 1 << 18
_FEW: Final = 16
_MANY: Final = 256
_Few = msgspec.Meta(max_length=_FEW)
_Many = msgspec.Meta(max_length=_MANY)
_Bytes = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
Serial = Annotated[int, msgspec.Meta(ge=1, lt=1 << 62)]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the document."""


class Time(Table, frozen=True):
    """The table [time].

    Attributes:
        servers: of NTP, best first.
    """

    servers: Annotated[tuple[Server, ...], _Few] = ()

    def __post_init__(self) -> None:
        """Refuses what nobody can be at."""
        words.check_servers(*self.servers)


class Wired(Table, frozen=True):
    """The table [wired]: every wired network interface.

    Attributes:
        dhcp: whether its router is asked.
        addresses: of its own, each with its prefix's length.
    """

    dhcp: bool = True
    addresses: Annotated[tuple[Prefixed, ...], _Few] = ()
    gateways: Annotated[tuple[Address, ...], _Few] = ()
    dns: Annotated[tuple[Address, ...], _Few] = ()

    def __post_init__(self) -> None:
        """Refuses what is no address."""
        words.check_interfaces(*self.addresses)
        words.check_addresses(*self.gateways, *self.dns)
        if not self.dhcp and not self.addresses:
            raise ValueError("without DHCP, a network needs addresses")


class Peer(Table, frozen=True):
    """One of [[wireguard.peers]].

    Attributes:
        allowed: the networks behind it.
        endpoint: where it is; empty: it comes to us.
        keepalive: seconds between signs of life; 0: none.
    """

    public_key: WireGuardKey
    allowed: Annotated[tuple[Prefixed, ...], _Many]
    endpoint: Endpoint | None = None
    preshared_key: WireGuardKey | None = None
    keepalive: Annotated[int, msgspec.Meta(ge=0, lt=1 << 16)] = 0

    def __post_init__(self) -> None:
        """Refuses what is no network or no endpoint."""
        words.check_networks(*self.allowed)
        if self.endpoint is not None:
            words.check_endpoint(self.endpoint)


class WireGuard(Table, frozen=True):
    """The table [wireguard]: a private network over others.

    Attributes:
        port: at which peers reach us; 0: the kernel chooses.
    """

    private_key: WireGuardKey
    addresses: Annotated[tuple[Prefixed, ...], _Few]
    peers: Annotated[tuple[Peer, ...], _Many] = ()
    port: Annotated[int, msgspec.Meta(ge=0, lt=1 << 16)] = 0

    def __post_init__(self) -> None:
        """Refuses what is no address, and peers that have most of the internet behind them."""
        words.check_interfaces(*self.addresses)
        words.check_breadth(*(network for peer in self.peers for network in peer.allowed))


class Cloud(Table, frozen=True):
    """The table [cloud]: where backups and invitations go.

    Attributes:
        fingerprint: of its certificate, 64 hex digits; empty: the system's roots vouch for it.
    """

    address: Endpoint
    fingerprint: Fingerprint = ""

    def __post_init__(self) -> None:
        """Refuses what cannot be dialled."""
        words.check_endpoint(self.address)


class Face(Table, frozen=True):
    """The table [gateway].

    Attributes:
        names: the host names of its certificate, instead of the image's.
        claim_code: what the first owner of a blank device must know.
        announce: whether it tells its name to its neighbours.
    """

    names: Annotated[tuple[HostName, ...], _Few] = ()
    claim_code: ClaimCode | None = None
    announce: bool | None = None


class Keeping(Table, frozen=True):
    """The table [fragment-store].

    Attributes:
        endpoint: at which peers reach it.
        offer_bytes: what the circle gets of the disk.
    """

    endpoint: Endpoint | None = None
    offer_bytes: _Bytes | None = None

    def __post_init__(self) -> None:
        """Refuses what cannot be dialled."""
        if self.endpoint is not None:
            words.check_endpoint(self.endpoint)


class Node(Table, frozen=True, rename={"fragment_store": "fragment-store"}):
    """The document.

    Attributes:
        node: whose it is; also its host name.
        serial: counts up with each document of this node.
        expires: from when on it is no longer taken.
        authorized_keys: who may log in by SSH, on images that have it.
    """

    node: NodeName
    serial: Serial
    expires: Annotated[datetime, msgspec.Meta(tz=True)]
    authorized_keys: Annotated[tuple[SshKey, ...], _Few] = ()
    time: Time = Time()
    wired: Wired | None = None
    wireguard: WireGuard | None = None
    cloud: Cloud | None = None
    gateway: Face = Face()
    fragment_store: Keeping = Keeping()


def parse(told: bytes) -> Node:
    """Reads a document. Raises RefusedError, CONFIGURATION_WRONG."""
    try:
        return msgspec.toml.decode(told, type=Node)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise RefusedError(Reason.CONFIGURATION_WRONG) from wrong
