"""Owners, devices and circles for tests, signed for real; and fakes of what lies outside of the process.

Rules: everything follows from a seed, so that a failing example can be run again; no key is made twice. The
fakes pass the same contract as the real adapters (tests/test_contracts.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.kek import Kek, owner_id
from piccolo_formats.keypairs import SigningKey, derived_p256
from piccolo_formats.records.device import Device, Presence, SigningKeys, TlsCertificates
from piccolo_formats.records.generations import Claim
from piccolo_formats.records.joining import Acceptance
from piccolo_formats.records.roster import AttestationPolicy, Member, MemberState, Policy, Roster
from piccolo_formats.signed import Signed, sign
from piccolo_formats.tls import make_certificate

from piccolo_attestation.core.joining import Joiner
from piccolo_attestation.core.proposals import admit
from piccolo_attestation.core.trusted_circle import TrustedCircle

CIRCLE = bytes(range(16))
NOW = 1_800_000_000


@cache
def signing_key(name: str) -> SigningKey:
    """An Ed25519 key of that name."""
    return SigningKey(digest("test-key", name.encode()))


@cache
def tls_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 key of that name."""
    return derived_p256(digest("test-key", name.encode()), b"tls")


@cache
def certificate(name: str) -> bytes:
    """The certificate of that key, DER."""
    return make_certificate(tls_key(name))


@dataclass(frozen=True)
class Owner:
    """A person with words and a device for each generation."""

    name: str
    kek: Kek = field(compare=False)

    @classmethod
    def named(cls, name: str) -> Owner:
        """The owner of that name: always the same keys."""
        return cls(name, Kek(digest("test-key", b"kek", name.encode())))

    @property
    def id(self) -> bytes:
        """The owner_id."""
        return owner_id(self.kek.owner_root().public)

    @property
    def enrol(self) -> bytes:
        """The enrolment certificate, DER."""
        return make_certificate(self.kek.enrolment())

    def key(self, role: str, generation: int = 1) -> SigningKey:
        """The signing key of a role of the device of that generation."""
        return signing_key(f"{self.name}/{generation}/{role}")

    def device_record(self, generation: int = 1, *, circle: bytes = CIRCLE) -> Device:
        """What the device certificate of that generation says."""
        keys = {
            role: self.key(role, generation).public for role in ("vault", "metadata", "store", "attestation")
        }
        certs = {
            role: certificate(f"{self.name}/{generation}/{role}")
            for role in ("vault", "store", "attestation")
        }
        return Device(
            circle=circle,
            owner=self.id,
            root=self.kek.owner_root().public,
            admin=self.kek.admin().public,
            enrol=self.enrol,
            generation=generation,
            name=self.name,
            signing=SigningKeys(
                vault=keys["vault"],
                metadata=keys["metadata"],
                fragment_store=keys["store"],
                attestation=keys["attestation"],
            ),
            tls=TlsCertificates(
                fragment_store=certs["store"], vault=certs["vault"], attestation=certs["attestation"]
            ),
            ak=None,
            created=NOW,
        )

    def device(self, generation: int = 1, *, circle: bytes = CIRCLE, created: int = NOW) -> Signed[Device]:
        """The device certificate of that generation."""
        record = replace(self.device_record(generation, circle=circle), created=created)
        return sign(record, self.kek.owner_root())

    def presence(self, seq: int = 1, generation: int = 1, *, circle: bytes = CIRCLE) -> Signed[Presence]:
        """The device's presence of that seq."""
        record = Presence(
            circle=circle,
            owner=self.id,
            generation=generation,
            seq=seq,
            name=self.name,
            endpoints=(f"{self.name}.example:{7000 + seq}",),
            offer=1000 + seq,
        )
        return sign(record, self.key("attestation", generation))

    def claim(self, generation: int) -> Signed[Claim]:
        """The claim of the device of that generation."""
        device = self.device(generation).record_hash()
        record = Claim(circle=CIRCLE, owner=self.id, generation=generation, device=device, time=NOW)
        return sign(record, self.kek.owner_root())

    def acceptance(self, code: InvitationCode, roster_hash: bytes, *, circle: bytes = CIRCLE) -> Acceptance:
        """This owner's answer to an invitation."""
        return Acceptance(
            invitation_id=code.invitation_id(),
            roster=roster_hash,
            device=self.device(circle=circle).to_bytes(),
            presence=self.presence(circle=circle).to_bytes(),
        )

    def joiner(self, roster_hash: bytes) -> Joiner:
        """This owner as one whose acceptance was verified."""
        return Joiner(bytes(16), roster_hash, self.device(), self.presence())


def first_roster(founder: Owner, *, circle: bytes = CIRCLE, at_risk: bool = False) -> Signed[Roster]:
    """The roster by which an owner founds a circle."""
    member = Member(
        number=0,
        owner=founder.id,
        root=founder.kek.owner_root().public,
        admin=founder.kek.admin().public,
        enrol=founder.enrol,
        state=MemberState.ACTIVE,
        since=NOW,
        invited_by=None,
        recovered=0,
    )
    policy = Policy(attestation=AttestationPolicy.OFF, at_risk=at_risk)
    roster = Roster(circle=circle, epoch=1, previous=None, policy=policy, members=(member,))
    return sign(roster, founder.kek.admin())


def signed_by(roster: Roster, *admins: Owner) -> Signed[Roster]:
    """The roster with these owners' admin signatures."""
    return sign(roster, *(admin.kek.admin() for admin in admins))


def grown(*owners: Owner) -> TrustedCircle:
    """A circle that the first owner founded, and that the others joined one after the other."""
    circle = TrustedCircle(first_roster(owners[0]).to_bytes())
    circle.merge([owners[0].device().to_bytes(), owners[0].presence().to_bytes()])
    for number, owner in enumerate(owners[1:], 1):
        roster = admit(circle, owner.joiner(circle.head.record_hash()), owners[0].id, NOW + number)
        circle.merge(
            [
                signed_by(roster, *owners[: min(number, 3)]).to_bytes(),
                owner.device().to_bytes(),
                owner.presence().to_bytes(),
            ]
        )
    return circle


class FakeFiles:
    """Implements ports.Files in memory. `full` makes every save fail, `broken` those of one file."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.full = False
        self.broken = ""

    def load(self, name: str) -> bytes | None:
        """The content of a file."""
        return self.content.get(name)

    async def save(self, name: str, content: bytes) -> None:
        """Replaces a file, after others have had a turn."""
        await asyncio.sleep(0)
        if self.full or name == self.broken:
            raise PiccoloError(Kind.FULL, "DISK_FULL", "The disk is full.")
        self.content[name] = content


class FakeMemory:
    """Implements ports.Memory. While `away` it cannot be reached."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.away = False
        self.stored = asyncio.Event()

    async def load(self) -> Mapping[str, bytes]:
        """All values."""
        self._reach()
        return dict(self.values)

    async def store(self, put: Mapping[str, bytes], remove: Sequence[str]) -> None:
        """Stores and removes."""
        self._reach()
        self.values |= put
        for key in remove:
            del self.values[key]
        self.stored.set()

    def _reach(self) -> None:
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "The memory is away.")


class FakeMailbox:
    """Implements ports.Mailbox."""

    def __init__(self) -> None:
        self.boxes: dict[bytes, list[bytes]] = {}
        self.away = False

    async def drop(self, address: bytes, message: bytes) -> None:
        """Leaves a message."""
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "The cloud is away.")
        self.boxes.setdefault(address, []).append(message)

    async def collect(self, address: bytes) -> list[bytes]:
        """The messages of a box."""
        return self.boxes.get(address, [])
