"""The circle as far as a keeper must know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from piccolo_formats.records.device import Device


class Standing(StrEnum):
    """What the roster says a member may do."""

    UNKNOWN = "unknown"
    ACTIVE = "active"
    LEAVING = "leaving"
    EXPELLED = "expelled"
    COMPROMISED = "compromised"


class CallerKind(StrEnum):
    """How a certificate came to be admitted."""

    UNKNOWN = "unknown"
    MEMBER = "member"
    ENROL = "enrol"
    INVITED = "invited"


@dataclass(frozen=True, slots=True)
class Admission:
    """One certificate that may call the peers' port.

    Attributes:
        certificate: DER, compared whole.
        kind: how it came to be admitted.
        owner: the owner it acts for; empty for a joiner.
        role: the role of a member's certificate, "vault" or "attestation".
        generation: its device's generation.
        standing: what its member may do.
        replaced: whether a newer device of its owner took over from its own.
    """

    certificate: bytes
    kind: CallerKind
    owner: bytes = b""
    role: str = ""
    generation: int = 0
    standing: Standing = Standing.UNKNOWN
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Owner:
    """A member of the circle.

    Attributes:
        root: the public key of its owner root in force.
        generation: its device's generation.
        vault_key: the public key that signs its commit records; empty when unknown.
        standing: what the roster says it may do.
        continues: the generation whose very device goes on in this one under new words; 0: none.
        claim: Signed("claim") by which its device took over; empty when none was heard.
    """

    root: bytes
    generation: int
    vault_key: bytes = b""
    standing: Standing = Standing.ACTIVE
    continues: int = 0
    claim: bytes = b""


@dataclass(frozen=True, slots=True)
class Circle:
    """The circle; without an id when this device is in none yet.

    Attributes:
        id: the circle's id.
        self_owner: this device's owner.
        self_generation: this device's generation.
        members: how many members share the work, this one included.
        owners: every owner that the roster names.
        admissions: who may call, by certificate.
        over: owners that went, and whose time to be served is over.
    """

    id: bytes = b""
    self_owner: bytes = b""
    self_generation: int = 0
    members: int = 0
    owners: Mapping[bytes, Owner] = field(default_factory=dict)
    admissions: Mapping[bytes, Admission] = field(default_factory=dict)
    over: frozenset[bytes] = frozenset()

    def admits(self, device: Device) -> bool:
        """Whether the circle knows this device, in force or replaced: only then it hears of what follows."""
        admission = self.admissions.get(device.tls.attestation)
        return admission is not None and admission.generation == device.generation

    def vaults(self) -> dict[bytes, list[bytes]]:
        """The certificates of each owner's vaults, in force or replaced: one a device."""
        found: dict[bytes, list[bytes]] = {}
        for each in self.admissions.values():
            if (each.kind, each.role) == (CallerKind.MEMBER, "vault"):
                found.setdefault(each.owner, []).append(each.certificate)
        return found

    def standing(self, owner: bytes) -> Standing:
        """An owner's standing; UNKNOWN for one that the roster does not name."""
        known = self.owners.get(owner)
        return known.standing if known else Standing.UNKNOWN
