"""Whole devices in one process, for tests: the real engines on a network, a vault and a disk that are fakes.

Rules:
* The network does what the peers' ports do: a caller is let in by its exact certificate, a server is known by
  its own, and both are looked up at the moment of the call. Lines can be cut.
* The vault signs what it is shown while it is unlocked; removals only with a person's word.
* What a device saved survives `restart`; what it only remembered does not.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.kek import Kek
from piccolo_formats.records.device import Device as DeviceRecord
from piccolo_formats.records.device import SigningKeys, TlsCertificates
from piccolo_formats.signed import Signed, sign
from piccolo_formats.tls import certificate_fingerprint, make_certificate

from piccolo_attestation.core.view import Admission
from piccolo_attestation.engine.changes import first
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.gossip import Gossip, GossipPace
from piccolo_attestation.engine.identity import Identity, RoleKeys
from piccolo_attestation.engine.invitations import Invitations, Made
from piccolo_attestation.engine.joining import Joining
from piccolo_attestation.engine.leading import Leading, Pace
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.ports import Accepted, Evidence, Gossiped, Introduced, Inviter, Peer, Signature, Vote
from piccolo_attestation.service.peer import kind_of
from piccolo_attestation.testing import (
    CIRCLE,
    NOW,
    FakeFiles,
    FakeMailbox,
    FakeMemory,
    Owner,
    certificate,
    first_roster,
    signing_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 2.0


class Network:
    """Who can reach whom. Also the clock that all devices share, and the mailbox."""

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.cut: set[frozenset[str]] = set()
        self.mailbox = FakeMailbox()
        self.now = NOW
        self._random = itertools.count()

    def clock(self) -> int:
        """Seconds since 1970."""
        return self.now

    def random(self, count: int) -> bytes:
        """Bytes that are never the same."""
        return digest("test-random", next(self._random).to_bytes(8))[:count]

    def reach(self, caller: str, endpoint: str, server: bytes, shown: bytes) -> tuple[Device, Admission]:
        """The device at an address, and how it admits the caller's certificate; as a handshake would."""
        there = self.devices.get(endpoint)
        if there is None or not there.up or frozenset((caller, endpoint)) in self.cut:
            raise PiccoloError(Kind.UNAVAILABLE, "PEER_AWAY", f"{endpoint} cannot be reached.")
        admission = there.admission(shown)
        if there.server_certificate != server or admission is None:
            raise PiccoloError(Kind.UNAVAILABLE, "PEER_AWAY", f"{endpoint} ends the handshake.")
        return there, admission


@dataclass(frozen=True, slots=True)
class FakePeers:
    """Implements ports.Peers by calling the other device's engines."""

    network: Network
    endpoint: str
    certificate: bytes

    async def gossip(self, peer: Peer, records: Sequence[bytes], have: Sequence[bytes]) -> Gossiped:
        """One half of an exchange."""
        there, caller = await self._reach(peer, "member", "replaced")
        heard = b"" if caller.replaced else caller.owner
        return await there.gossip.answer(heard, records, have)

    async def sign(self, peer: Peer, evidence: Evidence, *, chosen: bool) -> Signature:
        """Asks for a signature."""
        there, caller = await self._reach(peer)
        proposal = await there.proposals.hear(caller.owner, evidence)
        if chosen:
            return Signature(ready=True, roster=there.proposals.release(proposal).to_bytes())
        async with asyncio.timeout(PATIENCE):
            while True:
                changed = there.proposals.changes.waiter()
                found = there.proposals.find(proposal.hash)
                if found is None or found.signature:
                    return Signature(ready=found is not None, roster=b"")
                await changed.wait()

    async def agree(self, peer: Peer, previous: bytes, ballot: int, roster_hash: bytes) -> Vote:
        """One step of Paxos."""
        there, _ = await self._reach(peer)
        if roster_hash:
            return await there.proposals.accept(previous, ballot, roster_hash)
        return await there.proposals.prepare(previous, ballot)

    async def _reach(self, peer: Peer, *kinds: str) -> tuple[Device, Admission]:
        await asyncio.sleep(0)
        there, caller = self.network.reach(
            self.endpoint, peer.endpoints[0], peer.certificate, self.certificate
        )
        if caller.role != "attestation" or kind_of(caller) not in (kinds or ("member",)):
            raise PiccoloError(Kind.DENIED, "PEER_NOT_ALLOWED", "This is not for this caller.")
        return there, caller


