"""Two owners and their circle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from piccolo_formats import tls
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.kek import Kek, owner_id
from piccolo_formats.keypairs import SigningKey, derived_p256
from piccolo_formats.records import backup as b
from piccolo_formats.records import device as d
from piccolo_formats.records import joining as j
from piccolo_formats.records import roster as r
from piccolo_formats.signed import Signed, sign
from piccolo_formats.tests.vectors.repeatable import TIME, fixed

KEK = bytes(range(32))


@dataclass(frozen=True)
class Owner:
    """An owner with all keys, made from a KEK."""

    kek: Kek
    label: str

    @cached_property
    def id(self) -> bytes:
        """The owner_id."""
        return owner_id(self.kek.owner_root().public)

    def role(self, name: str) -> SigningKey:
        """A role's signing key."""
        return SigningKey(fixed(f"{self.label} {name} signing"))

    def certificate(self, name: str) -> bytes:
        """A role's TLS certificate."""
        return tls.make_certificate(derived_p256(fixed(f"{self.label} {name} tls"), b"vectors"))

    def device(self) -> Signed[d.Device]:
        """The device certificate of generation 1."""
        record = d.Device(
            circle=CIRCLE,
            owner=self.id,
            root=self.kek.owner_root().public,
            admin=self.kek.admin().public,
            enrol=tls.make_certificate(self.kek.enrolment()),
            generation=1,
            name=f"{self.label}'s box",
            signing=d.SigningKeys(
                vault=self.role("vault").public,
                metadata=self.role("metadata").public,
                fragment_store=self.role("fragment-store").public,
                attestation=self.role("attestation").public,
            ),
            tls=d.TlsCertificates(
                fragment_store=self.certificate("fragment-store"),
                vault=self.certificate("vault"),
                attestation=self.certificate("attestation"),
            ),
            ak=None,
            created=TIME,
        )
        return sign(record, self.kek.owner_root())


CIRCLE = fixed("circle", 16)
ADA = Owner(Kek(KEK), "ada")
BEN = Owner(Kek(fixed("ben")), "ben")


def roster() -> Signed[r.Roster]:
    """The second roster of a circle of two."""
    members = tuple(
        r.Member(
            number=number,
            owner=owner.id,
            root=owner.kek.owner_root().public,
            admin=owner.kek.admin().public if number == 0 else None,
            enrol=tls.make_certificate(owner.kek.enrolment()),
            state=r.MemberState.ACTIVE,
            since=TIME,
            invited_by=ADA.id if number else None,
            recovered=0,
        )
        for number, owner in enumerate((ADA, BEN))
    )
    policy = r.Policy(attestation=r.AttestationPolicy.PREFERRED, at_risk=True)
    made = r.Roster(circle=CIRCLE, epoch=2, previous=fixed("roster 1"), policy=policy, members=members)
    return sign(made, ADA.kek.admin())


CODE = InvitationCode(fixed("code", 16))


def invitation() -> j.Invitation:
    """The invitation that the code belongs to."""
    return j.Invitation(
        circle=CIRCLE,
        roster=roster().record_hash(),
        invitation_id=CODE.invitation_id(),
        by=ADA.id,
        endpoint="[::1]:7443",
        fingerprint=tls.certificate_fingerprint(ADA.certificate("fragment-store")),
        expires=TIME + 86_400,
    )


def delegation() -> Signed[b.Delegation]:
    """The metadata role's right to append."""
    record = b.Delegation(
        locator=ADA.kek.locator().public,
        generation=1,
        key=ADA.role("metadata").public,
        backup=ADA.kek.backup().public,
    )
    return sign(record, ADA.kek.locator())
