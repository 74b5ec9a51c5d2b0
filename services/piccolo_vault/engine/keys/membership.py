"""Founding, joining, and the signatures under roster changes.

Rules:
* A certificate is put in force before a circle names it; a join that is begun again uses the same one, as
  long as it still fits.
* What the admin key signs was judged here (core/proposals.py), and stands in the audit log before the
  signature leaves this process.
* A device that was replaced signs nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.signed import sign
from piccolo_formats.tls import make_certificate

from piccolo_vault.core.keys.certificates import (
    device_certificate,
    device_name,
    first_roster,
    log_delegation,
    own_certificate,
    same_keys,
)
from piccolo_vault.core.keys.proposals import check_admission, check_follows, check_renewal, open_roster
from piccolo_vault.engine.keys.keyring import no_circle
from piccolo_vault.ports.backups import OWNER_STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from piccolo_formats.kek import Kek
    from piccolo_formats.keypairs import SigningKey
    from piccolo_formats.records.roster import Roster
    from piccolo_formats.secret import Random
    from piccolo_formats.signed import Signed

    from piccolo_vault.core.keys.certificates import Keys
    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.engine.keys.aftermath import Fence
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.roles import Neighbours
    from piccolo_vault.ports.custody import Clock
    from piccolo_vault.ports.trust import CircleView, Proposal

_log = logging.getLogger(__name__)


class Membership:
    """The parts of circle life that need the owner's keys."""

    def __init__(
        self,
        custody: Custody,
        fence: Fence,
        neighbours: Neighbours,
        clock: Clock,
        random: Random,
    ) -> None:
        self._custody, self._fence = custody, fence
        self._trust, self._backups = neighbours.trust, neighbours.backups
        self._remembers, self._roles = neighbours.remembers, neighbours.roles
        self._clock, self._random = clock, random
        self._moving = asyncio.Lock()
        self._refused: set[bytes] = set()

    async def found(self, name: str, *, at_risk: bool) -> bytes:
        """Starts a circle; returns its id.

        Raises PiccoloError LOCKED, FENCED, CONFLICT (ALREADY_IN_CIRCLE), UNAVAILABLE (ROLES_MISSING).
        """
        name = device_name(name)
        async with self._moving:
            kek, owner = self._keys()
            if await self._trust.circle() is not None:
                raise _in_a_circle()
            # Never the circle of an older certificate: it may have been made to join another's.
            owner = await self._certify(kek, owner, self._random(16), name)
            roster = first_roster(kek, owner, at_risk=at_risk, time=int(self._clock.wall()))
            view = await self._trust.found(roster)
        await self._note("circle.found", view.circle.circle_id.hex(), {"name": name, "at_risk": at_risk})
        return view.circle.circle_id

    async def join(self, invitation: str, name: str) -> tuple[bytes, int]:
        """Accepts an invitation; returns the circle's id and how many members it has now.

        Asked again when it was accepted already, it answers the same. Raises as `found`.
        """
        name = device_name(name)
        async with self._moving:
            kek, owner = self._keys()
            opened = await self._trust.open_invitation(invitation)
            view = await self._trust.circle()
            if view is not None and view.circle.circle_id != opened.circle_id:
                raise _in_a_circle()
            if view is None:
                owner = await self._certify(kek, owner, opened.circle_id, name)
                enrol = make_certificate(kek.enrolment())
                view = await self._trust.join(invitation, kek.admin().public, enrol)
                await self._note("circle.join", view.circle.circle_id.hex(), {"name": name})
        return view.circle.circle_id, view.voices + 1

    async def approve(self, roster_hash: bytes) -> int:
        """Signs a roster change on the person's word; returns how many signatures are still needed.

        Raises PiccoloError LOCKED, FENCED, NO_CIRCLE, DENIED (NOT_ADMIN, PROPOSAL_WRONG), NOT_FOUND
        (NO_PROPOSAL).
        """
        _, owner = self._keys()
        view = await self._trust.circle()
        if view is None:
            raise no_circle()
        head = open_roster(view.roster)
        admin = self._admin(head, owner)
        if admin is None:
            raise _not_admin()
        for proposal in await self._trust.proposals():
            if proposal.roster_hash == roster_hash:
                proposed = open_roster(proposal.roster)
                check_follows(head, proposed, view.successors)
                return await self._sign(admin, proposed, proposal, by="the owner's word")
        raise PiccoloError(
            Kind.NOT_FOUND,
            "NO_PROPOSAL",
            "This change is not proposed (any more): it was decided meanwhile, or another one came first.",
        )

    async def sign_admissions(self) -> None:
        """Signs what needs no person: admissions that an acceptance and an invitation prove, and new keys of
        owners who have new words."""
        _, owner = self._keys()
        view = await self._trust.circle()
        if view is None or view.frozen or view.circle.unheard:
            return
        head = open_roster(view.roster)
        admin = self._admin(head, owner)
        if admin is None:
            return
        for proposal in await self._trust.proposals():
            if not proposal.needs_consent:
                await self._agree(admin, head, view, proposal)

    async def _agree(
        self, admin: SigningKey, head: Signed[Roster], view: CircleView, proposal: Proposal
    ) -> None:
        by = "its acceptance and invitation" if proposal.acceptance else "the owner's successors"
        try:
            proposed = open_roster(proposal.roster)
            if admin.public in proposed.signers:
                return
            if proposal.acceptance:
                check_admission(head, proposed, proposal.acceptance, proposal.invitation, view.devices)
            else:
                check_renewal(head, proposed, view)
        except PiccoloError as refused:
            await self._refuse(proposal, refused)
            return
        await self._sign(admin, proposed, proposal, by=by)

    def _admin(self, head: Signed[Roster], owner: OwnerRecord) -> SigningKey | None:
        """This owner's admin key that the roster names: of the words in force, or of those before."""
        member = head.record.member(owner.owner)
        keys = [kek.admin() for kek in (self._custody.kek(), self._custody.former) if kek is not None]
        return next((key for key in keys if member is not None and key.public == member.admin), None)

    async def _sign(self, admin: SigningKey, proposed: Signed[Roster], proposal: Proposal, *, by: str) -> int:
        if proposed.record_hash() != proposal.roster_hash:
            raise PiccoloError(
                Kind.DENIED, "PROPOSAL_WRONG", "The proposed roster has another hash than told."
            )
        signature = dict(sign(proposed.record, admin).signatures)[admin.public]
        await self._audit("circle.sign", proposal.roster_hash.hex(), {"change": proposal.change, "by": by})
        return await self._trust.approve(proposal.roster_hash, admin.public, signature)

    async def _refuse(self, proposal: Proposal, refused: PiccoloError) -> None:
        """Says once that a proposal was not signed; it is judged again, for its proofs may still come."""
        if proposal.roster_hash not in self._refused:
            self._refused.add(proposal.roster_hash)
            _log.warning(
                "a proposal was not signed", extra=fields(reason=refused.reason, why=refused.message)
            )
            subject, details = proposal.roster_hash.hex(), {"why": refused.message}
            await self._note("circle.sign", subject, details, refused.reason)

    def _keys(self) -> tuple[Kek, OwnerRecord]:
        self._fence.check()
        return self._custody.kek(), self._custody.owner()

    async def _certify(self, kek: Kek, owner: OwnerRecord, circle: bytes, name: str) -> OwnerRecord:
        """Puts this device's certificate for a circle in force; returns what is kept of it."""
        roles = await self._roles.gather()
        await self._remembers.set_state(*OWNER_STATE, owner.owner)
        await self._backups.delegate(log_delegation(kek, roles["metadata"][0], owner.generation))
        if owner.device is None or not _names(owner.device, owner, roles, circle, name):
            time = int(self._clock.wall())
            made = device_certificate(kek, owner, roles, circle=circle, name=name, time=time)
            owner = replace(owner, device=made.to_bytes())
            self._custody.save_owner(owner)
        await self._trust.install(owner.device or b"")
        return owner

    async def _audit(self, action: str, subject: str, details: Mapping[str, object]) -> None:
        await self._remembers.audit(action, subject, "ok", json.dumps(details))

    async def _note(
        self, action: str, subject: str, details: Mapping[str, object], outcome: str = "ok"
    ) -> None:
        """Audits what has happened already: it does not fail because the log cannot be written."""
        try:
            await self._remembers.audit(action, subject, outcome, json.dumps(details))
        except PiccoloError as failed:
            _log.warning(
                "an event is not in the audit log", extra=fields(action=action, reason=failed.reason)
            )


def _in_a_circle() -> PiccoloError:
    return PiccoloError(
        Kind.CONFLICT,
        "ALREADY_IN_CIRCLE",
        "This device is in a circle already, and can be in one only. Leave that one first.",
    )


def _names(device: bytes, owner: OwnerRecord, roles: Mapping[str, Keys], circle: bytes, name: str) -> bool:
    record = own_certificate(device, owner).record
    return (record.circle, record.name, record.generation) == (
        circle,
        name,
        owner.generation,
    ) and same_keys(record, roles)


def _not_admin() -> PiccoloError:
    return PiccoloError(
        Kind.DENIED, "NOT_ADMIN", "You are no admin of this circle, so your signature would not count."
    )
