"""Attestation through its Unix socket: identity, circle, invitations, proposals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import circle_pb2_grpc as wire
from piccolo.attestation.v1 import identity_pb2, identity_pb2_grpc, invitation_pb2
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError

from piccolo_vault.core.circle import Circle, Member, Standing
from piccolo_vault.core.inviters import subtrees
from piccolo_vault.ports.trust import CircleView, Identity, Opened, Proposal, RolePublic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import grpc

_JOIN_SECONDS = 3600.0
_STANDINGS = {
    pb.MEMBER_STATE_ACTIVE: Standing.ACTIVE,
    pb.MEMBER_STATE_LEAVING: Standing.LEAVING,
    pb.MEMBER_STATE_EXPELLED: Standing.EXPELLED,
    pb.MEMBER_STATE_COMPROMISED: Standing.COMPROMISED,
}
_VOICES = (pb.MEMBER_STATE_ACTIVE, pb.MEMBER_STATE_LEAVING)
_log = logging.getLogger(__name__)


class AttestationTrust:
    """`Trust` by attestation's services."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._identity: Any = identity_pb2_grpc.IdentityServiceStub(channel)
        self._circle: Any = wire.CircleServiceStub(channel)

    async def register(self, role: str, keys: RolePublic) -> bool:
        """Tells a role's keys; returns whether the certificate in force names exactly these."""
        told = identity_pb2.RoleKeys(role=role, signing=keys.signing, tls=keys.tls)
        return bool(
            (await self._identity.RegisterRole(identity_pb2.RegisterRoleRequest(keys=told))).certified
        )

    async def identity(self) -> Identity:
        """Returns what is known of this device."""
        known = await self._identity.GetIdentity(identity_pb2.GetIdentityRequest())
        return Identity(
            roles={role.role: RolePublic(role.signing, role.tls) for role in known.roles},
            missing=tuple(known.missing),
            device=known.device or None,
        )

    async def install(self, device: bytes, successors: Sequence[bytes] = ()) -> None:
        """Puts a device certificate in force."""
        request = identity_pb2.InstallCertificateRequest(device=device, successors=successors)
        await self._identity.InstallCertificate(request)

    async def circle(self) -> CircleView | None:
        """Returns the circle, None when this device is in none."""
        try:
            return view_of((await self._circle.GetCircle(pb.GetCircleRequest())).circle)
        except PiccoloError as failed:
            if failed.reason == "NO_CIRCLE":
                return None
            raise

    async def watch(self) -> AsyncIterator[CircleView | None]:
        """Yields the circle now and at every change, until the connection ends."""
        async for change in self._circle.WatchCircle(pb.WatchCircleRequest()):
            yield view_of(change.circle) if change.HasField("circle") else None

    async def found(self, roster: bytes) -> CircleView:
        """Starts a circle with this roster of epoch 1."""
        return view_of((await self._circle.Found(pb.FoundRequest(roster=roster))).circle)

    async def open_invitation(self, invitation: str) -> Opened:
        """Reads an invitation."""
        told = await self._circle.OpenInvitation(invitation_pb2.OpenInvitationRequest(invitation=invitation))
        return Opened(told.circle_id, told.roster_hash, told.invited_by_name)

    async def join(self, invitation: str, admin: bytes, enrol: bytes) -> CircleView:
        """Accepts an invitation; returns when the roster names this device."""
        request = pb.JoinRequest(invitation=invitation, admin=admin, enrol=enrol)
        # Admins sign when they unlock: how long that may take is for the caller's deadline to say.
        return view_of((await self._circle.Join(request, timeout=_JOIN_SECONDS)).circle)

    async def rejoin(self, bundle: bytes, device: bytes) -> CircleView:
        """Takes this device back into its circle after a restore."""
        request = pb.RejoinRequest(bundle=bundle, device=device)
        return view_of((await self._circle.Rejoin(request)).circle)

    async def proposals(self) -> list[Proposal]:
        """Returns the roster changes that wait for signatures."""
        listed = await self._circle.ListProposals(pb.ListProposalsRequest())
        return [_proposal(each) for each in listed.proposals]

    async def watch_proposals(self) -> AsyncIterator[None]:
        """Yields whenever the proposals changed, until the connection ends."""
        async for _ in self._circle.WatchProposals(pb.WatchProposalsRequest()):
            yield None

    async def approve(self, roster_hash: bytes, key: bytes, signature: bytes) -> int:
        """Adds an admin's signature; returns how many are still needed."""
        request = pb.ApproveRequest(roster_hash=roster_hash, key=key, signature=signature)
        return int((await self._circle.Approve(request)).wanted)


def view_of(circle: pb.Circle) -> CircleView:
    """Returns the circle in this service's own terms; members whose device cannot be read are left out."""
    others = (_member(member) for member in circle.members if not member.self)
    own = next((member for member in circle.members if member.self), None)
    return CircleView(
        circle=Circle(
            circle_id=circle.circle_id,
            epoch=circle.epoch,
            owner_id=circle.owner_id,
            at_risk_agreed=circle.at_risk,
            members=tuple(member for member in others if member is not None),
            unheard=circle.unheard,
            subtrees=subtrees(
                {member.owner_id: member.invited_by or None for member in circle.members},
                {member.owner_id for member in circle.members if member.admin},
            ),
        ),
        roster=circle.roster,
        devices={member.owner_id: member.device for member in circle.members if member.device},
        own_device=own.device if own and own.device else None,
        own_claim=own.claim if own and own.claim else None,
        voices=sum(1 for member in circle.members if not member.self and member.state in _VOICES),
        frozen=circle.frozen,
        successors=tuple(circle.successors),
        replaced={member.owner_id: tuple(member.replaced) for member in circle.members},
    )


def _member(member: pb.Member) -> Member | None:
    try:
        device = open_device(member.device, member.root or None).record
    except FormatError as unreadable:
        # Known by the roster, but its device has not told its keys yet: nobody to place a fragment with.
        _log.debug("a member without a device", extra=fields(member=member.name, why=unreadable.message))
        return None
    return Member(
        owner_id=member.owner_id,
        name=member.name,
        standing=_STANDINGS.get(member.state, Standing.EXPELLED),
        endpoints=tuple(member.endpoints),
        server_certificate=device.tls.fragment_store,
        receipt_key=device.signing.fragment_store,
        generation=device.generation,
        offer_bytes=member.offer_bytes,
    )


def _proposal(proposal: pb.Proposal) -> Proposal:
    return Proposal(
        roster_hash=proposal.roster_hash,
        roster=proposal.roster,
        change=proposal.change,
        acceptance=proposal.acceptance,
        invitation=proposal.invitation,
        needs_consent=proposal.needs_consent,
        wanted=proposal.wanted,
    )
