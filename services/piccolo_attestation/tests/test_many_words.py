"""An owner who has new words without end: the circle's records do not grow by it, and nobody stands still."""

from __future__ import annotations

import asyncio

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.digests import digest
from piccolo_formats.kek import Kek
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import sign

from piccolo_attestation.core import proposals
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import view_of
from piccolo_attestation.engine.renewals import Renewals
from piccolo_attestation.ports import Evidence
from piccolo_attestation.testing import NOW, Owner, grown, signed_by
from piccolo_attestation.tests.test_crowding import Box
from piccolo_attestation.tests.test_roots import Rotation, refused

ANA, BEN, CLEO, DAN = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan"))


def steps(owner: Owner, count: int) -> list[Rotation]:
    keks = [owner.kek, *(Kek(digest("test-key", b"step", number.to_bytes(2))) for number in range(count))]
    return [Rotation(owner, keks[number], keks[number + 1], number + 1) for number in range(count)]


def told(rotation: Rotation) -> list[bytes]:
    return [rotation.successor(), rotation.device().to_bytes()]


def base() -> TrustedCircle:
    return grown(ANA, BEN, CLEO, DAN)


def test_roots_run_ahead_of_the_roster_by_a_few_only() -> None:
    circle, many = base(), steps(DAN, 12)
    for each in many[:8]:
        circle.merge(told(each))
    refused("RECORD_EARLY", lambda: circle.add_successor(many[8].successor()))
    circle.merge(record for each in many for record in told(each))
    assert circle.root(DAN.id) == many[7].new.owner_root().public
    circle.add_roster(signed_by(proposals.renew(circle, DAN.id), ANA, BEN).to_bytes())
    assert circle.add_successor(many[8].successor())
    again, refusals = TrustedCircle.from_bundle(circle.records())
    assert not refusals
    assert view_of(again) == view_of(circle)


def test_the_roster_does_not_follow_somebody_who_was_expelled() -> None:
    circle, (step,) = base(), steps(DAN, 1)
    gone = proposals.remove(circle, DAN.id, MemberState.EXPELLED, NOW)
    circle.add_roster(signed_by(gone, ANA, BEN).to_bytes())
    circle.merge(told(step))
    assert proposals.renewals(circle) == []
    refused("NOTHING_NEW", lambda: proposals.renew(circle, DAN.id))


def test_three_times_at_once_and_once_a_day_from_then_on() -> None:
    rosters, circle = [base().head.record], base()
    for each in steps(DAN, 5):
        circle.merge(told(each))
        circle.add_roster(signed_by(proposals.renew(circle, DAN.id), ANA, BEN).to_bytes())
        rosters.append(circle.head.record)
    renewals = Renewals(day=100.0)
    allowed = [renewals.may(roster, DAN.id, now) for now, roster in enumerate(rosters[:4])]
    assert allowed == [True, True, True, False]
    assert renewals.may(rosters[3], CLEO.id, 4.0)
    assert not renewals.may(rosters[3], DAN.id, 300.0)
    assert renewals.may(rosters[3], DAN.id, 302.0)


async def test_an_admin_s_device_proposes_and_takes_no_more_than_that() -> None:
    ana = await Box(ANA).start()
    there = ana.circle.trusted.copy()
    *first, last = steps(DAN, 4)
    for step in first:
        await ana.circle.take(told(step))
        await ana.proposals.refresh()
        (renewal,) = ana.proposals.current()
        there.merge([*told(step), signed_by(renewal.roster.record, ANA, BEN).to_bytes()])
        await ana.circle.take(there.records())
    await ana.circle.take(told(last))
    there.merge(told(last))
    await ana.proposals.refresh()
    assert ana.proposals.current() == []
    assert ana.proposals.held_back
    evidence = Evidence(sign(proposals.renew(there, DAN.id), BEN.key("attestation")).to_bytes())
    with pytest.raises(PiccoloError) as many:
        await ana.proposals.hear(BEN.id, evidence)
    assert many.value.reason == "TOO_MANY_PROPOSALS"


async def test_a_long_message_is_judged_while_other_work_goes_on() -> None:
    ana = await Box(ANA).start()
    records = [record for step in steps(DAN, 400) for record in told(step)]
    # on the loop itself it would be one turn; how many more there are is the machine's speed
    turns, taking = 0, asyncio.create_task(ana.circle.take(records))
    while not taking.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert await taking
    assert turns > 3
