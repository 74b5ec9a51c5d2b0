"""The gateway's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from piccolo_chassis.serve import ServeConfig


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
class LimitsConfig:
    """The table [limits].

    Attributes:
        connections: open connections.
        uploads: files that are being stored at once.
        events: streams of events at once.
        patience: seconds that a further upload waits for its turn.
        idle: seconds without a byte after which a stream ends.
        answer: seconds that another service of this device has to answer, a restart of it included; what is
            known to take longer gets more.
        headers: seconds that a client has to send a request's head.
        keyed_answers: answers kept for Idempotency-Key.
        keyed_bytes: bytes of them.
    """

    connections: int = 512
    uploads: int = 32
    events: int = 32
    patience: float = 10.0
    idle: float = 60.0
    answer: float = 10.0
    headers: float = 30.0
    keyed_answers: int = 1000
    keyed_bytes: int = 8 << 20

    def __post_init__(self) -> None:
        """Refuses limits that let nobody in."""
        if min(self.connections, self.uploads, self.events, self.keyed_answers) < 1:
            raise ValueError("connections, uploads, events and keyed_answers must be 1 at least")


@dataclass(frozen=True, slots=True)
class Config:
    """Where the gateway listens, and what it serves.

    Attributes:
        state: this service's folder: its certificate, its instance's name.
        address: `host:port`; with port 0 the machine chooses, and the state folder's `port` tells.
        names: the host names that its own certificate is for.
        addresses: the IP addresses that it is for.
        tls: a certificate made elsewhere instead.
    """

    state: Path = Path("/var/lib/piccolo/gateway")
    address: str = "[::]:443"
    names: tuple[str, ...] = ("piccolo.local", "localhost")
    addresses: tuple[str, ...] = ("127.0.0.1", "::1")
    tls: TlsConfig | None = None
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
    def port(self) -> int:
        """At which port."""
        return int(self.address.rpartition(":")[2])
