"""How what one device knows of the circle reaches all: with a few members at a time, until nothing is new.

Rules:
* An exchange first tells hashes, then brings what the other lacks: in a quiet circle it costs a few hundred
  bytes.
* At a change this device turns to a few random members at once; each that learns something does the same.
  Besides, it turns to one random member from time to time, which finds what was missed.
* Who answers decides from what it knows, and calls nobody.
* A member that answered was heard; one that called, once it has brought all that is lacking here of what it
  has: its hashes alone tell nothing. What is refused here was brought, too.
* After a restore this device turns at once to as many members that it has not heard yet as it still needs:
  until then its owner can store nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_attestation.core import bundle
from piccolo_attestation.engine.changes import first
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.ports import Gossiped, Jitter, Peer, Peers

PREFIX = 16
_ROUNDS = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GossipPace:
    """How often, in seconds, and to how many.

    Attributes:
        interval: between exchanges in a quiet circle.
        again: before members that could not be told are tried again; doubled each time, up to `interval`.
        gather: for changes that come together, before they are told.
        fanout: how many members a change is told to.
        limit: for one exchange.
    """

    interval: float = 60.0
    again: float = 1.0
    gather: float = 0.1
    fanout: int = 3
    limit: float = 45.0


class Gossip:
    """Exchanges records with other members."""

    def __init__(self, circle: Circle, peers: Peers, pace: GossipPace, jitter: Jitter) -> None:
        self._circle, self._peers, self._pace, self._jitter = circle, peers, pace, jitter
        self._chance = random.Random()  # noqa: S311 - whom to ask is no secret
        self._told: frozenset[bytes] = frozenset()
        self._asked: dict[bytes, frozenset[bytes]] = {}

    async def run(self) -> None:
        """Works until cancelled."""
        pause, count = self._pace.interval, 1
        while True:
            changed = self._circle.changes.waiter()
            if self._news():
                await asyncio.sleep(self._pace.gather * self._jitter())
                changed = self._circle.changes.waiter()
                self._told = frozenset(self._circle.trusted.hashes())
                pause, count = self._pace.again, self._pace.fanout
            reached = self._circle.view is None or await self._tell(max(count, self._circle.unheard))
            if reached:
                pause, count = self._pace.interval, 1
            await self._quiet(changed, pause)
            pause = min(2 * pause, self._pace.interval)

    async def _quiet(self, changed: asyncio.Event, pause: float) -> None:
        """Returns when there is something to tell, or when it is time to ask somebody."""
        loop = asyncio.get_running_loop()
        until = loop.time() + pause * (0.5 + self._jitter())
        while not self._news() and (left := until - loop.time()) > 0:
            await first(changed, seconds=left)
            changed = self._circle.changes.waiter()

    async def exchange(self, peer: Peer) -> bool:
        """Makes both know what each of the two knows; returns whether this device learned something.

        Raises PiccoloError as the peer answers; UNAVAILABLE when it cannot be reached.
        """
        learned, wanted = False, frozenset[bytes]()
        for _ in range(_ROUNDS):
            answer = await self._peers.gossip(peer, [], self._have())
            new = bool(answer.records) and await self._circle.take(answer.records)
            learned |= new
            before, wanted = wanted, frozenset(answer.want)
            if wanted:
                others = [hash_ for hash_ in self._have() if hash_ not in wanted]
                await self._peers.gossip(peer, bundle.fitting(self._circle.trusted.missing(others)), [])
            if not new and wanted == before:  # what was brought twice is not wanted: the peer refuses it
                break
        await self._circle.hear(peer.owner)
        return learned

    async def answer(self, owner: bytes, records: Sequence[bytes], have: Sequence[bytes]) -> Gossiped:
        """Takes what a peer brings and tells what it lacks.

        `owner` is the member whose device calls; empty for a blank device that has only its owner's words.
        """
        if records:
            await self._circle.take(records)
        if records and not have:
            if asked := self._asked.get(owner):
                await self._listened(
                    owner, asked - {entry.hash[:PREFIX] for entry in bundle.ordered(records)}
                )
            return Gossiped([], [])
        mine = frozenset(self._have())
        lacking = bundle.fitting(self._circle.trusted.missing(have))
        want = [hash_ for hash_ in have if hash_ not in mine]
        await self._listened(owner, frozenset(want))
        return Gossiped(lacking, want)

    async def _listened(self, owner: bytes, wanted: frozenset[bytes]) -> None:
        """Notes what a member has still to bring, or that it was heard."""
        if not owner:
            return
        self._asked.pop(owner, None)
        if wanted:
            self._asked[owner] = wanted
        else:
            await self._circle.hear(owner)

    def _news(self) -> bool:
        return self._circle.view is not None and self._told != self._circle.trusted.hashes()

    def _have(self) -> list[bytes]:
        return [hash_[:PREFIX] for hash_ in self._circle.trusted.hashes()]

    async def _tell(self, count: int) -> bool:
        """Exchanges with so many random members that answer; returns whether there were as many, or all."""
        peers = self._circle.peers()
        self._chance.shuffle(peers)
        if self._circle.unheard:
            peers.sort(key=lambda peer: peer.owner in self._circle.heard)
        count = min(count, len(peers))
        while peers and count > 0:
            turn, peers = peers[:count], peers[count:]
            count -= sum(await asyncio.gather(*map(self._reach, turn)))
        return count == 0

    async def _reach(self, peer: Peer) -> bool:
        try:
            async with asyncio.timeout(self._pace.limit):
                await self.exchange(peer)
        except TimeoutError:
            _log.info("member not reached", extra=fields(owner=peer.owner.hex(), reason="TIMEOUT"))
            return False
        except PiccoloError as failed:
            told = fields(owner=peer.owner.hex(), reason=failed.reason, why=failed.message)
            _log.info("member not reached", extra=told)
            return False
        return True
