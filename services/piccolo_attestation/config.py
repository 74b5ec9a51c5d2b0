"""The settings of the attestation service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo_chassis.serve import ServeConfig
from piccolo_chassis.state import Format

from piccolo_attestation.core.endpoints import is_dialable

STATE: Final = Format("attestation", written=1, oldest=1, newest=1)


@dataclass(frozen=True, slots=True)
class PaceConfig:
    """How often, in seconds. The defaults suit a home line; tests are quicker.

    Attributes:
        gossip: between exchanges with a random member while nothing changes.
        fanout: to how many members a change is told.
        answer: what a call to a peer may take, a vault's or a person's hesitation included.
        retry: before a roster change that waits for other admins is brought up again.
        patience: before this device leads a roster change that another admin's left lying.
    """

    gossip: float = 60.0
    fanout: int = 3
    answer: float = 20.0
    retry: float = 5.0
    patience: float = 30.0

    def __post_init__(self) -> None:
        """Raises ValueError for a pace that would be a busy loop, or none at all."""
        if min(self.gossip, self.answer, self.retry, self.patience) < 0.05 or self.fanout < 1:
            raise ValueError(
                "times must be at least 0.05 seconds, and a change is told to at least one member"
            )


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """Where the mailbox for invitations by code is.

    Attributes:
        address: `host:port` or `[IPv6 address]:port`.
        roots: PEM file of the certificates that vouch for the cloud; absent: those of the system.
        fingerprint: of the cloud's own certificate, 64 hex digits; then nothing else vouches for it.
    """

    address: str
    roots: Path | None = None
    fingerprint: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for what is no address, or no fingerprint."""
        if not is_dialable(self.address):
            raise ValueError(f"the cloud's address must be host:port, not {self.address!r}")
        if self.fingerprint and len(bytes.fromhex(self.fingerprint)) != 32:
            raise ValueError("a fingerprint has 64 hex digits")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.

    Attributes:
        state: the folder that holds keys and the circle; it is made when it is not there.
        metadata: the socket of the metadata service; without one nothing of the circle gets into the backup.
        cloud: without one, invitations work by link only.
    """

    state: Path
    serve: ServeConfig = ServeConfig()
    metadata: Path | None = None
    cloud: CloudConfig | None = None
    pace: PaceConfig = PaceConfig()
