"""Wires the vault together."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from piccolo.vault.v1 import key_pb2_grpc as wire
from piccolo.vault.v1 import membership_pb2_grpc
from piccolo_chassis import rpc, state
from piccolo_chassis.calls import Channel
from piccolo_chassis.host import Host
from piccolo_chassis.logs import fields
from piccolo_chassis.serve import run
from piccolo_formats.passphrase import Cost

from piccolo_vault.adapters.attestation import AttestationTrust
from piccolo_vault.adapters.backup import MetadataBackups
from piccolo_vault.adapters.boot_key import BootKey
from piccolo_vault.adapters.clock import SystemClock
from piccolo_vault.adapters.common_passphrases import CommonPassphrases
from piccolo_vault.adapters.contacts import DialledContacts
from piccolo_vault.adapters.disk import NoDisk, RootsDisk
from piccolo_vault.adapters.memory import protect
from piccolo_vault.adapters.promises import DialledPromisers
from piccolo_vault.adapters.remembered import MetadataRemembers
from piccolo_vault.adapters.state_files import FolderFiles
from piccolo_vault.adapters.successions import MetadataSuccessions
from piccolo_vault.adapters.witnesses import DialledWitnesses
from piccolo_vault.config import STATE, Config
from piccolo_vault.core.keys.passphrase import check_new
from piccolo_vault.engine.keys.aftermath import Fence, Quiet
from piccolo_vault.engine.keys.carrying import Carrying
from piccolo_vault.engine.keys.custody import Custody
from piccolo_vault.engine.keys.disk_slot import DiskSlot
from piccolo_vault.engine.keys.duties import Duties, Pulses
from piccolo_vault.engine.keys.generations import Generations
from piccolo_vault.engine.keys.heads import HeadPost
from piccolo_vault.engine.keys.keyring import DeviceKeyring
from piccolo_vault.engine.keys.membership import Membership
from piccolo_vault.engine.keys.pruning import Pruning
from piccolo_vault.engine.keys.rebuilding import Rebuilding
from piccolo_vault.engine.keys.recovery import Recovery
from piccolo_vault.engine.keys.role_keys import load_or_make
from piccolo_vault.engine.keys.roles import Neighbours, Roles
from piccolo_vault.engine.keys.rotation import Rotation
from piccolo_vault.engine.keys.settling import Settling
from piccolo_vault.engine.keys.watching import CircleFollower, FenceFollower, ProposalFollower
from piccolo_vault.engine.keys.witnessing import Witnessing
from piccolo_vault.service import keys as key_service
from piccolo_vault.service import membership as membership_service
from piccolo_vault.service.store_wiring import store_wiring

_log = logging.getLogger(__name__)


@asynccontextmanager
async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
    """Everything the process is made of."""
    _protect()
    with state.claim(config.state, STATE):
        async with rpc.connect(config.metadata) as metadata, rpc.connect(config.attestation) as attestation:
            custody, circle, keyring = _wire_keys(config, host, metadata, attestation)
            async with store_wiring(config.store, host, keyring, circle, metadata, custody):
                yield


def _protect() -> None:
    """Before any key is read: what is in memory stays there."""
    protection = protect()
    told = fields(locked=protection.locked, undumpable=protection.undumpable, problem=protection.problem)
    if protection.problem:
        _log.error("memory is not fully protected", extra=told)
    else:
        _log.info("memory is protected", extra=told)


def _wire_keys(
    config: Config, host: Host, metadata: Channel, attestation: Channel
) -> tuple[Custody, CircleFollower, DeviceKeyring]:
    files, clock, random = FolderFiles(config.state), SystemClock(), os.urandom
    trust, backups = AttestationTrust(attestation), MetadataBackups(metadata)
    own = load_or_make(files, random)
    there = Neighbours(trust, backups, MetadataRemembers(metadata), Roles(own, trust, backups))
    cost = Cost(config.custody.passes, config.custody.memory_mib << 20)
    custody = Custody(files, random, clock, cost, partial(check_new, common=CommonPassphrases()))
    generations = Generations(files, backups, DialledPromisers(), clock)
    fence, quiet = Fence(files, generations.pending), Quiet(files, clock)
    successions = MetadataSuccessions(metadata)
    settling = Settling(custody, generations, there, successions, clock, random)
    carrying = Carrying(custody, own, there, successions, random)
    membership = Membership(custody, fence, there, clock, random)
    circle, proposals = CircleFollower(there, own, custody, fence), ProposalFollower(trust)
    rotation = Rotation(custody, fence, there, carrying, settling, clock, circle.pulse)
    tasks, witnesses = host.task_group, DialledWitnesses()
    witnessing = Witnessing(witnesses, backups)
    rebuilding = Rebuilding(DialledContacts(), backups, there.remembers)
    recovery = Recovery(
        files, custody, generations, fence, quiet, there, witnessing, rebuilding, clock, tasks,
        config.recovery.patience, config.recovery.asking,
    )  # fmt: skip
    fences = FenceFollower(backups, custody, fence, generations)
    moved = (custody.changed, circle.pulse, fences.pulse)
    heads = HeadPost(custody, fence, backups, circle, own, witnesses, moved, config.heads.pace)
    pulses = Pulses(circle.pulse, proposals.pulse, fences.pulse)
    duties = Duties(custody, fence, there, generations, membership, clock, pulses)
    disk = DiskSlot(custody, NoDisk() if config.disk is None else RootsDisk(config.disk))
    pruning = Pruning(custody, fence, there)
    for work in (circle, proposals, fences, quiet, duties, heads, recovery, rotation, disk, pruning):
        tasks.create_task(work.run(), name=type(work).__name__)
    keys = key_service.KeyServicer(custody, recovery, rotation, fence, heads, disk, BootKey(random))
    host.add_service(lambda to: wire.add_KeyServiceServicer_to_server(keys, to), key_service.NAME)
    members = membership_service.MembershipServicer(membership)
    host.add_service(
        lambda to: membership_pb2_grpc.add_MembershipServiceServicer_to_server(members, to),
        membership_service.NAME,
    )
    return custody, circle, DeviceKeyring(custody, own, fence, quiet, settling)


def main() -> None:
    """Runs the process `piccolo-vault`."""
    run(STATE.service, Config, wiring)


if __name__ == "__main__":
    main()
