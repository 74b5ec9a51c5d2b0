"""A vault's keys wired over fakes on real sockets, as __main__ does it over the device's services."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from piccolo_chassis import rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.tasks import Tasks

from piccolo_vault.adapters.attestation import AttestationTrust
from piccolo_vault.adapters.backup import MetadataBackups
from piccolo_vault.adapters.contacts import DialledContacts
from piccolo_vault.adapters.promises import DialledPromisers
from piccolo_vault.adapters.remembered import MetadataRemembers
from piccolo_vault.adapters.successions import MetadataSuccessions
from piccolo_vault.adapters.witnesses import DialledWitnesses
from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.records import OwnerRecord
from piccolo_vault.core.keys.shown import Shown
from piccolo_vault.engine.keys.aftermath import Fence, Quiet
from piccolo_vault.engine.keys.carrying import Carrying
from piccolo_vault.engine.keys.custody import Custody
from piccolo_vault.engine.keys.duties import Duties, Pulses
from piccolo_vault.engine.keys.generations import Generations
from piccolo_vault.engine.keys.heads import HeadPost
from piccolo_vault.engine.keys.keyring import DeviceKeyring
from piccolo_vault.engine.keys.membership import Membership
from piccolo_vault.engine.keys.pruning import Pruning
from piccolo_vault.engine.keys.rebuilding import Rebuilding
from piccolo_vault.engine.keys.recovery import Recovery
from piccolo_vault.engine.keys.role_keys import RoleKeys, load_or_make
from piccolo_vault.engine.keys.roles import Neighbours, Roles
from piccolo_vault.engine.keys.rotation import Rotation
from piccolo_vault.engine.keys.settling import Settling
from piccolo_vault.engine.keys.watching import CircleFollower, FenceFollower, ProposalFollower
from piccolo_vault.engine.keys.witnessing import Witnessing
from piccolo_vault.testing_keys import CHEAP, MemoryFiles, SetClock, good_new, serving
from piccolo_vault.tests.circle_fakes import FakeAttestation
from piccolo_vault.tests.cloud_fake import FakeCloud
from piccolo_vault.tests.metadata_fake import FakeMetadata

PASSPHRASE = "seven green kettles"


@dataclass(eq=False)
class Vault:
    """One run of the keys' half."""

    custody: Custody
    roles: RoleKeys
    fence: Fence
    quiet: Quiet
    generations: Generations
    membership: Membership
    recovery: Recovery
    duties: Duties
    circle: CircleFollower
    fences: FenceFollower
    proposals: ProposalFollower
    keyring: DeviceKeyring
    tasks: Tasks
    heads: HeadPost
    rotation: Rotation
    settling: Settling
    pruning: Pruning

    def follow(self) -> None:
        """Starts what runs by itself in a real process."""
        for work in (self.circle, self.fences, self.proposals, self.duties, self.rotation, self.pruning):
            self.tasks.create_task(work.run())

    async def owned(self) -> Shown:
        """Sets it up and confirms the words."""
        shown = await self.custody.setup(PASSPHRASE)
        await self.custody.confirm(" ".join(shown.words[at - 1] for at in shown.ask))
        return shown

    @property
    def owner(self) -> OwnerRecord:
        """The owner record."""
        return self.custody.owner()

    @property
    def unlocked(self) -> bool:
        """Whether it is."""
        return self.custody.stage is Stage.UNLOCKED


@dataclass(eq=False)
class Box:
    """A device: its disk, its other services; the vault on it may be started again and again."""

    folder: Path
    cloud: FakeCloud = field(default_factory=FakeCloud)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    clock: SetClock = field(default_factory=SetClock)
    patience: float = 20.0
    around: Callable[[Any], Any] = lambda neighbour: neighbour

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.metadata = FakeMetadata(self.cloud)
        self.attestation = FakeAttestation()
        self.attestation.others_register()

    @asynccontextmanager
    async def services(self) -> AsyncIterator[None]:
        """Metadata and attestation answer."""
        async with (
            serving(self.metadata.register, path=self.folder / "m"),
            serving(self.attestation.register, path=self.folder / "a"),
        ):
            yield

    @asynccontextmanager
    async def vault(self) -> AsyncIterator[Vault]:
        """A run of the vault; background work ends with it."""
        async with AsyncExitStack() as stack:
            metadata = await stack.enter_async_context(rpc.connect(self.folder / "m"))
            attestation = await stack.enter_async_context(rpc.connect(self.folder / "a"))
            tasks = await stack.enter_async_context(Tasks())
            stack.push_async_callback(tasks.finish)
            yield self._wired(metadata, attestation, tasks)

    def _wired(self, metadata: Channel, attestation: Channel, tasks: Tasks) -> Vault:
        files, clock = self.files, self.clock
        around = self.around
        trust, backups = around(AttestationTrust(attestation)), around(MetadataBackups(metadata))
        own = load_or_make(files, os.urandom)
        there = Neighbours(trust, backups, around(MetadataRemembers(metadata)), Roles(own, trust, backups))
        custody = Custody(files, os.urandom, clock, CHEAP, good_new)
        generations = Generations(files, backups, around(DialledPromisers()), clock)
        fence, quiet = Fence(files, generations.pending), Quiet(files, clock)
        membership = Membership(custody, fence, there, clock, os.urandom)
        circle, proposals = CircleFollower(there, own, custody, fence), ProposalFollower(trust)
        witnesses = DialledWitnesses()
        witnessing = Witnessing(witnesses, backups)
        rebuilding = Rebuilding(DialledContacts(), backups, there.remembers)
        recovery = Recovery(
            files, custody, generations, fence, quiet, there, witnessing, rebuilding, clock, tasks,
            self.patience, asking=0,
        )  # fmt: skip
        fences = FenceFollower(backups, custody, fence, generations)
        heads = HeadPost(custody, fence, backups, circle, own, witnesses, (), pace=0.0)
        pulses = Pulses(circle.pulse, proposals.pulse, fences.pulse)
        duties = Duties(custody, fence, there, generations, membership, clock, pulses)
        successions = around(MetadataSuccessions(metadata))
        settling = Settling(custody, generations, there, successions, clock, os.urandom)
        carrying = Carrying(custody, own, there, successions, os.urandom)
        rotation = Rotation(custody, fence, there, carrying, settling, clock, circle.pulse)
        keyring = DeviceKeyring(custody, own, fence, quiet, settling)
        return Vault(
            custody, own, fence, quiet, generations, membership, recovery, duties, circle, fences,
            proposals, keyring, tasks, heads, rotation, settling, Pruning(custody, fence, there),
        )  # fmt: skip


async def until(box: Box, vault: Vault, what: Callable[[], object], seconds: float = 15.0) -> None:
    """Returns when `what()` holds; looks again whenever something has changed on the device."""
    pulses = (
        box.attestation.changed, box.metadata.changed, box.cloud.changed,
        vault.circle.pulse, vault.custody.changed, vault.fence.changed,
    )  # fmt: skip
    async with asyncio.timeout(seconds):
        while not what():
            waits = [asyncio.ensure_future(pulse.wait()) for pulse in pulses]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()


async def reason_of(work: Coroutine[Any, Any, object]) -> str:
    """Why a call was refused; empty when it was not."""
    try:
        await work
    except PiccoloError as refused:
        return refused.reason
    return ""
