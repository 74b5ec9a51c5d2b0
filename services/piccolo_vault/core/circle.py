"""The circle as the way of a file sees it: who keeps fragments, where and how they are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Standing(Enum):
    """What a member may do; storage-rules' removal states."""

    ACTIVE = "active"
    LEAVING = "leaving"
    EXPELLED = "expelled"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class Member:
    """One other owner's device.

    `owner_id` is 32 bytes; `endpoints` are "host:port", best first; `server_certificate` is the DER that its
    fragment-store must show; `receipt_key` is the Ed25519 public key that signs its receipts.
    """

    owner_id: bytes
    name: str
    standing: Standing
    endpoints: tuple[str, ...]
    server_certificate: bytes
    receipt_key: bytes
    generation: int
    offer_bytes: int


@dataclass(frozen=True, slots=True)
class Circle:
    """The circle without this device's own owner.

    `at_risk_agreed`: two members agreed to keep what one loss destroys. `unheard`: members that must be
    heard after a restore before anything is placed, because the roster at hand may be an old one; 0: place.
    `subtrees` are sets of owner_ids that came in through one who is no admin (core/inviters.py).
    """

    circle_id: bytes
    epoch: int
    owner_id: bytes
    at_risk_agreed: bool
    members: tuple[Member, ...] = field(default=())
    unheard: int = 0
    subtrees: tuple[frozenset[bytes], ...] = ()
    _by_id: dict[bytes, Member] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Files the members under their ids."""
        object.__setattr__(self, "_by_id", {member.owner_id: member for member in self.members})

    def member(self, owner_id: bytes) -> Member | None:
        """Returns the member with that owner_id, None when the circle has none."""
        return self._by_id.get(owner_id)
