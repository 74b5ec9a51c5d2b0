"""Roster changes that wait for the admins: made here or heard of, signed by the own vault, released when
chosen.

Rules:
* A proposal rests on the roster in force. When that moves on, proposals are dropped: a joiner accepts anew, a
  wish to remove somebody is proposed anew, and both need a signature anew.
* What another device proposes is judged by making it again from what it follows; nothing is taken on trust.
* That an owner has new words every admin's device proposes on its own, not too often (`renewals`); they all
  make the same roster of it.
* The own vault is shown one admission of this device's own at a time, and whatever other admins ask for.
* The owner's signature is kept here. It leaves this device only for the proposal that the admins' devices
  chose (core.agreement); what was promised and accepted is durable before it is told.
* While the circle is unsettled after a restore nothing is promised, accepted or signed: what the lost device
  had promised is not known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.keypairs import signature_is_valid
from piccolo_formats.records.roster import MemberState, Roster
from piccolo_formats.signed import Signed, merge, open_signed, sign

from piccolo_attestation.core import joining, kept, proposals, succession
from piccolo_attestation.core.agreement import Acceptor
from piccolo_attestation.core.joining import Joiner
from piccolo_attestation.core.judging import judged
from piccolo_attestation.engine.changes import Changes, whole
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.engine.renewals import DAY, Renewals
from piccolo_attestation.engine.waiting import Proposal, added, packed, too_many, unpacked
from piccolo_attestation.ports import Clock, Evidence, Files, Vote

_FILE = "proposals"
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Proposals:
    """The proposals on top of the roster in force."""

    def __init__(
        self, files: Files, circle: Circle, identity: Identity, clock: Clock, day: float = DAY
    ) -> None:
        """`day`: seconds of running time, of which each owner's new words are named once."""
        self.changes = Changes()
        self.held_back = False
        self._often = Renewals(day)
        self._files, self._circle, self._identity, self._clock = files, circle, identity, clock
        self._lock = asyncio.Lock()
        self._known: dict[bytes, Proposal] = {}
        self._wishes: tuple[kept.Wish, ...] = ()
        self._acceptor = Acceptor(b"")
        if content := files.load(_FILE):
            self._restore(kept.read(kept.Proposals, content))

    @property
    def acceptor(self) -> Acceptor:
        """What this device promised and accepted on top of the roster in force."""
        head = self._circle.trusted.head.record_hash()
        return self._acceptor if self._acceptor.base == head else Acceptor(head)

    def current(self) -> list[Proposal]:
        """The proposals on top of the roster in force, oldest first."""
        if self._circle.view is None:
            return []
        head = self._circle.trusted.head.record_hash()
        return [each for each in self._known.values() if each.roster.record.previous == head]

    def find(self, roster_hash: bytes) -> Proposal | None:
        """The proposal of that hash, if it rests on the roster in force."""
        return next((each for each in self.current() if each.hash == roster_hash), None)

    def listing(self) -> list[Proposal]:
        """What the own vault is asked to sign, and what it signed and is not in force yet; nothing if no
        admin."""
        circle = self._circle
        if circle.view is None or not circle.me.admin or circle.unheard or circle.fenced:
            return []
        current = self.current()
        joins = [each for each in current if each.mine and each.joiner]
        return [each for each in current if each not in joins[1:]]

    def wanted(self, proposal: Proposal) -> int:
        """How many signatures are missing, the own one counted."""
        signers = proposal.signature.signers if proposal.signature else frozenset()
        return succession.signatures_wanted(self._circle.trusted.head.record, signers)

    def with_signature(self, proposal: Proposal) -> Signed[Roster]:
        """The proposed roster with the own signature on it, if there is one: not to leave this device."""
        return merge(proposal.roster, proposal.signature) if proposal.signature else proposal.roster

    def change(self, proposal: Proposal) -> proposals.Change:
        """What a proposal changes."""
        name = proposal.joiner.device.record.name if proposal.joiner else ""
        return proposals.describe(self._circle.trusted, proposal.roster.record, name)

    async def admit(self, joiner: Joiner, acceptance: bytes, invitation: bytes) -> None:
        """Proposes to let a joiner in. Raises PiccoloError as `core.proposals.admit`, NOT_ADMIN."""
        if any(each.mine and each.joiner == joiner for each in self.current()):
            return
        self._check_admin()
        roster = proposals.admit(self._circle.trusted, joiner, self._circle.owner, self._clock())
        signed = sign(roster, self._identity.own.signing)
        evidence = Evidence(signed.to_bytes(), acceptance, invitation)
        await self._add(Proposal(signed, evidence, joiner, mine=True))

    async def remove(self, owner: bytes, state: MemberState) -> bytes:
        """Wishes that a member goes; returns the hash of the proposed roster.

        Raises PiccoloError as `core.proposals.remove`; DENIED, NOT_ADMIN unless it is this owner's own
        leaving.
        """
        if (owner, state) != (self._circle.owner, MemberState.LEAVING):
            self._check_admin()
        for each in self.current():
            if each.mine and self._is_removal(each) and self._removes(each) == (owner, state):
                return each.hash
        proposal = self._removal(owner, state)
        await self._add(proposal, kept.Wish(owner=owner, state=state))
        return proposal.hash

    async def withdraw(self, invitation: bytes) -> None:
        """Forgets what follows this Signed("invitation"), unless it was accepted for a ballot: it was
        revoked."""
        for each in self.current():
            if each.evidence.invitation == invitation and self.acceptor.value != each.hash:
                await self._forget(each.hash)

    async def hear(self, caller: bytes, evidence: Evidence) -> Proposal:
        """Takes a proposal that another device asks to sign, after judging it.

        `caller` is the owner whose device asks: an admin, or a member that wants to leave. Raises
        PiccoloError EPOCH_MOVED, PROPOSAL_WRONG, NOT_ADMIN, and as the records in it are judged.
        """
        with judged("The proposed roster"):
            signed = open_signed(Roster, evidence.roster)
        trusted = self._circle.trusted
        if found := self.find(signed.record_hash()):
            proposals.check_admins(trusted, *({caller} - {proposals.proposer(trusted, found.roster)}))
            return found
        if signed.record.previous != trusted.head.record_hash():
            raise joining.epoch_moved()
        proposer = proposals.proposer(trusted, signed)
        joiner = None
        if evidence.acceptance:
            joiner = joining.open_acceptance(joining.unsealed(evidence.acceptance))
            invitation = joining.open_invitation(trusted, evidence.invitation).record
            if invitation.invitation_id != joiner.invitation_id:
                raise proposals.not_admin("The acceptance answers another invitation.")
            proposals.check_admission(trusted, signed.record, joiner, invitation.by)
            proposals.check_admins(trusted, caller, proposer)
        elif (renewed := proposals.renewal_of(trusted, signed.record)) is not None:
            proposals.check_renewal(trusted, signed.record, renewed)
            proposals.check_admins(trusted, caller, proposer)
            if not self._may_renew(renewed):
                raise too_many()
        else:
            # leaving is everybody's own to propose; who passes it on is an admin, or the one who leaves
            leaves = proposals.removal_of(trusted, signed.record) == (proposer, MemberState.LEAVING)
            proposals.check_admins(trusted, *({caller, proposer} - ({proposer} if leaves else set())))
        proposal = Proposal(signed, evidence, joiner, mine=False)
        await self._add(proposal)
        return proposal

    async def approve(self, roster_hash: bytes, key: bytes, signature: bytes) -> int:
        """Keeps the own vault's signature; returns how many are still missing.

        Raises PiccoloError CONFLICT (EPOCH_MOVED), DENIED (SIGNATURE_WRONG, NOT_ADMIN).
        """
        self._check_admin()
        proposal = self.find(roster_hash)
        if proposal is None:
            raise joining.epoch_moved()
        message = b"piccolo/roster/v1\x00" + proposal.roster.payload
        own = self._circle.trusted.head.record.member(self._circle.owner)
        if own is None or key != own.admin or not signature_is_valid(key, signature, message):
            raise PiccoloError(
                Kind.DENIED,
                "SIGNATURE_WRONG",
                "This is not the signature of this owner's admin key on the proposal.",
            )
        if proposal.signature is None:
            signed = Signed(proposal.roster.record, proposal.roster.payload, ((key, signature),))
            proposal = replace(proposal, signature=signed)
            await self._add(proposal)
            _log.info(
                "proposal signed", extra=fields(change=self.change(proposal).words, hash=roster_hash.hex())
            )
        return self.wanted(proposal)

    async def prepare(self, base: bytes, ballot: int) -> Vote:
        """Answers a leader's first step. Raises PiccoloError EPOCH_MOVED, UNSETTLED."""
        return await self._vote(base, lambda acceptor: acceptor.prepare(ballot))

    async def accept(self, base: bytes, ballot: int, roster_hash: bytes) -> Vote:
        """Answers a leader's second step; nothing is accepted that this owner has not signed. Raises as
        `prepare`."""
        proposal = self.find(roster_hash)
        signed = proposal is not None and proposal.signature is not None
        return await self._vote(base, lambda a: a.accept(ballot, roster_hash) if signed else None)

    def release(self, proposal: Proposal) -> Signed[Roster]:
        """The own signature on the chosen proposal. Raises PiccoloError CONFLICT, NOT_CHOSEN."""
        if proposal.signature is None or self.acceptor.value != proposal.hash:
            raise PiccoloError(
                Kind.CONFLICT, "NOT_CHOSEN", "This device has accepted another proposal, or none; ask again."
            )
        return proposal.signature

    async def enforce(self, proposal: Proposal, signatures: list[Signed[Roster]]) -> None:
        """Puts a chosen proposal in force with the admins' signatures on it."""
        records = [merge(*signatures).to_bytes()]
        if proposal.joiner:
            records += [proposal.joiner.device.to_bytes(), proposal.joiner.presence.to_bytes()]
        await self._circle.take(records)

    async def refresh(self) -> None:
        """Drops what the roster in force left behind, and proposes the wishes again."""
        if self._circle.view is not None:
            await whole(self._locked(self._refreshed))

    async def _refreshed(self) -> None:
        current = {each.hash: each for each in self.current()}
        wishes = []
        for wish in self._wishes:
            try:
                proposal = self._removal(wish.owner, wish.state)
            except PiccoloError as over:
                _log.info("wish is over", extra=fields(reason=over.reason))
                continue
            wishes.append(wish)
            if not any(each.mine and self._is_removal(each) for each in current.values()):
                current[proposal.hash] = proposal
        for renewal in self._renewals():
            current.setdefault(renewal.hash, renewal)
        if (current, tuple(wishes)) != (self._known, self._wishes):
            await self._keep(current, tuple(wishes), self.acceptor)

    async def _vote(self, base: bytes, step: Callable[[Acceptor], Acceptor | None]) -> Vote:
        if self._circle.unheard:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "UNSETTLED",
                "This device came back from a restore and is still asking around.",
            )
        if base != self._circle.trusted.head.record_hash():
            raise joining.epoch_moved()

        async def voted() -> Vote:
            before = self.acceptor
            after = step(before)
            if after is not None:
                await self._keep(self._known, self._wishes, after)
            last = self.find(before.value)
            if before.value and last is None:
                raise kept.damage("the proposal that it had accepted is missing")
            told = last.evidence if last else None
            return Vote(after is not None, (after or before).promised, before.ballot if told else 0, told)

        return await whole(self._locked(voted))

    def _removal(self, owner: bytes, state: MemberState) -> Proposal:
        roster = proposals.remove(self._circle.trusted, owner, state, self._clock())
        signed = sign(roster, self._identity.own.signing)
        return Proposal(signed, Evidence(signed.to_bytes()), None, mine=True)

    def _renewals(self) -> list[Proposal]:
        """What an admin's device proposes for owners who have new words."""
        self.held_back = False
        if not self._circle.me.admin or self._circle.unheard or self._circle.fenced:
            return []
        trusted, made = self._circle.trusted, []
        wanted = proposals.renewals(trusted)
        due = [owner for owner in wanted if self._may_renew(owner)]
        self.held_back = due != wanted
        for owner in due:
            try:
                signed = sign(proposals.renew(trusted, owner), self._identity.own.signing)
            except PiccoloError as refused:
                told = fields(owner=owner.hex(), reason=refused.reason, why=refused.message)
                _log.warning("an owner's new keys cannot be named", extra=told)
                continue
            made.append(Proposal(signed, Evidence(signed.to_bytes()), None, mine=True))
        return made

    def _may_renew(self, owner: bytes) -> bool:
        roster = self._circle.trusted.head.record
        return self._often.may(roster, owner, asyncio.get_running_loop().time())

    def is_renewal(self, proposal: Proposal) -> bool:
        """Whether a proposal names an owner's new keys: no person needs to be asked."""
        return proposals.renewal_of(self._circle.trusted, proposal.roster.record) is not None

    def _is_removal(self, proposal: Proposal) -> bool:
        return proposal.joiner is None and not self.is_renewal(proposal)

    def _removes(self, proposal: Proposal) -> tuple[bytes, MemberState]:
        return proposals.removal_of(self._circle.trusted, proposal.roster.record)

    def _check_admin(self) -> None:
        self._circle.check_current()
        if not self._circle.me.admin:
            raise proposals.not_admin("Only an admin's device can do this; ask an admin of the circle.")

    async def _add(self, proposal: Proposal, wish: kept.Wish | None = None) -> None:
        async def taken() -> None:
            known = added(self.current(), proposal, self._circle.trusted, self.acceptor.value)
            others = tuple(each for each in self._wishes if wish is None or each.owner != wish.owner)
            await self._keep(known, (*others, wish) if wish else others, self.acceptor)

        await whole(self._locked(taken))

    async def _forget(self, roster_hash: bytes) -> None:
        async def forgotten() -> None:
            known = {hash_: each for hash_, each in self._known.items() if hash_ != roster_hash}
            await self._keep(known, self._wishes, self.acceptor)

        await whole(self._locked(forgotten))

    async def _locked(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._lock:
            return await work()

    async def _keep(
        self, known: dict[bytes, Proposal], wishes: tuple[kept.Wish, ...], acceptor: Acceptor
    ) -> None:
        state = kept.Proposals(
            base=acceptor.base,
            proposals=tuple(map(packed, known.values())),
            wishes=wishes,
            promised=acceptor.promised,
            ballot=acceptor.ballot,
            value=acceptor.value,
        )
        await self._files.save(_FILE, state.to_record())
        self._known, self._wishes, self._acceptor = known, wishes, acceptor
        self.changes.tell()

    def _restore(self, state: kept.Proposals) -> None:
        self._acceptor = Acceptor(state.base, state.promised, state.ballot, state.value)
        self._wishes = state.wishes
        for each in state.proposals:
            proposal = unpacked(each)
            self._known[proposal.hash] = proposal
