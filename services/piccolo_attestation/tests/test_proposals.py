"""Who comes in, who goes, who is an admin; and that another admin's device sees through a wrong proposal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.records.roster import MemberState, Roster
from piccolo_formats.signed import sign

from piccolo_attestation.core import joining, proposals
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.testing import CIRCLE, NOW, Owner, grown, signed_by

ANA, BEN, CLEO, DAN, EVE = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan", "eve"))


def refused(reason: str, what: Callable[[], object]) -> None:
    with pytest.raises(PiccoloError) as error:
        what()
    assert error.value.reason == reason, error.value.message


def admins(circle: TrustedCircle) -> list[int]:
    return [member.number for member in circle.head.record.members if member.admin]


def apply(circle: TrustedCircle, roster: Roster, *signers: Owner) -> None:
    assert circle.add_roster(signed_by(roster, *signers).to_bytes())


def test_the_first_three_are_admins() -> None:
    owners = [ANA, BEN, CLEO, DAN, EVE]
    grew = [admins(grown(*owners[:count])) for count in range(1, 6)]
    assert grew == [[0], [0, 1], [0, 1, 2], [0, 1, 2], [0, 1, 2]]


def test_when_an_admin_goes_the_next_in_standing_takes_the_place() -> None:
    circle = grown(ANA, BEN, CLEO, DAN, EVE)
    apply(circle, proposals.remove(circle, BEN.id, MemberState.EXPELLED, NOW), ANA, CLEO)
    assert admins(circle) == [0, 2, 3]
    apply(circle, proposals.remove(circle, ANA.id, MemberState.LEAVING, NOW), CLEO, DAN)
    assert admins(circle) == [2, 3, 4]
    apply(circle, proposals.remove(circle, EVE.id, MemberState.LEAVING, NOW), CLEO, DAN)
    assert admins(circle) == [2, 3]
    apply(circle, proposals.remove(circle, DAN.id, MemberState.LEAVING, NOW), CLEO, DAN)
    refused("LAST_ADMIN", lambda: proposals.remove(circle, CLEO.id, MemberState.LEAVING, NOW))


def test_removal_only_grows_harder() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    apply(circle, proposals.remove(circle, DAN.id, MemberState.COMPROMISED, NOW), ANA, BEN)
    assert circle.head.record.members[3].recovered == 2
    for state in (MemberState.LEAVING, MemberState.EXPELLED, MemberState.COMPROMISED):
        refused("MEMBER_GONE", lambda to=state: proposals.remove(circle, DAN.id, to, NOW))  # type: ignore[misc]
    refused("NO_SUCH_MEMBER", lambda: proposals.remove(circle, EVE.id, MemberState.LEAVING, NOW))
    circle.add_device(DAN.device(2).to_bytes())
    apply(circle, proposals.remove(circle, DAN.id, MemberState.COMPROMISED, NOW), ANA, BEN)
    assert circle.head.record.members[3].recovered == 3


def test_who_left_comes_back_under_the_old_number() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    apply(circle, proposals.remove(circle, BEN.id, MemberState.LEAVING, NOW), ANA, CLEO)
    back = proposals.admit(circle, BEN.joiner(circle.head.record_hash()), CLEO.id, NOW)
    assert proposals.describe(circle, back).words == "ben comes back to the circle."
    apply(circle, back, ANA, CLEO)
    member = circle.head.record.member(BEN.id)
    assert member is not None
    assert (member.number, member.state, member.admin) == (1, MemberState.ACTIVE, None)
    refused(
        "JOINER_CLASHES", lambda: proposals.admit(circle, BEN.joiner(circle.head.record_hash()), ANA.id, NOW)
    )


def test_a_joiner_cannot_bring_what_is_anothers() -> None:
    circle = grown(ANA, BEN)
    head = circle.head.record_hash()
    record = EVE.device_record()
    for stolen in (
        replace(record, tls=replace(record.tls, vault=ANA.device_record().tls.vault)),
        replace(record, tls=replace(record.tls, attestation=BEN.device_record().tls.fragment_store)),
        replace(record, tls=replace(record.tls, vault=BEN.enrol)),
        replace(record, enrol=ANA.enrol),
        replace(record, enrol=ANA.device_record().tls.attestation),
        replace(record, admin=ANA.kek.admin().public),
    ):
        joiner = replace(EVE.joiner(head), device=sign(stolen, EVE.kek.owner_root()))
        refused("JOINER_CLASHES", lambda who=joiner: proposals.admit(circle, who, ANA.id, NOW))  # type: ignore[misc]


def test_an_acceptance_is_bound_to_circle_and_roster() -> None:
    circle = grown(ANA, BEN)
    refused("EPOCH_MOVED", lambda: proposals.admit(circle, EVE.joiner(bytes(32)), ANA.id, NOW))
    elsewhere = replace(EVE.joiner(circle.head.record_hash()), device=EVE.device(circle=bytes(16)))
    refused("RECORD_FOREIGN", lambda: proposals.admit(circle, elsewhere, ANA.id, NOW))


def test_an_admission_that_does_more_than_it_says_is_seen_through() -> None:
    circle = grown(ANA, BEN, CLEO, DAN)
    joiner = EVE.joiner(circle.head.record_hash())
    good = proposals.admit(circle, joiner, ANA.id, NOW)
    proposals.check_admission(circle, good, joiner, ANA.id)
    newcomer = good.members[-1]
    for wrong in (
        replace(newcomer, admin=EVE.kek.admin().public),
        replace(newcomer, number=7),
        replace(newcomer, invited_by=BEN.id),
    ):
        roster = replace(good, members=(*good.members[:-1], wrong))
        refused("PROPOSAL_WRONG", lambda it=roster: proposals.check_admission(circle, it, joiner, ANA.id))  # type: ignore[misc]
    more = replace(good, policy=replace(good.policy, at_risk=True))
    refused("PROPOSAL_WRONG", lambda: proposals.check_admission(circle, more, joiner, ANA.id))
    nobody = replace(good, members=good.members[:-1])
    refused("PROPOSAL_WRONG", lambda: proposals.check_admission(circle, nobody, joiner, ANA.id))


def test_a_removal_that_does_more_than_it_says_is_seen_through() -> None:
    circle = grown(ANA, BEN, CLEO, DAN, EVE)
    good = proposals.remove(circle, EVE.id, MemberState.EXPELLED, NOW)
    assert proposals.removal_of(circle, good) == (EVE.id, MemberState.EXPELLED)
    assert proposals.describe(circle, good) == proposals.Change("EXPELLED", "eve")
    both = replace(good, members=tuple(
        replace(member, state=MemberState.EXPELLED) if member.owner == DAN.id else member for member in
        good.members
    ))  # fmt: skip
    demoted = replace(good, members=tuple(
        replace(member, admin=None) if member.owner == BEN.id else member for member in good.members
    ))  # fmt: skip
    nothing = replace(good, members=circle.head.record.members)
    for wrong in (both, demoted, nothing):
        refused("PROPOSAL_WRONG", lambda it=wrong: proposals.removal_of(circle, it))  # type: ignore[misc]
    refused("EPOCH_MOVED", lambda: proposals.removal_of(circle, replace(good, previous=bytes(32))))


def test_an_acceptance_vouches_for_itself() -> None:
    joiner = EVE.joiner(bytes(32))
    code = InvitationCode(bytes(16))
    sealed = code.seal_acceptance(EVE.acceptance(code, bytes(32)))
    opened = joining.open_acceptance(joining.unsealed(sealed))
    assert (opened.device, opened.presence) == (joiner.device, joiner.presence)
    for wrong in (
        replace(EVE.acceptance(code, bytes(32)), presence=BEN.presence().to_bytes()),
        replace(EVE.acceptance(code, bytes(32)), presence=EVE.presence(circle=bytes(16)).to_bytes()),
        replace(
            EVE.acceptance(code, bytes(32)), device=sign(EVE.device_record(), BEN.kek.owner_root()).to_bytes()
        ),
    ):
        refused("RECORD_FORGED", lambda it=wrong: joining.open_acceptance(it.to_record()))  # type: ignore[misc]
    assert EVE.device().record.circle == CIRCLE
