"""Wires the fragment-store together. Here, and only here, concrete classes meet."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from piccolo.attestation.v1 import peer_pb2
from piccolo.fragment_store.v1 import keeper_pb2, keeper_pb2_grpc
from piccolo_chassis import rpc, state
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.logs import fields
from piccolo_chassis.serve import run

from piccolo_fragment_store.adapters.attestation import AttestationTrust
from piccolo_fragment_store.adapters.circle_file import CircleFile
from piccolo_fragment_store.adapters.clock import WrittenClock
from piccolo_fragment_store.adapters.credentials import PeerCredentials
from piccolo_fragment_store.adapters.disk import RealDisk
from piccolo_fragment_store.adapters.frame_log import FrameLog
from piccolo_fragment_store.adapters.heads import FileHeads
from piccolo_fragment_store.adapters.index import SqliteIndex
from piccolo_fragment_store.adapters.keys import load_keys
from piccolo_fragment_store.adapters.promises import FilePromises
from piccolo_fragment_store.adapters.scrub_file import ScrubFile
from piccolo_fragment_store.adapters.shelves import FolderShelves
from piccolo_fragment_store.adapters.workers import ThreadWorkers
from piccolo_fragment_store.config import STATE, Config
from piccolo_fragment_store.core import access, layout
from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.engine import janitor
from piccolo_fragment_store.engine.claims import Claims
from piccolo_fragment_store.engine.downloads import Downloads
from piccolo_fragment_store.engine.heads import KeptHeads
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.engine.keeper import Keeper, settle
from piccolo_fragment_store.engine.ledger import Ledger
from piccolo_fragment_store.engine.limits import Traffic
from piccolo_fragment_store.engine.membership import Membership, note_devices
from piccolo_fragment_store.engine.notices import Notices
from piccolo_fragment_store.engine.reconcile import reconcile
from piccolo_fragment_store.engine.removal import Removal, with_over
from piccolo_fragment_store.engine.scrub import Scrub
from piccolo_fragment_store.engine.uploads import Uploads
from piccolo_fragment_store.service import fragments
from piccolo_fragment_store.service.gate import Gate
from piccolo_fragment_store.service.keeper import KeeperServicer
from piccolo_fragment_store.service.proxy import AttestationProxy

_log = logging.getLogger(__name__)
_ANY: Final = ("0.0.0.0", "[::]", "")  # noqa: S104 - compared with, not bound to
_KEEPER: Final = keeper_pb2.DESCRIPTOR.services_by_name["KeeperService"].full_name
_PEER: Final = peer_pb2.DESCRIPTOR.services_by_name["PeerService"].full_name


class _Parts:
    """What is made once and used in several places."""

    def __init__(
        self, config: Config, workers: ThreadWorkers, channel: Channel, stopping: asyncio.Event
    ) -> None:
        self.keys = load_keys(config.state / "keys")
        self.credentials = PeerCredentials(self.keys)
        disk = RealDisk(config.state)
        clock = WrittenClock(config.state / "clock")
        trust = AttestationTrust(channel, self.keys)
        self.workers = workers
        self.membership = Membership(trust, CircleFile(config.state / "circle"), workers, self._changed)
        self.gate = Gate(self._circle)
        self._over: frozenset[bytes] = frozenset()
        identity = Identity(self.keys.signing, clock, self._circle)
        self.logs = [FrameLog(disk, layout.TOMBSTONES), FrameLog(disk, layout.NOTICES)]
        notices = Notices(self.logs[1], identity, clock)
        shelves = FolderShelves(disk)
        self.index = SqliteIndex(config.state / "index.sqlite")
        reserve, free = config.disk_reserve_bytes, shelves.disk_free
        ledger = Ledger(config.offer_bytes, reserve, free, notices.give, notices.is_asked)
        self.holdings = Holdings(shelves, self.index, self.logs[0], clock, ledger, reconcile)
        self.removal = Removal(self.holdings, notices, self._circle, self._told_over)
        claims = Claims(FilePromises(disk), identity, trust, workers)
        heads = KeptHeads(FileHeads(disk), claims, identity, workers)
        self.keeper = self._keeper(config, stopping, identity, claims, heads, notices)

    def _keeper(
        self,
        config: Config,
        stopping: asyncio.Event,
        identity: Identity,
        claims: Claims,
        heads: KeptHeads,
        notices: Notices,
    ) -> Keeper:
        traffic, workers, noted = Traffic(config.limits), self.workers, ScrubFile(config.state / "scrub")
        return Keeper(
            holdings=self.holdings,
            workers=workers,
            traffic=traffic,
            identity=identity,
            claims=claims,
            heads=heads,
            notices=notices,
            uploads=Uploads(self.holdings, workers, traffic, stopping),
            downloads=Downloads(self.holdings, workers, traffic, stopping),
            scrub=Scrub(self.holdings, workers, traffic, config.scrub, noted, stopping, time.monotonic),
            circle=self._circle,
        )

    def _circle(self) -> Circle | None:
        circle = self.membership.circle
        return circle if circle is None else with_over(circle, self._over)

    def _admit(self) -> None:
        if circle := self._circle():
            self.credentials.admit(access.certificates(circle))
        self.gate.changed()

    def _told_over(self, over: frozenset[bytes]) -> None:
        if over != self._over:
            self._over = over
            self._admit()

    def _changed(self, circle: Circle) -> None:
        self.holdings.ledger.members = circle.members
        self._admit()
        self.removal.circle_changed()
        self.workers.start(note_devices, self.holdings, circle)

    def close(self) -> None:
        """Writes down what is not yet; the workers must have ended."""
        try:
            self.holdings.clock.tick()
            self.holdings.shelves.flush()
        except PiccoloError as failed:
            self.holdings.doubted = True
            _log.warning("not everything could be written down", extra=fields(reason=failed.reason))
        self.index.close(agrees=not self.holdings.doubted)
        for log in self.logs:
            log.close()


@asynccontextmanager
async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
    """Everything that this process is made of."""
    async with AsyncExitStack() as stack:
        stack.enter_context(state.claim(config.state, STATE))
        channel = await stack.enter_async_context(rpc.connect(config.attestation))
        workers = ThreadWorkers()
        parts = _Parts(config, workers, channel, host.stopping)
        stack.callback(parts.close)
        stack.enter_context(workers)
        await workers.run(settle, parts.holdings)
        await parts.membership.load()
        endpoint = _serve(config, host, parts, AttestationProxy(channel))
        host.task_group.create_task(parts.membership.follow(endpoint, config.offer_bytes), name="membership")
        host.task_group.create_task(janitor.run(parts.holdings, workers, host.stopping), name="janitor")
        host.task_group.create_task(parts.removal.run(workers, host.stopping), name="removal")
        host.task_group.create_task(parts.keeper.scrub.run(), name="scrub")
        yield


def _serve(config: Config, host: Host, parts: _Parts, proxy: AttestationProxy) -> str:
    """Binds the peers' port and the socket; returns the address that peers dial."""
    peers = host.add_listener(config.address, parts.credentials.server(), interceptors=[parts.gate])
    endpoint = config.endpoint or _endpoint(config.address, peers.port)
    keeper = KeeperServicer(parts.keeper, endpoint)
    peers.add_service(partial(fragments.add, parts.keeper), fragments.SERVICE)
    peers.add_service(lambda server: server.add_generic_rpc_handlers((proxy,)), _PEER)
    host.add_service(partial(keeper_pb2_grpc.add_KeeperServiceServicer_to_server, keeper), _KEEPER)
    return endpoint


def _endpoint(address: str, port: int) -> str:
    """Where peers dial an address that is listened on; the machine's name stands for all its addresses."""
    name = address.rpartition(":")[0]
    return f"{socket.gethostname() if name in _ANY else name}:{port}"


def main() -> None:
    """Runs the service."""
    run(STATE.service, Config, wiring)


if __name__ == "__main__":
    main()
