"""What the keys ask of attestation: this device's identity, the circle, invitations, proposals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from piccolo_vault.core.circle import Circle


@dataclass(frozen=True, slots=True)
class RolePublic:
    """One process's public keys: Ed25519 (empty when it does not sign), DER certificate (empty: no TLS)."""

    signing: bytes
    tls: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """What attestation knows of this device: roles registered, roles missing, the certificate in force."""

    roles: Mapping[str, RolePublic]
    missing: tuple[str, ...]
    device: bytes | None


@dataclass(frozen=True, slots=True)
class CircleView:
    """The circle as attestation holds it.

    `devices` maps every owner_id to its Signed device certificate, this device's owner included;
    `own_device` and `own_claim` are the newest that the circle knows of this device's owner (None: none).
    `voices` counts the other members whose promises make a majority, those whose device is not known
    included. `frozen` is an alarm in words. `successors` are the Signed successors that the circle believes,
    `replaced` maps owner_ids to their former certificates.
    """

    circle: Circle
    roster: bytes
    devices: Mapping[bytes, bytes]
    own_device: bytes | None
    own_claim: bytes | None
    voices: int
    frozen: str
    successors: tuple[bytes, ...] = ()
    replaced: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """What an invitation says."""

    circle_id: bytes
    roster_hash: bytes
    invited_by_name: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A roster that waits for signatures; `acceptance` and `invitation` are empty for a removal."""

    roster_hash: bytes
    roster: bytes
    change: str
    acceptance: bytes
    invitation: bytes
    needs_consent: bool
    wanted: int


class Trust(Protocol):
    """Attestation, as the keys use it. Every method may raise PiccoloError UNAVAILABLE."""

    async def register(self, role: str, keys: RolePublic) -> bool:
        """Tells a role's keys; returns whether the certificate in force names exactly these."""

    async def identity(self) -> Identity:
        """Returns what is known of this device."""

    async def install(self, device: bytes, successors: Sequence[bytes] = ()) -> None:
        """Puts a device certificate in force; `successors` lead to its root, where that is a new one."""

    async def circle(self) -> CircleView | None:
        """Returns the circle, None when this device is in none."""

    def watch(self) -> AsyncIterator[CircleView | None]:
        """Yields the circle now and at every change, until the connection ends."""

    async def found(self, roster: bytes) -> CircleView:
        """Starts a circle with this roster of epoch 1."""

    async def open_invitation(self, invitation: str) -> Opened:
        """Reads an invitation."""

    async def join(self, invitation: str, admin: bytes, enrol: bytes) -> CircleView:
        """Accepts an invitation; returns when the roster names this device."""

    async def rejoin(self, bundle: bytes, device: bytes) -> CircleView:
        """Takes this device back into its circle after a restore."""

    async def proposals(self) -> list[Proposal]:
        """Returns the roster changes that wait for signatures."""

    def watch_proposals(self) -> AsyncIterator[None]:
        """Yields whenever the proposals changed, until the connection ends."""

    async def approve(self, roster_hash: bytes, key: bytes, signature: bytes) -> int:
        """Adds an admin's signature; returns how many are still needed."""