@dataclass(frozen=True, slots=True)
class FakeInviters:
    """Implements ports.Inviters by calling the other device's engines."""

    network: Network
    endpoint: str

    async def introduce(self, inviter: Inviter, code: InvitationCode) -> Introduced:
        """Asks which circle invites."""
        there, shown = self._reach(inviter, code)
        return there.invitations.introduce(shown)

    async def accept(self, inviter: Inviter, code: InvitationCode, acceptance: bytes) -> Accepted:
        """Brings an acceptance."""
        there, shown = self._reach(inviter, code)
        return await there.invitations.accept(shown, acceptance, PATIENCE)

    def _reach(self, inviter: Inviter, code: InvitationCode) -> tuple[Device, bytes]:
        there = self.network.devices.get(inviter.endpoint)
        server = there.server_certificate if there else b""
        if there and certificate_fingerprint(server) != inviter.fingerprint:
            raise PiccoloError(Kind.DENIED, "INVITATION_FOREIGN", "Another device answers.")
        shown = make_certificate(code.tls_key())
        return self.network.reach(self.endpoint, inviter.endpoint, server, shown)[0], shown


PACE = GossipPace(interval=0.5, gather=0.005, fanout=3)


@dataclass
class Device:
    """One device: engines, a fake disk, a fake vault. Use it inside `running`."""

    owner: Owner
    network: Network
    endpoint: str
    generation: int = 1
    unlocked: bool = True
    consents: bool = False
    new_keks: list[Kek] = field(default_factory=list)
    up: bool = False
    files: FakeFiles = field(default_factory=FakeFiles)
    memory: FakeMemory = field(default_factory=FakeMemory)
    pace: GossipPace = PACE

    identity: Identity = field(init=False)
    circle: Circle = field(init=False)
    proposals: Proposals = field(init=False)
    invitations: Invitations = field(init=False)
    joining: Joining = field(init=False)
    gossip: Gossip = field(init=False)
    leading: Leading = field(init=False)

    @property
    def server_certificate(self) -> bytes:
        """What its fragment-store shows."""
        return certificate(f"{self.endpoint}/{self.generation}/store")

    async def start(self) -> None:
        """Builds the engines from what is on the disk, and registers the other processes' keys."""
        network, files = self.network, self.files
        self.identity = await Identity.open(files, network.random)
        self.circle = Circle(files, self.identity, network.clock, pace=0.05)
        self.proposals = Proposals(files, self.circle, self.identity, network.clock)
        self.invitations = Invitations(
            files, self.circle, self.identity, self.proposals, network.mailbox, network.clock, network.random
        )
        peers = FakePeers(network, self.endpoint, self.identity.own.certificate)
        self.gossip = Gossip(self.circle, peers, self.pace, network_jitter)
        inviters = FakeInviters(network, self.endpoint)
        self.joining = Joining(self.circle, self.identity, inviters, network.mailbox, network_jitter)
        pace = Pace(answer=PATIENCE, pause=0.05, patience=0.5)
        self.leading = Leading(self.circle, self.proposals, peers, self.gossip, pace, network_jitter)
        for role in ("vault", "metadata", "fragment-store"):
            await self.register(role)
        await self.circle.announce()
        self.network.devices[self.endpoint] = self
        self.up = True

    async def register(self, role: str) -> bool:
        """Registers a role's keys as its process does at its start."""
        name = f"{self.endpoint}/{self.generation}/{'store' if role == 'fragment-store' else role}"
        tls = b"" if role == "metadata" else certificate(name)
        endpoint = self.endpoint if role == "fragment-store" else ""
        return await self.identity.register(role, RoleKeys(signing_key(name).public, tls), endpoint, 10**9)

    def admission(self, shown: bytes) -> Admission | None:
        """How this device's port admits a certificate."""
        view = self.circle.view
        everybody = [*(view.admissions if view else ()), *self.invitations.admissions()]
        return next((each for each in everybody if each.certificate == shown), None)

    def certified(self, circle: bytes = CIRCLE) -> Signed[DeviceRecord]:
        """The vault's certificate for the keys that are registered."""
        roles = self.identity.roles
        record = replace(
            self.owner.device_record(self.generation, circle=circle),
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
        )
        return sign(record, self.owner.kek.owner_root())

    async def found(self) -> None:
        """Founds the circle, as the vault does."""
        await self.circle.install(self.certified().to_bytes())
        await self.circle.found(first_roster(self.owner).to_bytes())

    async def join(self, invitation: str) -> None:
        """Joins by a link or a code, as the vault does."""
        opened = await self.joining.open(invitation)
        await self.circle.install(self.certified(opened.circle.circle_id).to_bytes())
        await self.joining.join(invitation, self.owner.kek.admin().public, self.owner.enrol)

    async def invite(self) -> Made:
        """Invites somebody."""
        return await self.invitations.make("", 0)

    async def work(self) -> None:
        """The background work, and the vault's, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.circle.run())
            group.create_task(self.gossip.run())
            group.create_task(self.leading.run())
            group.create_task(self.invitations.run())
            group.create_task(self._vault())

    async def _vault(self) -> None:
        while True:
            changed, moved = self.proposals.changes.waiter(), self.circle.changes.waiter()
            for proposal in self.proposals.listing():
                unasked = proposal.joiner or self.proposals.is_renewal(proposal)
                if self.unlocked and not proposal.signature and (unasked or self.consents):
                    await self.sign(proposal.hash)
            await first(changed, moved, seconds=None)

    async def sign(self, roster_hash: bytes) -> int:
        """Signs a proposal with the owner's admin key, as the vault does."""
        proposal = self.proposals.find(roster_hash)
        if proposal is None:
            return 0
        named = self.circle.trusted.head.record.member(self.owner.id)
        keys = [kek.admin() for kek in (self.owner.kek, *self.new_keks)]
        key = next(key for key in keys if named and key.public == named.admin)
        signature = dict(sign(proposal.roster.record, key).signatures)[key.public]
        try:
            return await self.proposals.approve(roster_hash, key.public, signature)
        except PiccoloError as refused:
            if refused.reason != "EPOCH_MOVED":
                raise
            return 0

    async def until(self, holds: Callable[[], bool], seconds: float = 20.0) -> None:
        """Returns when something holds on this device; looks again at each change."""
        async with asyncio.timeout(seconds):
            while True:
                changes = self.circle.changes.waiter(), self.proposals.changes.waiter()
                if holds():
                    return
                await first(*changes, seconds=None)

    def members(self) -> set[str]:
        """The names of the members that this device knows of, with a device."""
        view = self.circle.view
        return {member.name for member in view.members if member.endpoints} if view else set()


