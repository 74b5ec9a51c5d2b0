"""A circle for the keys' half: other owners and their devices, an attestation that knows them all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import grpc
from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import circle_pb2_grpc as wire
from piccolo.attestation.v1 import identity_pb2, identity_pb2_grpc, invitation_pb2
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.lineage import open_successor
from piccolo_formats.records.device import Device, Presence, SigningKeys, TlsCertificates
from piccolo_formats.records.joining import Acceptance, Invitation
from piccolo_formats.records.roster import AttestationPolicy, Member, MemberState, Policy, Roster
from piccolo_formats.signed import Signed, open_signed, sign
from piccolo_formats.tls import generate_key, make_certificate

from piccolo_vault.core.keys.owner import owner_of
from piccolo_vault.engine.keys.pulse import Pulse


@dataclass(eq=False)
class FakeOwner:
    """Another owner and its device, with the private keys of all its roles."""

    name: str
    circle: bytes
    kek: Kek = field(default_factory=lambda: Kek(os.urandom(32)))
    keys: dict[str, SigningKey] = field(
        default_factory=lambda: {
            role: SigningKey(os.urandom(32))
            for role in ("vault", "metadata", "fragment-store", "attestation")
        }
    )

    def __post_init__(self) -> None:
        self.tls = {role: generate_key() for role in ("vault", "fragment-store", "attestation")}
        self.owner = owner_of(self.kek, ask=())
        self.device = sign(self._device(), self.kek.owner_root())

    def _device(self) -> Device:
        return Device(
            circle=self.circle,
            owner=self.owner.owner,
            root=self.owner.root,
            admin=self.kek.admin().public,
            enrol=make_certificate(self.kek.enrolment()),
            generation=1,
            name=self.name,
            signing=SigningKeys(
                vault=self.keys["vault"].public,
                metadata=self.keys["metadata"].public,
                fragment_store=self.keys["fragment-store"].public,
                attestation=self.keys["attestation"].public,
            ),
            tls=TlsCertificates(
                vault=make_certificate(self.tls["vault"]),
                fragment_store=make_certificate(self.tls["fragment-store"]),
                attestation=make_certificate(self.tls["attestation"]),
            ),
            ak=None,
            created=1_700_000_000,
        )

    def presence(self, *endpoints: str) -> Signed[Presence]:
        """Where it is."""
        record = Presence(
            circle=self.circle,
            owner=self.owner.owner,
            generation=1,
            seq=1,
            name=self.name,
            endpoints=endpoints,
            offer=0,
        )
        return sign(record, self.keys["attestation"])


def member(number: int, device: Device, *, admin: bool, by: bytes | None = None) -> Member:
    """A device's owner as the roster lists it."""
    return Member(
        number=number,
        owner=device.owner,
        root=device.root,
        admin=device.admin if admin else None,
        enrol=device.enrol,
        state=MemberState.ACTIVE,
        since=1_700_000_000,
        invited_by=by,
        recovered=0,
    )


def following(head: Signed[Roster], *changed: Member) -> Roster:
    """The next roster with these members changed or added."""
    others = [m for m in head.record.members if m.owner not in {c.owner for c in changed}]
    return replace(
        head.record,
        epoch=head.record.epoch + 1,
        previous=head.record_hash(),
        members=tuple(sorted((*others, *changed), key=lambda each: each.number)),
    )


def invite(inviter: FakeOwner, roster: bytes, code: InvitationCode) -> bytes:
    """Signed("invitation")."""
    record = Invitation(
        circle=inviter.circle,
        roster=roster,
        invitation_id=code.invitation_id(),
        by=inviter.owner.owner,
        endpoint="host:1",
        fingerprint=bytes(32),
        expires=1_900_000_000,
    )
    return sign(record, inviter.keys["attestation"]).to_bytes()


def accept(joiner: FakeOwner, roster: bytes, code: InvitationCode) -> bytes:
    """The acceptance with its MAC."""
    record = Acceptance(
        invitation_id=code.invitation_id(),
        roster=roster,
        device=joiner.device.to_bytes(),
        presence=joiner.presence().to_bytes(),
    )
    return code.seal_acceptance(record)


def opened(device: bytes) -> Signed[Device]:
    """A device certificate, by whichever root."""
    return open_device(device, open_signed(Device, device).record.root)


def is_successor(record: bytes) -> bool:
    """Whether the record of a bundle is a successor."""
    try:
        open_successor(record)
    except FormatError:
        return False
    return True


# As in testing_keys: what a fake is not asked for stays UNIMPLEMENTED.
_Identity: Any = identity_pb2_grpc.IdentityServiceServicer
_Circle: Any = wire.CircleServiceServicer


class Keeper(Protocol):
    """A member, and where its fragment-store listens."""

    who: FakeOwner
    port: int


