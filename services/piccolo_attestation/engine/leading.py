"""How a signed proposal comes into force: the other admins' devices are asked, one proposal is chosen,
signatures are collected.

Rules:
* Asked first is whether enough admins have signed; only then a ballot is held, so that what is chosen can be
  put in force at once.
* A ballot that meets a proposal which was accepted earlier completes that one; the own waits for the next
  epoch.
* Who proposed leads. Another admin's device leads only when nothing has happened for `patience` seconds, or
  when the proposer is no admin: it wants to leave.
* A member that wants to leave and is no admin brings its wish to every admin's device.
* What fails is tried again after a pause, and at once when something changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError
from piccolo_formats.records.roster import Roster
from piccolo_formats.signed import Signed, open_signed

from piccolo_attestation.core import succession
from piccolo_attestation.core.agreement import Accepted, choose, next_ballot
from piccolo_attestation.engine.changes import first, until
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.gossip import Gossip
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.engine.waiting import Proposal
from piccolo_attestation.ports import Jitter, Peer, Peers, Signature, Vote

_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long an answer is waited for, between attempts, and before another's proposal is led."""

    answer: float = 10.0
    pause: float = 5.0
    patience: float = 30.0


class Leading:
    """Brings this device's proposals, and those that others left lying, into force."""

    def __init__(
        self, circle: Circle, proposals: Proposals, peers: Peers, gossip: Gossip, pace: Pace, jitter: Jitter
    ) -> None:
        self._circle, self._proposals, self._peers, self._gossip = circle, proposals, peers, gossip
        self._pace, self._jitter = pace, jitter
        self._seen: dict[bytes, float] = {}
        self._highest = 0

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            changed, moved = self._proposals.changes.waiter(), self._circle.moves.waiter()
            try:
                await self._proposals.refresh()
            except PiccoloError as failed:  # a full disk; proposals of an old epoch do no harm meanwhile
                told = fields(reason=failed.reason, why=failed.message)
                _log.warning("proposals not kept", extra=told)
                await first(moved, seconds=self._pace.patience)
                continue
            if self._proposals.changes.waiter() is not changed:
                continue
            pause = await self._attempt()
            if pause is None and self._proposals.held_back:
                pause = self._pace.patience
            await first(changed, moved, seconds=pause)

    async def _attempt(self) -> float | None:
        """Tries what can be tried; returns the seconds until the next attempt, None when nothing is left to
        do."""
        pause: float | None = None
        for proposal in self._proposals.current():
            try:
                if not self._circle.me.admin:
                    pause = self._pace.patience if await self._bring(proposal) else pause
                elif proposal.signature and self._due(proposal):
                    await self._lead(proposal)
                    # what is left rests on another roster now, or waits for the same admins
                    return self._pace.pause * (0.5 + self._jitter())
                elif proposal.signature:
                    pause = self._pace.patience
            except PiccoloError as failed:
                pause = self._pace.pause * (0.5 + self._jitter())
                _log.info("proposal waits", extra=fields(reason=failed.reason, why=failed.message))
        return pause

    async def _bring(self, proposal: Proposal) -> bool:
        """Brings this owner's own leaving to the admins' devices."""
        if proposal.mine:
            await asyncio.gather(*self._ask_all(self._is_ready, proposal))
        return proposal.mine

    async def _lead(self, proposal: Proposal) -> None:
        """Leads one proposal as far as it goes; raises nothing when it must wait."""
        if not await self._enough(self._ask_all(self._is_ready, proposal)):
            return
        chosen = await self._ballot(proposal)
        if chosen is None:
            return
        released = await until(self._needed(), self._ask_all(self._signature, chosen))
        if len(released) >= self._needed():
            await self._proposals.enforce(chosen, [self._proposals.release(chosen), *released])

    async def _ballot(self, own: Proposal) -> Proposal | None:
        """Holds a ballot; returns the proposal that was chosen, which may be another; None when none was."""
        base = self._circle.trusted.head.record_hash()
        self._highest = max(self._highest, self._proposals.acceptor.promised)
        ballot = next_ballot(self._highest, self._circle.me.number)
        mine = await self._proposals.prepare(base, ballot)
        votes = await until(self._needed(), self._ask_all(self._vote, base, ballot, b""))
        if not mine.agreed or len(votes) < self._needed():
            return None
        value = await self._value([mine, *votes], own)
        if value is not own and not await self._enough(self._ask_all(self._is_ready, value)):
            return None
        if not (await self._proposals.accept(base, ballot, value.hash)).agreed:
            return None
        return value if await self._enough(self._ask_all(self._vote, base, ballot, value.hash)) else None

    async def _value(self, votes: list[Vote], own: Proposal) -> Proposal:
        """The proposal that a majority's promises bind this ballot to."""
        told = []
        for vote in votes:
            if vote.accepted is not None:
                heard = await self._proposals.hear(self._circle.owner, vote.accepted)
                told.append(Accepted(vote.accepted_ballot, heard.hash))
        return self._proposals.find(choose(told, own.hash)) or own

    async def _vote(self, peer: Peer, base: bytes, ballot: int, roster_hash: bytes) -> Vote | None:
        vote = await self._peers.agree(peer, base, ballot, roster_hash)
        self._highest = max(self._highest, vote.promised)
        return vote if vote.agreed else None

    async def _is_ready(self, peer: Peer, proposal: Proposal) -> bool | None:
        return (await self._sign(peer, proposal, chosen=False)).ready or None

    async def _signature(self, peer: Peer, proposal: Proposal) -> Signed[Roster] | None:
        answer = await self._sign(peer, proposal, chosen=True)
        try:
            signed = open_signed(Roster, answer.roster)
        except FormatError:
            return None
        member = self._circle.trusted.head.record.member(peer.owner)
        theirs = tuple(pair for pair in signed.signatures if member and pair[0] == member.admin)
        return (
            replace(signed, signatures=theirs)
            if theirs and signed.payload == proposal.roster.payload
            else None
        )

    async def _sign(self, peer: Peer, proposal: Proposal, *, chosen: bool) -> Signature:
        try:
            return await self._peers.sign(peer, proposal.evidence, chosen=chosen)
        except PiccoloError as refused:
            if refused.reason != "EPOCH_MOVED":
                raise
        await self._gossip.exchange(peer)  # one of us is behind
        return await self._peers.sign(peer, proposal.evidence, chosen=chosen)

    def _needed(self) -> int:
        """How many admins besides this one make a majority."""
        return succession.majority(len(self._circle.trusted.head.record.admins())) - 1

    async def _enough(self, questions: list[Coroutine[Any, Any, T | None]]) -> bool:
        return len(await until(self._needed(), questions)) >= self._needed()

    def _ask_all(
        self, ask: Callable[Concatenate[Peer, P], Awaitable[T | None]], *args: P.args, **kwargs: P.kwargs
    ) -> list[Coroutine[Any, Any, T | None]]:
        """The same question to every other admin's device; None: it is away, refuses, or takes too long."""

        async def asked(peer: Peer) -> T | None:
            try:
                async with asyncio.timeout(self._pace.answer):
                    return await ask(peer, *args, **kwargs)
            except TimeoutError:
                return None
            except PiccoloError as failed:
                told = fields(owner=peer.owner.hex(), reason=failed.reason, why=failed.message)
                _log.info("admin did not agree", extra=told)
                return None

        view = self._circle.view
        admins = {member.owner for member in view.members if member.admin} if view else set()
        return [asked(peer) for peer in self._circle.peers() if peer.owner in admins]

    def _due(self, proposal: Proposal) -> bool:
        now = asyncio.get_running_loop().time()
        current = {each.hash for each in self._proposals.current()}
        self._seen = {hash_: since for hash_, since in self._seen.items() if hash_ in current}
        since = self._seen.setdefault(proposal.hash, now)
        return proposal.mine or now - since >= self._pace.patience or not self._from_admin(proposal)

    def _from_admin(self, proposal: Proposal) -> bool:
        trusted = self._circle.trusted
        return any(
            holder.device.record.signing.attestation in proposal.roster.signers
            for member in trusted.head.record.members
            if member.admin
            for holder in trusted.holders(member.owner)
        )
