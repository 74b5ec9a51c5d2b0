"""Which rosters that name an owner's new keys are signed without a person: what proves it is judged here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.device import Device
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.roster import Member, Roster
from piccolo_formats.signed import Signed, sign
from piccolo_formats.tls import make_certificate

from piccolo_vault.core.keys.proposals import check_follows, check_renewal, open_roster
from piccolo_vault.tests.circle_fakes import FakeAttestation, FakeOwner, following, member

CIRCLE = bytes(range(16))
ANA, BEN = FakeOwner("ana", CIRCLE), FakeOwner("ben", CIRCLE)
NEW = Kek(os.urandom(32))


@dataclass
class View:
    """What is known of the circle."""

    devices: Mapping[bytes, bytes]
    successors: tuple[bytes, ...]
    replaced: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)


def successor(vault: SigningKey | None = None, generation: int = 1) -> bytes:
    record = Successor(
        owner=BEN.owner.owner,
        old_root=BEN.owner.root,
        new_root=NEW.owner_root().public,
        kek_epoch=2,
        generation=generation,
        time=1,
    )
    return sign(record, BEN.kek.owner_root(), NEW.owner_root(), vault or BEN.keys["vault"]).to_bytes()


def device(kek: Kek = NEW, generation: int = 2) -> Signed[Device]:
    record = replace(
        BEN.device.record,
        generation=generation,
        root=kek.owner_root().public,
        admin=kek.admin().public,
        enrol=make_certificate(kek.enrolment()),
    )
    return sign(record, kek.owner_root())


def view(made: bytes = b"", **others: object) -> View:
    known = View(
        devices={BEN.owner.owner: device().to_bytes(), ANA.owner.owner: ANA.device.to_bytes()},
        successors=(made or successor(),),
        replaced={BEN.owner.owner: (BEN.device.to_bytes(),)},
    )
    return replace(known, **others)  # type: ignore[arg-type]


def head() -> Signed[Roster]:
    there = FakeAttestation()
    members = (member(0, ANA.device.record, admin=True), member(1, BEN.device.record, admin=True))
    there.found_with(ANA, *members)
    return open_roster(there.roster)


HEAD = head()
OLD = HEAD.record.members[1]


def renewed(**changes: object) -> Member:
    keys = replace(
        OLD,
        root=NEW.owner_root().public,
        admin=NEW.admin().public,
        enrol=make_certificate(NEW.enrolment()),
    )
    return replace(keys, **changes)  # type: ignore[arg-type]


def proposed(*changed: Member) -> Signed[Roster]:
    return sign(following(HEAD, *(changed or (renewed(),))), ANA.keys["attestation"])


def test_new_keys_that_are_proven_are_signed() -> None:
    assert check_renewal(HEAD, proposed(), view()).owner == BEN.owner.owner


def test_a_member_who_is_no_admin_becomes_none() -> None:
    plain = sign(following(HEAD, replace(OLD, admin=None)), ANA.kek.admin())
    new = sign(following(plain, renewed(admin=None)), ANA.keys["attestation"])
    check_renewal(plain, new, view())
    made = sign(following(plain, renewed()), ANA.keys["attestation"])
    with pytest.raises(PiccoloError):
        check_renewal(plain, made, view())


@pytest.mark.parametrize(
    ("roster", "known"),
    [
        (proposed(), view(successor(SigningKey(os.urandom(32))))),  # by the words alone
        (proposed(), view(successor(ANA.keys["vault"]))),
        (proposed(), view(successor(generation=5))),  # of a device that nobody knows
        (proposed(), view(successors=())),
        (proposed(), view(replaced={})),  # who made it is not known
        (proposed(), view(devices={BEN.owner.owner: BEN.device.to_bytes()})),  # no device under the new root
        (proposed(renewed(admin=SigningKey(os.urandom(32)).public)), view()),
        (proposed(renewed(enrol=make_certificate(Kek(os.urandom(32)).enrolment()))), view()),
        (proposed(renewed(root=os.urandom(32))), view()),
        (proposed(renewed(number=7)), view()),
        (proposed(renewed(since=1)), view()),
        (proposed(renewed(), replace(HEAD.record.members[0], admin=None)), view()),  # and something else
    ],
)
def test_anything_else_is_refused(roster: Signed[Roster], known: View) -> None:
    with pytest.raises(PiccoloError) as refused:
        check_renewal(HEAD, roster, known)
    assert refused.value.reason == "PROPOSAL_WRONG"


def test_no_other_change_may_touch_a_root_without_successors() -> None:
    with pytest.raises(PiccoloError):
        check_follows(HEAD, proposed())
    check_follows(HEAD, proposed(), (successor(),))
