"""Devices as processes: attestation behind the real fragment-store's port, and a vault played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import circle_pb2_grpc as wire
from piccolo.attestation.v1 import identity_pb2, identity_pb2_grpc, invitation_pb2
from piccolo_chassis.calls import Channel
from piccolo_chassis.testing import Service, running
from piccolo_formats.records.device import Device, SigningKeys, TlsCertificates
from piccolo_formats.records.roster import Roster
from piccolo_formats.signed import open_signed, sign
from piccolo_formats.tls import make_certificate

from piccolo_attestation.adapters.dialling import Dialler
from piccolo_attestation.testing import CIRCLE, NOW, Owner, first_roster, tls_key

PACE = {"gossip": 2.0, "answer": 8.0, "retry": 0.3, "patience": 2.0}


@dataclass
class Box:
    """One device. Its folder outlives its processes."""

    owner: Owner
    folder: Path
    generation: int = 1
    settings: dict[str, object] = field(default_factory=dict)
    attestation: Service = field(init=False)
    channel: Channel = field(init=False)

    @property
    def identity(self) -> identity_pb2_grpc.IdentityServiceStub:
        """IdentityService."""
        return identity_pb2_grpc.IdentityServiceStub(self.channel)

    @property
    def circle(self) -> wire.CircleServiceStub:
        """CircleService."""
        return wire.CircleServiceStub(self.channel)

    def dialler(self, role: str = "vault") -> Dialler:
        """A role of this device that the test plays, as a dialler."""
        key = tls_key(self._name(role))
        return Dialler.of(key, make_certificate(key))

    def _name(self, role: str) -> str:
        return f"{self.owner.name}/{self.folder.name}/{self.generation}/{role}"

    async def begin(self) -> None:
        """Registers the roles that the test plays, and waits for the fragment-store's."""
        for role in ("vault", "metadata"):
            tls = make_certificate(tls_key(self._name(role))) if role == "vault" else b""
            keys = identity_pb2.RoleKeys(
                role=role, signing=self.owner.key(role, self.generation).public, tls=tls
            )
            await self.identity.RegisterRole(identity_pb2.RegisterRoleRequest(keys=keys))
        async with asyncio.timeout(20):
            # what a process has registered can be asked for, not watched
            while (await self.identity.GetIdentity(identity_pb2.GetIdentityRequest())).missing:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def certified(self, circle: bytes = CIRCLE) -> bytes:
        """The certificate that a vault would make."""
        identity = await self.identity.GetIdentity(identity_pb2.GetIdentityRequest())
        roles = {each.role: each for each in identity.roles}
        owner = self.owner
        record = Device(
            circle=circle,
            owner=owner.id,
            root=owner.kek.owner_root().public,
            admin=owner.kek.admin().public,
            enrol=owner.enrol,
            generation=self.generation,
            name=owner.name,
            signing=SigningKeys(
                vault=roles["vault"].signing,
                metadata=roles["metadata"].signing,
                fragment_store=roles["fragment-store"].signing,
                attestation=roles["attestation"].signing,
            ),
            tls=TlsCertificates(
                fragment_store=roles["fragment-store"].tls,
                vault=roles["vault"].tls,
                attestation=roles["attestation"].tls,
            ),
            ak=None,
            created=NOW,
        )
        return sign(record, owner.kek.owner_root()).to_bytes()

    async def install(self, circle: bytes = CIRCLE) -> None:
        """Certifies this device."""
        device = await self.certified(circle)
        await self.identity.InstallCertificate(identity_pb2.InstallCertificateRequest(device=device))

    async def found(self) -> pb.Circle:
        """Founds the circle."""
        await self.install()
        roster = first_roster(self.owner).to_bytes()
        return (await self.circle.Found(pb.FoundRequest(roster=roster))).circle

    async def join(self, invitation: str) -> pb.Circle:
        """Joins by a link or a code."""
        opened = await self.circle.OpenInvitation(invitation_pb2.OpenInvitationRequest(invitation=invitation))
        await self.install(opened.circle_id)
        request = pb.JoinRequest(
            invitation=invitation, admin=self.owner.kek.admin().public, enrol=self.owner.enrol
        )
        return (await self.circle.Join(request, timeout=60)).circle

    async def invite(self) -> invitation_pb2.InviteResponse:
        """Invites somebody."""
        return await self.circle.Invite(invitation_pb2.InviteRequest())

    async def now(self) -> pb.Circle:
        """The circle as this device knows it."""
        return (await self.circle.GetCircle(pb.GetCircleRequest())).circle

    async def until(
        self, members: set[str], holds: Callable[[pb.Circle], bool] = lambda circle: not circle.unheard
    ) -> pb.Circle:
        """The circle, once it has these members, all with an address, and something holds of it."""
        async with asyncio.timeout(40):
            async for told in self.circle.WatchCircle(pb.WatchCircleRequest()):
                names = {member.name for member in told.circle.members if member.endpoints}
                if names == members and holds(told.circle):
                    return told.circle
        raise AssertionError("the stream ended")

    async def sign_all(self) -> None:
        """The vault's work: signs every admission that is listed, until cancelled."""
        async for told in self.circle.WatchProposals(pb.WatchProposalsRequest()):
            for proposal in told.proposals:
                roster = open_signed(Roster, proposal.roster)
                if not proposal.needs_consent and self.owner.kek.admin().public not in roster.signers:
                    await self.approve(proposal)

    async def approve(self, proposal: pb.Proposal) -> int:
        """Signs one proposal."""
        key = self.owner.kek.admin()
        record = open_signed(Roster, proposal.roster).record
        signature = dict(sign(record, key).signatures)[key.public]
        request = pb.ApproveRequest(roster_hash=proposal.roster_hash, key=key.public, signature=signature)
        return (await self.circle.Approve(request)).wanted

    def raw_logs(self) -> str:
        """All that the processes logged."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*/log"))


@asynccontextmanager
async def running_box(box: Box, *, vault: bool = True) -> AsyncIterator[Box]:
    """A device's processes, and the vault's work unless it is locked."""
    async with AsyncExitStack() as stack:
        settings = {"state": str(box.folder / "attestation-state"), "pace": PACE, **box.settings}
        box.attestation = await stack.enter_async_context(running("attestation", settings, box.folder / "a"))
        store = {
            "state": str(box.folder / "store-state"),
            "attestation": str(box.attestation.socket),
            "address": "127.0.0.1:0",
            "offer_bytes": 10**6,
        }
        await stack.enter_async_context(running("fragment-store", store, box.folder / "f"))
        box.channel = await stack.enter_async_context(box.attestation.connect())
        await box.begin()
        task = asyncio.create_task(box.sign_all()) if vault else None
        try:
            yield box
        finally:
            if task:
                task.cancel()
                await asyncio.wait([task])
