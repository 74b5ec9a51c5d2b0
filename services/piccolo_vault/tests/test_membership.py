"""Founding, joining, and which roster changes this owner's key signs."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.device_record import open_device
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.records.roster import AttestationPolicy, MemberState, Policy, Roster
from piccolo_formats.signed import Signed, open_signed, sign

from piccolo_vault.core.keys.certificates import device_name
from piccolo_vault.core.keys.proposals import check_admission, check_follows
from piccolo_vault.testing_keys import Crash
from piccolo_vault.tests.circle_fakes import FakeOwner, accept, following, invite, member
from piccolo_vault.tests.keeper_fake import FakeKeeper
from piccolo_vault.tests.vault_on import Box, Vault, reason_of, until

LINK = "piccolo:join?c=00000000000000000000000000"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "d")


async def ready(box: Box, vault: Vault) -> None:
    """Owned, and known to attestation."""
    await vault.owned()
    vault.follow()
    await until(box, vault, lambda: vault.circle._heard)


async def test_founding_certifies_all_roles_and_signs_the_first_roster(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        circle = await vault.membership.found("Ana's box", at_risk=True)
        device = open_device(box.attestation.device, vault.owner.root).record
        assert (device.circle, device.generation, device.name) == (circle, 1, "Ana's box")
        assert device.signing.vault == vault.roles.signing.public
        assert device.tls.vault == vault.roles.certificate
        assert device.signing.metadata == box.metadata.key.public
        roster = open_signed(Roster, box.attestation.roster).record
        kek = vault.custody.kek()
        assert (roster.epoch, roster.policy.at_risk) == (1, True)
        assert [(m.number, m.owner, m.admin) for m in roster.members] == [
            (0, vault.owner.owner, kek.admin().public)
        ]
        assert box.metadata.delegation is not None
        assert box.metadata.delegation.backup == kek.backup().public
        assert vault.keyring.generation() == 1
        await until(box, vault, lambda: vault.circle.current().circle_id == circle)
        assert [audit.action for audit in box.metadata.audits] == ["circle.found"]
        assert box.metadata.state["vault/owner"] == vault.owner.owner


async def test_a_second_circle_is_refused(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        await vault.membership.found("box", at_risk=False)
        assert await reason_of(vault.membership.found("box", at_risk=False)) == "ALREADY_IN_CIRCLE"
        box.attestation.inviter = FakeOwner("Ben", os.urandom(16))
        assert await reason_of(vault.membership.join(LINK, "box")) == "ALREADY_IN_CIRCLE"


async def test_a_device_that_still_starts_says_who_is_missing(box: Box) -> None:
    del box.attestation.roles["fragment-store"]
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        with pytest.raises(PiccoloError) as caught:
            await vault.membership.found("box", at_risk=False)
        assert caught.value.reason == "ROLES_MISSING"
        assert "fragment-store" in caught.value.message
        assert box.attestation.device == b""


async def test_a_locked_or_replaced_device_founds_nothing(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        await vault.custody.lock()
        assert await reason_of(vault.membership.found("box", at_risk=False)) == "LOCKED"
        await vault.custody.unlock("seven green kettles")
        vault.fence.raise_for(generation=2)
        assert await reason_of(vault.membership.found("box", at_risk=False)) == "FENCED"


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "\U0001f600" * 64, "x" * 256])
def test_names_that_do_not_fit_a_certificate_are_refused(name: str) -> None:
    with pytest.raises(PiccoloError) as caught:
        device_name(name)
    assert caught.value.reason == "DEVICE_NAME"


async def test_founding_again_after_a_crash_begins_anew(box: Box) -> None:
    async with box.services():
        async with box.vault() as vault:
            await ready(box, vault)
            box.files.crash_at = box.files.changes + 1
            with pytest.raises(Crash):
                await vault.membership.found("box", at_risk=False)
        box.files = box.files.rebooted()
        async with box.vault() as vault:
            await vault.custody.unlock("seven green kettles")
            vault.follow()
            circle = await vault.membership.found("box", at_risk=False)
            assert box.attestation.device == vault.owner.device
            assert open_device(box.attestation.device).record.circle == circle
            assert vault.keyring.generation() == 1


async def test_joining_certifies_this_device_for_the_inviters_circle(box: Box) -> None:
    box.attestation.inviter = FakeOwner("Ben", os.urandom(16))
    box.attestation.keepers = [FakeKeeper(box.attestation.inviter)]
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        circle, members = await vault.membership.join(LINK, "Ana's box")
        assert (circle, members) == (box.attestation.inviter.circle, 2)
        assert open_device(box.attestation.device).record.circle == circle
        await until(box, vault, lambda: [m.name for m in vault.circle.current().members] == ["Ben"])
        ben = vault.circle.current().members[0]
        assert ben.receipt_key == box.attestation.inviter.keys["fragment-store"].public


async def test_a_certificate_for_a_circle_that_was_not_joined_is_replaced(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        box.attestation.inviter = FakeOwner("Ben", os.urandom(16))
        box.attestation.closed = True
        assert await reason_of(vault.membership.join(LINK, "box")) == "INVITATION_EXPIRED"
        assert open_device(box.attestation.device).record.circle == box.attestation.inviter.circle
        circle = await vault.membership.found("box", at_risk=False)
        assert circle != box.attestation.inviter.circle
        device = open_device(box.attestation.device).record
        assert (device.circle, device.generation) == (circle, 1)


async def test_joining_again_what_was_joined_answers_the_same(box: Box) -> None:
    box.attestation.inviter = FakeOwner("Ben", os.urandom(16))
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        first = await vault.membership.join(LINK, "box")
        assert await vault.membership.join(LINK, "box") == first
        box.attestation.inviter = FakeOwner("Eve", os.urandom(16))
        assert await reason_of(vault.membership.join(LINK, "box")) == "ALREADY_IN_CIRCLE"


async def test_founding_and_joining_at_once_end_in_one_circle(box: Box) -> None:
    box.attestation.inviter = FakeOwner("Ben", os.urandom(16))
    async with box.services(), box.vault() as vault:
        await ready(box, vault)
        reasons = await asyncio.gather(
            reason_of(vault.membership.found("box", at_risk=False)),
            reason_of(vault.membership.join(LINK, "box")),
        )
        assert sorted(reasons) == ["", "ALREADY_IN_CIRCLE"]
        assert open_device(vault.owner.device or b"").record.circle == vault.circle.current().circle_id


class Admins:
    """A circle of Ben (founder) and this vault's owner, both admins, and Cleo, who wants to come in."""

    def __init__(self, box: Box, vault: Vault) -> None:
        self.box, self.vault = box, vault
        self.ben = FakeOwner("Ben", os.urandom(16))
        self.cleo = FakeOwner("Cleo", self.ben.circle)
        self.code = InvitationCode(os.urandom(16))

    async def begin(self) -> None:
        await ready(self.box, self.vault)
        self.box.attestation.inviter = self.ben
        self.box.attestation.keepers = [FakeKeeper(self.ben)]
        await self.vault.membership.join(LINK, "Ana's box")
        self.box.metadata.audits.clear()

    @property
    def head(self) -> Signed[Roster]:
        return open_signed(Roster, self.box.attestation.roster)

    def newcomer(self, **changes: object) -> Roster:
        new = member(2, self.cleo.device.record, admin=True, by=self.ben.owner.owner)
        return following(self.head, replace(new, **changes))  # type: ignore[arg-type]

    def proposal(self, roster: Roster, **changes: object) -> pb.Proposal:
        signed = sign(roster, self.ben.keys["attestation"])
        proposal = pb.Proposal(
            roster_hash=signed.record_hash(),
            roster=signed.to_bytes(),
            change="Cleo joins the circle.",
            acceptance=accept(self.cleo, self.head.record_hash(), self.code),
            invitation=invite(self.ben, self.head.record_hash(), self.code),
            wanted=2,
        )
        for name, value in changes.items():
            setattr(proposal, name, value)
        return proposal


