"""What the engine needs of the world, as Protocols; adapters/ implements them.

Rules:
* Failures are PiccoloErrors: UNAVAILABLE when the other side cannot be reached, else as it answered.
* When a method that saves returns, what it saved survives a power cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from piccolo_formats.invitations import InvitationCode

Clock: TypeAlias = Callable[[], int]
"""Seconds since 1970: they inform; what they decide is when an invitation of this device ends."""

Random: TypeAlias = Callable[[int], bytes]
"""That many unpredictable bytes."""

Jitter: TypeAlias = Callable[[], float]
"""A number from 0 to 1, so that devices do not all act at once."""


class Files(Protocol):
    """The state folder: small files, replaced whole."""

    def load(self, name: str) -> bytes | None:
        """The content; None when there is no such file. Raises PiccoloError DATA_LOSS, STATE_DAMAGED."""

    async def save(self, name: str, content: bytes) -> None:
        """Replaces the content, durably. Saves are done in the order asked for, each whole or not at all."""


class Memory(Protocol):
    """The device's memory (metadata), whose values travel in the owner's backup."""

    async def load(self) -> Mapping[str, bytes]:
        """All values that were stored."""

    async def store(self, put: Mapping[str, bytes], remove: Sequence[str]) -> None:
        """Stores and removes values; in one transaction unless they are larger than a message."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another member's device: where it may be reached, best first, and the DER certificate that it must
    show."""

    owner: bytes
    endpoints: tuple[str, ...]
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Gossiped:
    """A peer's answer: records that we lack, and the beginnings of hashes of records that it lacks."""

    records: list[bytes]
    want: list[bytes]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A proposed roster and what it follows from: all that another admin's device needs to judge it.

    Attributes:
        roster: Signed("roster"), by the attestation role key of the proposing device.
        acceptance: the joiner's, sealed as it came; empty for a removal.
        invitation: Signed("invitation"); empty for a removal.
    """

    roster: bytes
    acceptance: bytes = b""
    invitation: bytes = b""


@dataclass(frozen=True, slots=True)
class Signature:
    """An admin device's answer: whether its owner has signed, and Signed("roster") once the proposal is
    chosen."""

    ready: bool
    roster: bytes


@dataclass(frozen=True, slots=True)
class Vote:
    """An acceptor's answer to one step of Paxos; see core.agreement."""

    agreed: bool
    promised: int
    accepted_ballot: int
    accepted: Evidence | None


class Peers(Protocol):
    """Other members' attestation services, reached through their fragment-stores' ports."""

    async def gossip(self, peer: Peer, records: Sequence[bytes], have: Sequence[bytes]) -> Gossiped:
        """Brings records, tells which we have (the beginnings of their hashes), and hears what we lack."""

    async def sign(self, peer: Peer, evidence: Evidence, *, chosen: bool) -> Signature:
        """Asks for an admin's signature."""

    async def agree(self, peer: Peer, previous: bytes, ballot: int, roster_hash: bytes) -> Vote:
        """Asks for a promise (no roster_hash) or an acceptance."""


@dataclass(frozen=True, slots=True)
class Inviter:
    """The device that made an invitation: its address, and digest("tls-cert") of the certificate it must
    show."""

    endpoint: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Introduced:
    """What the inviter's device told: Signed("invitation") and records, not judged yet."""

    invitation: bytes
    records: list[bytes]


@dataclass(frozen=True, slots=True)
class Accepted:
    """How far an acceptance is: whether the roster names the joiner, and the records that it may know."""

    joined: bool
    records: list[bytes]


class Inviters(Protocol):
    """The inviter's device, reached with the identity that the invitation's code gives."""

    async def introduce(self, inviter: Inviter, code: InvitationCode) -> Introduced:
        """Asks which circle invites. Raises PiccoloError INVITATION_FOREIGN when another device answers."""

    async def accept(self, inviter: Inviter, code: InvitationCode, acceptance: bytes) -> Accepted:
        """Brings the acceptance and waits a while for the roster to move."""


class Mailbox(Protocol):
    """The cloud's mailbox, for invitations by code alone."""

    async def drop(self, address: bytes, message: bytes) -> None:
        """Leaves a sealed message."""

    async def collect(self, address: bytes) -> list[bytes]:
        """The messages of a box, anybody's."""