@dataclass(eq=False)
class FakeAttestation(_Identity, _Circle):  # type: ignore[misc]
    """A device's attestation with the members that it is told of."""

    keepers: Sequence[Keeper] = ()
    roles: dict[str, identity_pb2.RoleKeys] = field(default_factory=dict)
    device: bytes = b""
    seen_device: bytes = b""
    seen_claim: bytes = b""
    roster: bytes = b""
    waiting: list[pb.Proposal] = field(default_factory=list)
    approved: list[pb.ApproveRequest] = field(default_factory=list)
    inviter: FakeOwner | None = None
    closed: bool = False
    rejoined: int = 0
    brought: bytes = b""
    successors: list[bytes] = field(default_factory=list)
    changed: Pulse = field(default_factory=Pulse)

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the services to a server."""
        identity_pb2_grpc.add_IdentityServiceServicer_to_server(self, server)
        wire.add_CircleServiceServicer_to_server(self, server)

    def others_register(self) -> None:
        """The fragment-store and attestation itself tell their keys."""
        for role in ("fragment-store", "attestation"):
            self.roles[role] = identity_pb2.RoleKeys(
                role=role,
                signing=SigningKey(os.urandom(32)).public,
                tls=make_certificate(generate_key()),
            )

    def bundle(self) -> bytes:
        """What travels in the backup."""
        devices = [keeper.who.device.to_bytes() for keeper in self.keepers]
        presences = [k.who.presence(f"127.0.0.1:{k.port}").to_bytes() for k in self.keepers]
        return cbor.encode([self.roster, self.device, *devices, *presences])

    def circle(self) -> pb.Circle:
        """The circle as it is."""
        signed = open_signed(Roster, self.roster)
        own = opened(self.device).record
        return pb.Circle(
            circle_id=signed.record.circle,
            epoch=signed.record.epoch,
            roster_hash=signed.record_hash(),
            roster=self.roster,
            members=[self._member(each, own) for each in signed.record.members],
            at_risk=signed.record.policy.at_risk,
            owner_id=own.owner,
            successors=self.successors,
        )

    def name_new_keys(self) -> None:
        """What the admins do: the roster names this device's root, enrolment and admin key."""
        own, head = opened(self.device).record, open_signed(Roster, self.roster)
        old = head.record.member(own.owner)
        if old is not None and old.root != own.root:
            admin = own.admin if old.admin else None
            new = replace(old, root=own.root, enrol=own.enrol, admin=admin)
            # whose signatures are on it does not matter to the keys' half
            self.roster = sign(following(head, new), SigningKey(bytes(32))).to_bytes()
            self.changed.fire()

    def _member(self, each: Member, own: Device) -> pb.Member:
        if each.owner == own.owner:
            device = self.seen_device or self.device
            return pb.Member(
                owner_id=each.owner, number=each.number, state=pb.MEMBER_STATE_ACTIVE, device=device,
                claim=self.seen_claim, self=True, generation=opened(device).record.generation,
            )  # fmt: skip
        keeper = next((k for k in self.keepers if k.who.owner.owner == each.owner), None)
        return pb.Member(
            owner_id=each.owner,
            number=each.number,
            state=pb.MEMBER_STATE_ACTIVE,
            name=keeper.who.name if keeper else "",
            device=keeper.who.device.to_bytes() if keeper else b"",
            endpoints=[f"127.0.0.1:{keeper.port}"] if keeper else [],
        )

    async def RegisterRole(
        self, request: identity_pb2.RegisterRoleRequest, context: Any
    ) -> identity_pb2.RegisterRoleResponse:
        """Takes a role's keys."""
        self.roles[request.keys.role] = request.keys
        return identity_pb2.RegisterRoleResponse(
            certified=bool(self.device) and self._names_the_roles(self.device)
        )

    async def GetIdentity(self, request: Any, context: Any) -> identity_pb2.GetIdentityResponse:
        """What is known."""
        missing = {"vault", "metadata", "fragment-store", "attestation"} - self.roles.keys()
        return identity_pb2.GetIdentityResponse(
            roles=self.roles.values(), device=self.device, missing=sorted(missing)
        )

    async def InstallCertificate(self, request: identity_pb2.InstallCertificateRequest, context: Any) -> Any:
        """Takes a certificate of exactly these roles; in a circle only of a higher generation."""
        self.successors += [each for each in request.successors if each not in self.successors]
        signed = opened(request.device)
        if not self._names_the_roles(request.device):
            raise PiccoloError(Kind.PRECONDITION, "CERTIFICATE_MISMATCH", "It names other keys.")
        if self.roster and request.device != self.device:
            before = opened(self.device).record
            if signed.record.generation <= before.generation or signed.record.circle != before.circle:
                raise PiccoloError(Kind.CONFLICT, "CERTIFICATE_OLD", "There is a newer one.")
        if self.seen_device and opened(self.seen_device).record.generation > signed.record.generation:
            raise PiccoloError(Kind.CONFLICT, "RECORD_OLD", "The circle knows a newer device.")
        self.device = request.device
        self.changed.fire()
        return identity_pb2.InstallCertificateResponse()

    def _names_the_roles(self, device: bytes) -> bool:
        named = opened(device).record
        keys = {
            "vault": (named.signing.vault, named.tls.vault),
            "metadata": (named.signing.metadata, b""),
            "fragment-store": (named.signing.fragment_store, named.tls.fragment_store),
            "attestation": (named.signing.attestation, named.tls.attestation),
        }
        return keys == {role: (told.signing, told.tls) for role, told in self.roles.items()}

    async def Found(self, request: pb.FoundRequest, context: Any) -> pb.FoundResponse:
        """Starts a circle that this device's owner signed for."""
        signed, own = open_signed(Roster, request.roster), open_device(self.device).record
        signed.require(*signed.record.admins())
        if [m.owner for m in signed.record.members] != [own.owner] or own.circle != signed.record.circle:
            raise PiccoloError(Kind.DENIED, "ROSTER_WRONG", "It is not this device's.")
        self.roster = request.roster
        self.changed.fire()
        return pb.FoundResponse(circle=self.circle())

    async def GetCircle(self, request: Any, context: Any) -> pb.GetCircleResponse:
        """The circle."""
        if not self.roster:
            raise PiccoloError(Kind.NOT_FOUND, "NO_CIRCLE", "This device is in no circle.")
        return pb.GetCircleResponse(circle=self.circle())

    async def WatchCircle(self, request: Any, context: Any) -> AsyncIterator[pb.WatchCircleResponse]:
        """The circle, now and when it changes."""
        while True:
            change = asyncio.ensure_future(self.changed.wait())
            yield pb.WatchCircleResponse(circle=self.circle() if self.roster else None)
            await change

    async def OpenInvitation(self, request: invitation_pb2.OpenInvitationRequest, context: Any) -> Any:
        """Reads the one invitation that there is."""
        if self.inviter is None:
            raise PiccoloError(Kind.NOT_FOUND, "INVITATION_UNKNOWN", "Nobody answers to it.")
        return invitation_pb2.OpenInvitationResponse(
            circle_id=self.inviter.circle, invited_by_name=self.inviter.name
        )

    async def Join(self, request: pb.JoinRequest, context: Any) -> pb.JoinResponse:
        """Joins the inviter's circle."""
        own = open_device(self.device).record
        if self.closed:
            raise PiccoloError(Kind.PRECONDITION, "INVITATION_EXPIRED", "It has expired.")
        if self.inviter is None or (own.admin, own.enrol) != (request.admin, request.enrol):
            raise PiccoloError(Kind.DENIED, "JOIN_WRONG", "The certificate names other keys.")
        first = member(0, self.inviter.device.record, admin=True)
        self.found_with(self.inviter, first, member(1, own, admin=True, by=first.owner))
        return pb.JoinResponse(circle=self.circle())

    def found_with(self, admin: FakeOwner, *members: Member) -> None:
        """Puts a roster in force."""
        policy = Policy(attestation=AttestationPolicy.OFF, at_risk=False)
        roster = Roster(circle=admin.circle, epoch=1, previous=None, policy=policy, members=tuple(members))
        self.roster = sign(roster, admin.kek.admin()).to_bytes()
        self.changed.fire()

    async def Rejoin(self, request: pb.RejoinRequest, context: Any) -> pb.RejoinResponse:
        """Comes back into the circle of a bundle with a device of a higher generation."""
        records = cbor.decode(request.bundle)
        assert isinstance(records, list)
        roster, old, *others = records
        assert isinstance(roster, bytes)
        assert isinstance(old, bytes)
        self.successors = [each for each in others if isinstance(each, bytes) and is_successor(each)]
        new, before = opened(request.device).record, opened(old).record
        if new.generation <= before.generation or new.owner != before.owner:
            raise PiccoloError(Kind.CONFLICT, "CERTIFICATE_OLD", "There is a newer one.")
        if not self._names_the_roles(request.device):
            raise PiccoloError(Kind.PRECONDITION, "CERTIFICATE_MISMATCH", "It names other keys.")
        self.roster, self.device = roster, request.device
        self.rejoined += 1
        self.brought = request.bundle
        self.changed.fire()
        return pb.RejoinResponse(circle=self.circle())

    async def ListProposals(self, request: Any, context: Any) -> pb.ListProposalsResponse:
        """What waits."""
        return pb.ListProposalsResponse(proposals=self.waiting)

    async def WatchProposals(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """What waits, now and when it changes."""
        while True:
            change = asyncio.ensure_future(self.changed.wait())
            yield pb.WatchProposalsResponse(proposals=self.waiting)
            await change

    def propose(self, proposal: pb.Proposal) -> None:
        """Something waits."""
        self.waiting.append(proposal)
        self.changed.fire()

    async def Approve(self, request: pb.ApproveRequest, context: Any) -> pb.ApproveResponse:
        """Takes an admin's signature that is valid."""
        waiting = next(each for each in self.waiting if each.roster_hash == request.roster_hash)
        signed = open_signed(Roster, waiting.roster)
        signatures = {**dict(signed.signatures), request.key: request.signature}
        pairs: list[cbor.Value] = [[key, signatures[key]] for key in sorted(signatures)]
        whole = cbor.encode([signed.payload, pairs])
        open_signed(Roster, whole, required=[request.key])
        waiting.roster = whole
        waiting.wanted -= 1
        self.approved.append(request)
        self.changed.fire()
        return pb.ApproveResponse(wanted=waiting.wanted)