async def test_an_admission_is_signed_alone_with_an_audit_entry(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        proposal = circle.proposal(circle.newcomer())
        box.attestation.propose(proposal)
        await until(box, vault, lambda: box.attestation.approved)
        assert box.attestation.approved[0].key == vault.custody.kek().admin().public
        audit = box.metadata.audits[0]
        assert (audit.action, audit.outcome) == ("circle.sign", "ok")
        assert audit.subject == proposal.roster_hash.hex()
        assert json.loads(audit.details)["change"] == "Cleo joins the circle."
        await vault.membership.sign_admissions()
        assert len(box.attestation.approved) == 1


async def test_a_locked_device_signs_when_it_is_unlocked(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        await vault.custody.lock()
        box.attestation.propose(circle.proposal(circle.newcomer()))
        assert await reason_of(vault.membership.sign_admissions()) == "LOCKED"
        assert box.attestation.approved == []
        await vault.custody.unlock("seven green kettles")
        await until(box, vault, lambda: box.attestation.approved)


async def test_nothing_is_signed_without_an_audit_entry(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        box.metadata.deaf = True
        box.attestation.propose(circle.proposal(circle.newcomer()))
        assert await reason_of(vault.membership.sign_admissions()) == "AUDIT_FULL"
        assert box.attestation.approved == []


async def test_a_removal_waits_for_the_persons_word(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        gone = replace(circle.head.record.members[0], state=MemberState.EXPELLED, admin=None)
        removal = circle.proposal(
            following(circle.head, gone), acceptance=b"", invitation=b"", needs_consent=True, wanted=1
        )
        box.attestation.propose(removal)
        await vault.membership.sign_admissions()
        assert box.attestation.approved == []
        assert await vault.membership.approve(removal.roster_hash) == 0
        assert "owner's word" in box.metadata.audits[-1].details
        assert await reason_of(vault.membership.approve(bytes(32))) == "NO_PROPOSAL"


async def test_who_is_no_admin_signs_nothing(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        me = replace(circle.head.record.members[1], admin=None)
        box.attestation.found_with(circle.ben, circle.head.record.members[0], me)
        proposal = circle.proposal(circle.newcomer())
        box.attestation.waiting.append(proposal)
        await vault.membership.sign_admissions()
        assert box.attestation.approved == []
        assert await reason_of(vault.membership.approve(proposal.roster_hash)) == "NOT_ADMIN"


FORGERIES = {
    "no acceptance": lambda c: c.proposal(c.newcomer(), acceptance=b"\x80"),
    "no invitation": lambda c: c.proposal(c.newcomer(), invitation=b""),
    "an acceptance for another roster": lambda c: c.proposal(
        c.newcomer(), acceptance=accept(c.cleo, bytes(32), c.code)
    ),
    "an acceptance of another invitation": lambda c: c.proposal(
        c.newcomer(),
        acceptance=accept(c.cleo, c.head.record_hash(), InvitationCode(bytes(16))),
    ),
    "somebody else's acceptance": lambda c: c.proposal(
        c.newcomer(), acceptance=accept(FakeOwner("Eve", c.ben.circle), c.head.record_hash(), c.code)
    ),
    "a device of another circle": lambda c: c.proposal(
        c.newcomer(), acceptance=accept(FakeOwner("Eve", bytes(16)), c.head.record_hash(), c.code)
    ),
    "an invitation by a stranger": lambda c: c.proposal(
        c.newcomer(), invitation=invite(c.cleo, c.head.record_hash(), c.code)
    ),
    "an invitation signed by another role": lambda c: c.proposal(
        c.newcomer(), invitation=_signed_by_vault(c)
    ),
    "a member invited by another": lambda c: c.proposal(c.newcomer(invited_by=c.vault.owner.owner)),
    "another owner's root": lambda c: c.proposal(c.newcomer(owner=bytes(32))),
    "a number that was given": lambda c: c.proposal(_renumbered(c)),
    "a member who is gone already": lambda c: c.proposal(c.newcomer(state=MemberState.LEAVING, admin=None)),
    "a recovered member": lambda c: c.proposal(c.newcomer(recovered=7)),
    "another admin key": lambda c: c.proposal(c.newcomer(admin=bytes(32))),
    "another policy": lambda c: c.proposal(
        replace(c.newcomer(), policy=Policy(attestation=AttestationPolicy.OFF, at_risk=True))
    ),
    "an epoch left out": lambda c: c.proposal(replace(c.newcomer(), epoch=3)),
    "another predecessor": lambda c: c.proposal(replace(c.newcomer(), previous=bytes(32))),
    "a demoted admin besides": lambda c: c.proposal(_besides(c, admin=None)),
    "an expelled member besides": lambda c: c.proposal(_besides(c, admin=None, state=MemberState.EXPELLED)),
    "a changed member besides": lambda c: c.proposal(_besides(c, since=1)),
    "two members at once": lambda c: c.proposal(_two(c)),
    "a member left out": lambda c: c.proposal(_without(c)),
    "nothing": lambda c: c.proposal(following(c.head)),
}


def _signed_by_vault(circle: Admins) -> bytes:
    circle.ben.keys["attestation"], kept = circle.ben.keys["vault"], circle.ben.keys["attestation"]
    try:
        return invite(circle.ben, circle.head.record_hash(), circle.code)
    finally:
        circle.ben.keys["attestation"] = kept


def _renumbered(circle: Admins) -> Roster:
    roster = circle.newcomer()
    first, second, new = roster.members
    return replace(roster, members=(first, replace(second, number=5), replace(new, number=9)))


def _besides(circle: Admins, **changes: object) -> Roster:
    roster = circle.newcomer()
    first, *others = roster.members
    return replace(roster, members=(replace(first, **changes), *others))  # type: ignore[arg-type]


def _two(circle: Admins) -> Roster:
    eve = member(3, FakeOwner("Eve", circle.ben.circle).device.record, admin=False, by=circle.ben.owner.owner)
    roster = circle.newcomer()
    return replace(roster, members=(*roster.members, eve))


def _without(circle: Admins) -> Roster:
    roster = circle.newcomer()
    return replace(roster, members=roster.members[1:])


async def test_whatever_is_not_one_invited_newcomer_is_not_signed(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        devices = {circle.ben.owner.owner: circle.ben.device.to_bytes()}
        good = circle.proposal(circle.newcomer())
        proposed = open_signed(Roster, good.roster)
        check_admission(circle.head, proposed, good.acceptance, good.invitation, devices)
        for what, forge in FORGERIES.items():
            bad = forge(circle)  # type: ignore[no-untyped-call]
            with pytest.raises(PiccoloError) as caught:
                check_admission(
                    circle.head, open_signed(Roster, bad.roster), bad.acceptance, bad.invitation, devices
                )
            assert caught.value.reason == "PROPOSAL_WRONG", what
            box.attestation.waiting.append(bad)
        await vault.membership.sign_admissions()
        assert box.attestation.approved == []
        reasons = {audit.outcome for audit in box.metadata.audits}
        assert reasons == {"PROPOSAL_WRONG"}


async def test_a_member_who_had_gone_comes_back_under_its_number(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        gone = member(2, circle.cleo.device.record, admin=False, by=circle.ben.owner.owner)
        members = (*circle.head.record.members, replace(gone, state=MemberState.LEAVING))
        box.attestation.found_with(circle.ben, *members)
        good = circle.proposal(circle.newcomer())
        devices = {circle.ben.owner.owner: circle.ben.device.to_bytes()}
        back = check_admission(
            circle.head, open_signed(Roster, good.roster), good.acceptance, good.invitation, devices
        )
        assert (back.number, back.state) == (2, MemberState.ACTIVE)


async def test_a_fourth_admin_needs_a_person(box: Box) -> None:
    async with box.services(), box.vault() as vault:
        circle = Admins(box, vault)
        await circle.begin()
        dan = member(2, FakeOwner("Dan", circle.ben.circle).device.record, admin=True)
        box.attestation.found_with(circle.ben, *circle.head.record.members, dan)
        devices = {circle.ben.owner.owner: circle.ben.device.to_bytes()}
        for admin, why in ((circle.cleo.device.record.admin, "admin"), (None, "")):
            bad = circle.proposal(circle.newcomer(number=3, admin=admin))
            proposed = open_signed(Roster, bad.roster)
            check_follows(circle.head, proposed)
            if why:
                with pytest.raises(PiccoloError, match="a person has to decide"):
                    check_admission(circle.head, proposed, bad.acceptance, bad.invitation, devices)
            else:
                check_admission(circle.head, proposed, bad.acceptance, bad.invitation, devices)
