"""Somebody who proposes without end: there is room for what the admins, and this device, propose."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import sign

from piccolo_attestation.core import kept, proposals
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.engine.waiting import Proposal
from piccolo_attestation.ports import Evidence
from piccolo_attestation.testing import NOW, FakeFiles, Owner, grown

NAMES = ("ana", "ben", "cleo", "dan", *(f"m{number}" for number in range(20)))
ANA, BEN, CLEO, DAN, *MORE = map(Owner.named, NAMES)
CIRCLE = grown(ANA, BEN, CLEO, DAN, *MORE)


class Box:
    """An admin's device, as far as it judges proposals."""

    def __init__(self, owner: Owner) -> None:
        self.owner, self.files = owner, FakeFiles()

    async def start(self) -> Box:
        identity = await Identity.open(self.files, bytes)
        identity.certificate = self.owner.device()
        identity.own = replace(identity.own, signing=self.owner.key("attestation"))
        state = kept.Circle(records=tuple(CIRCLE.records()), unsettled=False)
        await self.files.save("circle", state.to_record())
        self.circle = Circle(self.files, identity, lambda: NOW)
        self.proposals = Proposals(self.files, self.circle, identity, lambda: NOW)
        return self

    async def hear(self, by: Owner, gone: Owner, state: MemberState, since: int) -> Proposal:
        roster = proposals.remove(CIRCLE, gone.id, state, since)
        return await self.proposals.hear(by.id, Evidence(sign(roster, by.key("attestation")).to_bytes()))

    async def sign(self, proposal: Proposal) -> None:
        key = self.owner.kek.admin()
        await self.proposals.approve(
            proposal.hash, key.public, dict(sign(proposal.roster.record, key).signatures)[key.public]
        )

    def waiting(self, gone: Owner) -> list[int]:
        found = (each.roster.record.member(gone.id) for each in self.proposals.current())
        return [each.since for each in found if each and each.state is not MemberState.ACTIVE]


@pytest.fixture
async def ana() -> Box:
    return await Box(ANA).start()


async def test_who_leaves_again_and_again_is_expelled_all_the_same(ana: Box) -> None:
    ben = await Box(BEN).start()
    for number in range(70):
        await ana.hear(DAN, DAN, MemberState.LEAVING, NOW + number)
    assert ana.waiting(DAN) == [NOW + 69]
    await ana.proposals.remove(DAN.id, MemberState.EXPELLED)
    await ben.proposals.remove(DAN.id, MemberState.EXPELLED)
    (theirs,) = ben.proposals.current()
    await ana.proposals.hear(BEN.id, theirs.evidence)
    assert sorted(ana.waiting(DAN)) == [NOW, NOW + 69]  # both admins make the same roster of it


async def test_what_was_signed_or_accepted_here_stays(ana: Box) -> None:
    signed = await ana.hear(DAN, DAN, MemberState.LEAVING, NOW)
    await ana.sign(signed)
    assert (await ana.proposals.accept(CIRCLE.head.record_hash(), 2**32 + 1, signed.hash)).agreed
    for number in range(1, 5):
        await ana.hear(DAN, DAN, MemberState.LEAVING, NOW + number)
    assert ana.waiting(DAN) == [NOW, NOW + 4]
    found = ana.proposals.find(signed.hash)
    assert found is not None
    assert found.signature is not None


async def test_many_members_who_leave_at_once_leave_room_for_the_admins(ana: Box) -> None:
    for member in MORE:
        await ana.hear(member, member, MemberState.LEAVING, NOW)
    assert len(ana.proposals.current()) == 16
    for member in MORE:  # an admin, too, has its own room only
        await ana.hear(BEN, member, MemberState.EXPELLED, NOW)
        await ana.hear(BEN, member, MemberState.COMPROMISED, NOW)
    assert len(ana.proposals.current()) == 32
    await ana.hear(CLEO, DAN, MemberState.EXPELLED, NOW)
    await ana.proposals.remove(DAN.id, MemberState.COMPROMISED)
    assert len(ana.waiting(DAN)) == 2
