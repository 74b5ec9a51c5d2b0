"""Owners with real keys, the circle that they make, and the statements that they sign."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from piccolo_formats import tls
from piccolo_formats.digests import digest
from piccolo_formats.kek import owner_id
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Head
from piccolo_formats.records.commit import Commit
from piccolo_formats.records.device import Device, SigningKeys, TlsCertificates
from piccolo_formats.records.generations import Claim
from piccolo_formats.records.keeping import Tombstone, Undelete
from piccolo_formats.signed import Signed, sign

from piccolo_fragment_store.core.circle import Admission, CallerKind, Circle, Owner, Standing

CIRCLE = bytes(range(16))


def new_key() -> SigningKey:
    """An Ed25519 key."""
    return SigningKey.generate(os.urandom)


@dataclass(frozen=True)
class TlsPair:
    """A P-256 key and its certificate."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=tls.generate_key)

    @cached_property
    def certificate(self) -> bytes:
        """The certificate, DER."""
        return tls.make_certificate(self.key)

    @cached_property
    def pem(self) -> tuple[bytes, bytes]:
        """Key and certificate, as gRPC takes them."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key, tls.to_pem(self.certificate)


@dataclass
class Person:
    """An owner with one device. `next_generation` makes the device that replaces it."""

    root: SigningKey = field(default_factory=new_key)
    admin: SigningKey = field(default_factory=new_key)
    enrol: TlsPair = field(default_factory=TlsPair)
    vault: SigningKey = field(default_factory=new_key)
    metadata: SigningKey = field(default_factory=new_key)
    vault_tls: TlsPair = field(default_factory=TlsPair)
    attestation_tls: TlsPair = field(default_factory=TlsPair)
    store_tls: TlsPair = field(default_factory=TlsPair)
    generation: int = 1
    seq: int = 0

    @property
    def id(self) -> bytes:
        """The owner's id."""
        return owner_id(self.root.public)

    @property
    def caller(self) -> bytes:
        """The certificate that its vault calls with."""
        return self.vault_tls.certificate

    def next_generation(self) -> Person:
        """The same owner on another device."""
        return Person(self.root, self.admin, self.enrol, generation=self.generation + 1)

    def device(self) -> Signed[Device]:
        """Signed("device")."""
        keys = SigningKeys(
            vault=self.vault.public,
            metadata=self.metadata.public,
            fragment_store=new_key().public,
            attestation=new_key().public,
        )
        certificates = TlsCertificates(
            fragment_store=self.store_tls.certificate,
            vault=self.vault_tls.certificate,
            attestation=self.attestation_tls.certificate,
        )
        record = Device(
            circle=CIRCLE,
            owner=self.id,
            root=self.root.public,
            admin=self.admin.public,
            enrol=self.enrol.certificate,
            generation=self.generation,
            name="a box",
            signing=keys,
            tls=certificates,
            ak=None,
            created=1,
        )
        return sign(record, self.root)

    def commit(self, generation: int, seq: int, filling: bytes = b"sealed") -> bytes:
        """Signed("commit")."""
        record = Commit(owner=self.id, generation=generation, seq=seq, sealed=filling)
        return sign(record, self.vault).to_bytes()

    def tombstone(
        self, fragments: Sequence[bytes], generation: int, seq: int, *, purge: bool = False
    ) -> bytes:
        """Signed("tombstone")."""
        return sign(self.tombstone_record(fragments, generation, seq, purge=purge), self.root).to_bytes()

    def tombstone_record(
        self, fragments: Sequence[bytes], generation: int, seq: int, *, purge: bool = False
    ) -> Tombstone:
        """The tombstone itself."""
        return Tombstone(
            owner=self.id,
            generation=generation,
            seq=seq,
            purge=purge,
            fragments=tuple(sorted(fragments)),
            time=1,
        )

    def undelete(self, fragments: Sequence[bytes], generation: int, seq: int) -> bytes:
        """Signed("undelete")."""
        return sign(self.undelete_record(fragments, generation, seq), self.root).to_bytes()

    def undelete_record(self, fragments: Sequence[bytes], generation: int, seq: int) -> Undelete:
        """The undelete itself."""
        ids = tuple(sorted(fragments))
        return Undelete(owner=self.id, generation=generation, seq=seq, fragments=ids, time=1)

    def claim(self, device: Signed[Device], *, circle: bytes = CIRCLE) -> bytes:
        """Signed("claim") of a device."""
        record = Claim(
            circle=circle,
            owner=self.id,
            generation=device.record.generation,
            device=device.record_hash(),
            time=1,
        )
        return sign(record, self.root).to_bytes()

    def head(self, generation: int, seq: int, filling: bytes = b"entry") -> Signed[Head]:
        """Signed("head") of a backup log."""
        record = Head(
            locator=self.admin.public, generation=generation, seq=seq, hash=digest("record", filling)
        )
        return sign(record, self.metadata)

    def admissions(self, standing: Standing = Standing.ACTIVE, *, replaced: bool = False) -> list[Admission]:
        """The certificates by which this owner is admitted; the device's alone where it was replaced."""
        device = [
            Admission(pair.certificate, CallerKind.MEMBER, self.id, role, self.generation, standing, replaced)
            for role, pair in {"vault": self.vault_tls, "attestation": self.attestation_tls}.items()
        ]
        enrol = Admission(self.enrol.certificate, CallerKind.ENROL, self.id, "", 0, standing)
        return device if replaced else [*device, enrol]


def circle_of(own: Person, *others: Person) -> Circle:
    """The circle as the keeper of `own` knows it, all members active."""
    people = (own, *others)
    return Circle(
        id=CIRCLE,
        self_owner=own.id,
        self_generation=own.generation,
        members=len(people),
        owners={each.id: Owner(each.root.public, each.generation, each.vault.public) for each in people},
        admissions={each.certificate: each for person in people for each in person.admissions()},
    )