def network_jitter() -> float:
    """Always the same: tests want to be repeatable, and the loop is random enough."""
    return 0.5


class Works:
    """The background work of devices: started, ended as a power cut does, started again."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, device: Device) -> None:
        """Starts a device, after a stop too: from what is on its disk."""
        await self.stop(device)
        await device.start()
        self._tasks[device.endpoint] = asyncio.create_task(device.work(), name=device.endpoint)

    async def stop(self, device: Device) -> None:
        """Ends a device's work where it stands; nobody reaches it any more."""
        device.up = False
        if task := self._tasks.pop(device.endpoint, None):
            await self._end(task)

    async def close(self) -> None:
        """Ends all work; raises what made a device's work end by itself."""
        for task in self._tasks.values():
            await self._end(task)

    @staticmethod
    async def _end(task: asyncio.Task[None]) -> None:
        if task.done():
            task.result()
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def running(*devices: Device) -> AsyncIterator[Works]:
    """Starts devices and lets them work; ends their work afterwards."""
    works = Works()
    try:
        for device in devices:
            await works.start(device)
        yield works
    finally:
        await works.close()


async def settled(group: Sequence[Device], names: set[str] | None = None) -> None:
    """Returns when all have the same view of the circle, which has these members; by default the group."""
    wanted = names or {device.owner.name for device in group}
    async with asyncio.timeout(30):
        while len({device.circle.view for device in group}) > 1 or group[0].members() != wanted:
            changed = [device.circle.changes.waiter() for device in group]
            if len({device.circle.view for device in group}) > 1 or group[0].members() != wanted:
                await first(*changed, seconds=None)


async def grown(group: Sequence[Device]) -> None:
    """The first founds, the others join one after the other, each invited by the first."""
    await group[0].found()
    for device in group[1:]:
        await device.join((await group[0].invite()).link)
    await settled(group)
