"""Wires the attestation service and runs it."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from piccolo.attestation.v1 import circle_pb2_grpc as wire
from piccolo.attestation.v1 import identity_pb2_grpc, peer_pb2_grpc
from piccolo_chassis import rpc, state
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.logs import fields
from piccolo_chassis.serve import run

from piccolo_attestation.adapters.dialling import Dialler
from piccolo_attestation.adapters.inviters import GrpcInviters
from piccolo_attestation.adapters.mailbox import CloudMailbox
from piccolo_attestation.adapters.metadata import MetadataMemory
from piccolo_attestation.adapters.peers import GrpcPeers
from piccolo_attestation.adapters.state_files import StateFiles
from piccolo_attestation.config import STATE, Config
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.gossip import Gossip, GossipPace
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.engine.invitations import Invitations
from piccolo_attestation.engine.joining import Joining
from piccolo_attestation.engine.leading import Leading, Pace
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.engine.remembering import Remembering
from piccolo_attestation.service import circle as circle_service
from piccolo_attestation.service import identity as identity_service
from piccolo_attestation.service import peer as peer_service

_HOUR = 60  # in rounds of gossip: one a minute, unless it is set otherwise
_DAY = 24 * _HOUR
_log = logging.getLogger(__name__)


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class _Parts:
    """The engines of one process."""

    identity: Identity
    circle: Circle
    proposals: Proposals
    invitations: Invitations
    joining: Joining
    gossip: Gossip
    leading: Leading


async def _parts(config: Config, files: StateFiles, mailbox: CloudMailbox | None) -> _Parts:
    identity = await Identity.open(files, os.urandom)
    pace, jitter = config.pace, random.random
    circle = Circle(files, identity, _now, pace.gossip)
    proposals = Proposals(files, circle, identity, _now, _DAY * pace.gossip)
    peers = GrpcPeers(Dialler.of(identity.own.tls, identity.own.certificate), pace.answer)
    gossip = Gossip(circle, peers, GossipPace(interval=pace.gossip, fanout=pace.fanout), jitter)
    return _Parts(
        identity=identity,
        circle=circle,
        proposals=proposals,
        invitations=Invitations(files, circle, identity, proposals, mailbox, _now, os.urandom),
        joining=Joining(circle, identity, GrpcInviters(pace.answer), mailbox, jitter),
        gossip=gossip,
        leading=Leading(
            circle, proposals, peers, gossip, Pace(pace.answer, pace.retry, pace.patience), jitter
        ),
    )


def _serve(host: Host, parts: _Parts, patience: float) -> None:
    identity = identity_service.IdentityServicer(parts.identity, parts.circle)
    circle = circle_service.CircleServicer(
        parts.circle,
        parts.invitations,
        parts.joining,
        parts.proposals,
        parts.identity.registrations,
        host.stopping,
    )
    peer = peer_service.PeerServicer(parts.circle, parts.invitations, parts.proposals, parts.gossip, patience)
    host.add_service(
        lambda to: identity_pb2_grpc.add_IdentityServiceServicer_to_server(identity, to),
        identity_service.NAME,
    )
    host.add_service(lambda to: wire.add_CircleServiceServicer_to_server(circle, to), circle_service.NAME)
    host.add_service(lambda to: peer_pb2_grpc.add_PeerServiceServicer_to_server(peer, to), peer_service.NAME)


async def _announce(circle: Circle) -> None:
    try:
        await circle.announce()
    except PiccoloError as failed:  # a full disk must not keep members from being recognised
        _log.warning("presence not told", extra=fields(reason=failed.reason, why=failed.message))


@asynccontextmanager
async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
    """Everything that the process is made of."""
    async with AsyncExitStack() as stack:
        claim = stack.enter_context(state.claim(config.state, STATE))
        files = stack.enter_context(StateFiles(claim.folder))
        mailbox = CloudMailbox(config.cloud) if config.cloud else None
        if mailbox:
            stack.push_async_callback(mailbox.close)
        parts = await _parts(config, files, mailbox)
        await _announce(parts.circle)
        _serve(host, parts, config.pace.answer)
        tasks = {
            "circle": parts.circle.run(),
            "gossip": parts.gossip.run(),
            "leading": parts.leading.run(),
            "invitations": parts.invitations.run(),
        }
        if config.metadata is not None:
            channel = await stack.enter_async_context(rpc.connect(config.metadata))
            remembering = Remembering(
                parts.circle, MetadataMemory(channel), random.random, _HOUR * config.pace.gossip
            )
            tasks["remembering"] = remembering.run()
        for name, task in tasks.items():
            host.task_group.create_task(task, name=name)
        yield


def main() -> None:
    """Runs the service."""
    run(STATE.service, Config, wiring)


if __name__ == "__main__":
    main()
