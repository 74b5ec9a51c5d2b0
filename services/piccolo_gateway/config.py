"""The gateway's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from piccolo_chassis.serve import ServeConfig
from piccolo_chassis.state import Format

STATE: Final = Format("gateway", written=1, oldest=1, newest=1)


@dataclass(frozen=True, slots=True)
class SocketsConfig:
    """The table [sockets]: where the device's services listen."""

    vault: Path = Path("/run/piccolo/vault/s.sock")
    metadata: Path = Path("/run/piccolo/metadata/s.sock")
    attestation: Path = Path("/run/piccolo/attestation/s.sock")
    fragment_store: Path = Path("/run/piccolo/fragment-store/s.sock")


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """The table [tls]: a certificate that somebody else made and renews.

    Attributes:
        key: its private key, PEM.
        certificate: the chain, PEM, the device's own first.
    """

    key: Path
    certificate: Path


@dataclass(frozen=True, slots=True)
class SessionsConfig:
    """The table [sessions]; times are in seconds.

    Attributes:
        idle: a session that is not used for so long ends.
        absolute: the longest a session lasts.
        most: how many there may be at once.
    """

    idle: float = 2 * 3600.0
    absolute: float = 7 * 86400.0
    most: int = 64


@dataclass(frozen=True, slots=True)
class HomeConfig:
    """The table [home]: what this device is in the network of its home.

    Attributes:
        announce: whether it tells its name and address there, by multicast DNS.
        addresses: at which addresses; none are those of the machine that the listener is reached at.
    """

    announce: bool = True
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what is no address."""
        for address in self.addresses:
            ip_address(address)


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """The table [limits].

    Attributes:
        connections: open connections; when one more comes, an idle one goes.
        handshakes: connections that are being opened, for 10 seconds at most; when one more comes, one goes.
        uploads: files that are being stored at once.
        archives: archives that are being sent at once, and as many again by links; each may need 20 MiB.
        shares: downloads by links at once; a quarter of the connections at most.
        shares_each: of them by one link.
        events: streams of events at once.
        patience: seconds that a further upload waits for its turn.
        idle: seconds without a byte after which a stream ends.
        unread: seconds after which an answer ends that its client does not read; a paused film needs some.
        answer: seconds that another service of this device has to answer, a restart of it included; what is
            known to take longer gets more.
        headers: seconds that a client has to send a request's head.
        keyed_answers: answers kept for Idempotency-Key.
        keyed_bytes: bytes of them.
    """

    connections: int = 512
    handshakes: int = 128
    uploads: int = 32
    archives: int = 4
    shares: int = 16
    shares_each: int = 6
    events: int = 32
    patience: float = 10.0
    idle: float = 60.0
    unread: float = 900.0
    answer: float = 10.0
    headers: float = 30.0
    keyed_answers: int = 1000
    keyed_bytes: int = 8 << 20

    def __post_init__(self) -> None:
        """Refuses limits that let nobody in."""
        places = (self.connections, self.handshakes, self.uploads, self.archives, self.events)
        if min(*places, self.shares, self.shares_each, self.keyed_answers) < 1:
            raise ValueError(
                "connections, handshakes, uploads, archives, shares, shares_each, events and keyed_answers"
                " must be 1 at least"
            )


@dataclass(frozen=True, slots=True)
class Config:
    """Where the gateway listens, and what it serves.

    Attributes:
        state: this service's folder: its certificate, its instance's name.
        address: `host:port`; `[::]` is every address, of IPv4 too; with port 0 the machine chooses, and the
            state folder's `port` tells.
        names: the host names that its own certificate is for.
        addresses: the IP addresses that it is for.
        tls: a certificate made elsewhere instead.
        home: how it makes itself known in the home's network.
        ui: the folder of the built web UI.
        claim_code: the file with the one-time code that setting up a blank device needs; without it, whoever
            comes first from the local network may.
        boot: where the initrd tells how this boot came by its data; there may be nothing.
        power: the socket of root's part of ending the device; None: it is no device, but programs.
        provision: where provision tells what became of the device's configuration; there may be none.
    """

    state: Path = Path("/var/lib/piccolo/gateway")
    address: str = "[::]:443"
    names: tuple[str, ...] = ("piccolo.local", "localhost")
    addresses: tuple[str, ...] = ("127.0.0.1", "::1")
    tls: TlsConfig | None = None
    home: HomeConfig = field(default_factory=HomeConfig)
    ui: Path = Path(__file__).parent / "ui" / "dist"
    claim_code: Path | None = None
    boot: Path = Path("/run/piccolo/boot")
    power: Path | None = None
    provision: Path = Path("/run/piccolo/provision/status.json")
    sockets: SocketsConfig = field(default_factory=SocketsConfig)
    sessions: SessionsConfig = field(default_factory=SessionsConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    serve: ServeConfig = ServeConfig()

    def __post_init__(self) -> None:
        """Refuses what cannot be listened on or certified."""
        host, colon, port = self.address.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535 or not host:
            raise ValueError(f"address must be host:port, not {self.address!r}")
        if odd := [name for name in self.names if not name or not name.isascii() or len(name) > 253]:
            raise ValueError(
                f"names must be host names, internationalised ones in their xn-- form: {odd[0]!r}"
            )
        for address in self.addresses:
            ip_address(address)

    @property
    def host(self) -> str:
        """Where to listen."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def reached_at(self) -> tuple[str, ...] | None:
        """The addresses at which neighbours reach the listener; None is all that the machine has."""
        if self.home.addresses:
            return self.home.addresses
        try:
            bound = ip_address(self.host)
        except ValueError:
            return ()
        if bound.is_unspecified:
            return None
        return () if bound.is_loopback else (self.host,)

    @property
    def port(self) -> int:
        """At which port."""
        return int(self.address.rpartition(":")[2])
