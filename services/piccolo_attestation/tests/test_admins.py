"""Admins' devices settle what comes into force: nobody signs twice, nobody waits for ever, nobody is
overrun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import sign

from piccolo_attestation.core import proposals
from piccolo_attestation.ports import Evidence
from piccolo_attestation.testing import NOW, Owner, signed_by, signing_key
from piccolo_attestation.tests.devices import Device, Network, grown, running, settled

NAMES = ("ana", "ben", "cleo", "dan", "eve")


def devices(network: Network, count: int) -> list[Device]:
    return [Device(Owner.named(name), network, f"{name}.example:7000") for name in NAMES[:count]]


async def refused(reason: str, work: Awaitable[object]) -> None:
    with pytest.raises(PiccoloError) as error:
        await work
    assert error.value.reason == reason, error.value.message


def state(device: Device, owner: Owner) -> MemberState | None:
    member = device.circle.view.member(owner.id) if device.circle.view else None
    return member.state if member else None


async def test_two_of_three_admins_are_enough_and_one_waits_for_another() -> None:
    group = devices(Network(), 5)
    async with running(*group) as works:
        await grown(group[:4])
        await works.stop(group[1])
        await group[4].join((await group[0].invite()).link)
        await works.stop(group[2])
        lost = await group[0].invite()
        late = Device(Owner.named("late"), group[0].network, "late.example:7000")
        await works.start(late)
        joining = asyncio.create_task(late.join(lost.link))
        await group[0].until(lambda: bool(group[0].proposals.current()))
        await group[0].until(lambda: group[0].proposals.current()[0].signature is not None)
        assert not joining.done()
        await works.start(group[2])
        await joining
        await settled([group[0], group[2], group[3], group[4], late], {*NAMES, "late"})


async def test_a_locked_vault_delays_and_does_not_block() -> None:
    group = devices(Network(), 3)
    async with running(*group):
        await grown(group[:2])
        group[1].unlocked = False
        joining = asyncio.create_task(group[2].join((await group[0].invite()).link))
        await group[1].until(lambda: bool(group[1].proposals.current()))
        assert not joining.done()
        group[1].unlocked = True
        group[1].proposals.changes.tell()
        await joining
        await settled(group)


async def test_what_an_absent_leader_left_accepted_is_completed_by_the_next() -> None:
    network = Network()
    group = devices(network, 5)
    async with running(*group) as works:
        await grown(group[:3])
        ana, ben, cleo, dan, eve = group
        link = (await ana.invite()).link
        joining = asyncio.create_task(dan.join(link))
        await ana.until(lambda: bool(ana.proposals.current()))
        proposal = ana.proposals.current()[0]
        await ben.proposals.hear(ana.owner.id, proposal.evidence)
        for device in (ana, ben):
            await device.sign(proposal.hash)
        base, ballot = ana.circle.trusted.head.record_hash(), 2**32
        assert (await ben.proposals.prepare(base, ballot)).agreed
        assert (await ben.proposals.accept(base, ballot, proposal.hash)).agreed
        await works.stop(ana)  # for good
        await eve.join((await cleo.invite()).link)
        await settled([ben, cleo, eve], {"ana", "ben", "cleo", "dan", "eve"})
        epochs = [member.number for member in ben.circle.trusted.head.record.members]
        assert epochs == [0, 1, 2, 3, 4]
        assert ben.circle.trusted.head.record.members[3].owner == dan.owner.id  # the accepted one came first
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)


async def test_nothing_is_accepted_that_the_owner_has_not_signed_and_released_that_was_not_chosen() -> None:
    group = devices(Network(), 3)
    async with running(*group):
        await grown(group[:2])
        ana, ben, cleo = group
        ana.unlocked = ben.unlocked = False
        joining = asyncio.create_task(cleo.join((await ana.invite()).link))
        await ana.until(lambda: bool(ana.proposals.current()))
        proposal = ana.proposals.current()[0]
        base = ana.circle.trusted.head.record_hash()
        await ben.proposals.hear(ana.owner.id, proposal.evidence)
        assert (await ben.proposals.prepare(base, 5)).agreed
        assert not (await ben.proposals.accept(base, 5, proposal.hash)).agreed
        await ben.sign(proposal.hash)
        signed = ben.proposals.find(proposal.hash)
        assert signed is not None
        with pytest.raises(PiccoloError, match="another proposal"):
            ben.proposals.release(signed)
        await refused("EPOCH_MOVED", ben.proposals.prepare(bytes(32), 9))
        await refused("EPOCH_MOVED", ben.proposals.approve(bytes(32), b"", b""))
        wrong = signing_key("eve").sign(b"x")
        await refused(
            "SIGNATURE_WRONG", ana.proposals.approve(proposal.hash, ana.owner.kek.admin().public, wrong)
        )
        hers = sign(proposal.roster.record, ben.owner.kek.admin()).signatures[0]
        await refused("SIGNATURE_WRONG", ana.proposals.approve(proposal.hash, *hers))
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)


async def test_proposals_of_those_without_the_right_are_refused() -> None:
    group = devices(Network(), 5)
    async with running(*group):
        await grown(group[:4])
        ana, dan, eve = group[0], group[3], group[4].owner
        trusted = ana.circle.trusted
        mine = dan.identity.own.signing

        def hear(roster: Any, caller: Device, key: Any, **evidence: bytes) -> Awaitable[object]:
            return ana.proposals.hear(caller.owner.id, Evidence(sign(roster, key).to_bytes(), **evidence))

        ousted = proposals.remove(trusted, group[1].owner.id, MemberState.EXPELLED, NOW)
        await refused("NOT_ADMIN", hear(ousted, dan, mine))
        await refused("NOT_ADMIN", hear(ousted, ana, mine))
        await refused("NOT_ADMIN", hear(ousted, ana, signing_key("nobody")))
        admitted = proposals.admit(trusted, eve.joiner(trusted.head.record_hash()), dan.owner.id, NOW)
        await refused("PROPOSAL_WRONG", hear(admitted, ana, ana.identity.own.signing))
        await refused("NOT_ADMIN", dan.proposals.remove(ana.owner.id, MemberState.EXPELLED))
        leaving = proposals.remove(trusted, dan.owner.id, MemberState.LEAVING, NOW)
        await hear(leaving, dan, mine)
        assert ana.proposals.listing()[0].joiner is None


async def test_a_member_leaves_when_the_admins_consent() -> None:
    group = devices(Network(), 5)
    async with running(*group):
        await grown(group)
        eve = group[4]
        await eve.proposals.remove(eve.owner.id, MemberState.LEAVING)
        await group[0].until(lambda: bool(group[0].proposals.listing()))
        assert state(group[0], eve.owner) is MemberState.ACTIVE
        for device in group[:2]:
            device.consents = True
            device.proposals.changes.tell()
        for device in group:
            await device.until(lambda it=device: state(it, eve.owner) is MemberState.LEAVING)  # type: ignore[misc]


async def test_an_expulsion_is_proposed_anew_when_the_epoch_moves_on() -> None:
    group = devices(Network(), 5)
    async with running(*group) as works:
        await grown(group[:4])
        ana, ben, dan = group[0], group[1], group[3]
        first = await ana.proposals.remove(dan.owner.id, MemberState.EXPELLED)
        assert await ana.proposals.remove(dan.owner.id, MemberState.EXPELLED) == first
        await works.start(ana)
        await group[4].join((await ana.invite()).link)
        await ana.until(lambda: any(not each.joiner for each in ana.proposals.listing()))
        again = ana.proposals.listing()[0]
        assert again.hash != first
        for device in (ana, ben):
            device.consents = True
            device.proposals.changes.tell()
        await ben.until(lambda: state(ben, dan.owner) is MemberState.EXPELLED)
        assert ana.proposals.listing() == []


async def test_a_signed_proposal_comes_into_force_after_a_crash() -> None:
    network = Network()
    ana, ben = devices(network, 2)
    async with running(ben) as works:
        await ana.start()  # without its background work: it crashes before it does any
        await ana.found()
        link = (await ana.invite()).link
        joining = asyncio.create_task(ben.join(link))
        await ana.until(lambda: bool(ana.proposals.current()))
        assert await ana.sign(ana.proposals.current()[0].hash) == 0
        assert not joining.done()
        ana.unlocked = False
        await works.start(ana)
        await joining
        await settled([ana, ben])
        assert [each.state for each in ana.invitations.listing()] == ["used"]


async def test_a_frozen_circle_invites_nobody() -> None:
    group = devices(Network(), 3)
    async with running(*group):
        await grown(group[:2])
        ana, ben = group[:2]
        base = ana.circle.trusted.copy()
        rivals = [
            signed_by(
                proposals.admit(base, Owner.named(name).joiner(base.head.record_hash()), ana.owner.id, NOW),
                ana.owner,
                ben.owner,
            ).to_bytes()
            for name in ("dan", "eve")
        ]
        await ana.circle.take(rivals)
        await ben.until(lambda: ben.circle.view is not None and bool(ben.circle.view.frozen))
        assert ana.circle.view == ben.circle.view
        await refused("CIRCLE_FROZEN", ana.invite())
        await refused("CIRCLE_FROZEN", ana.proposals.remove(ben.owner.id, MemberState.LEAVING))
