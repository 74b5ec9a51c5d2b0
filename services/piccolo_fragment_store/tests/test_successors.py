"""A keeper and an owner's new words: who is believed, what the old root is worth, and when it may purge."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.generations import Claim, Successor
from piccolo_formats.records.keeping import Tombstone
from piccolo_formats.signed import sign

from piccolo_fragment_store.core.circle import Admission, CallerKind, Circle
from piccolo_fragment_store.engine import statements
from piccolo_fragment_store.testing.people import Person, circle_of, new_key

ANA, BEN = Person(), Person()
NEW_ROOT, NEWEST_ROOT = new_key(), new_key()


def successor(
    old: SigningKey, new: SigningKey, generation: int, vault: SigningKey = ANA.vault, owner: bytes = ANA.id
) -> bytes:
    record = Successor(
        owner=owner,
        old_root=old.public,
        new_root=new.public,
        kek_epoch=generation + 1,
        generation=generation,
        time=1,
    )
    return sign(record, old, new, vault).to_bytes()


def renewed(root: SigningKey, generation: int) -> tuple[bytes, bytes]:
    """A claim and its device, of a root."""
    record = replace(ANA.device().record, generation=generation, root=root.public)
    device = sign(record, root)
    claim = sign(replace(_claim_of(device.record_hash()), generation=generation), root)
    return claim.to_bytes(), device.to_bytes()


def _claim_of(device: bytes) -> Claim:
    return Claim(circle=CIRCLE.id, owner=ANA.id, generation=1, device=device, time=1)


CIRCLE = circle_of(BEN, ANA)


def refusal(claim: bytes, device: bytes, successors: list[bytes], circle: Circle = CIRCLE) -> PiccoloError:
    with pytest.raises(PiccoloError) as refused:
        statements.claim(claim, device, successors, ANA.id, circle)
    return refused.value


def test_a_successor_leads_a_keeper_to_the_new_root() -> None:
    claim, device = renewed(NEW_ROOT, 2)
    first = successor(ANA.root, NEW_ROOT, 1)
    assert statements.claim(claim, device, [first], ANA.id, CIRCLE)[0].generation == 2
    claim, device = renewed(NEWEST_ROOT, 3)
    both = [first, successor(NEW_ROOT, NEWEST_ROOT, 2)]
    assert statements.claim(claim, device, both, ANA.id, CIRCLE)[0].generation == 3
    assert refusal(claim, device, both[1:]).reason == "SIGNATURE_INVALID"
    assert refusal(claim, device, []).reason == "SIGNATURE_INVALID"


def test_a_forged_successor_leads_nowhere() -> None:
    claim, device = renewed(NEW_ROOT, 2)
    forged = [
        successor(ANA.root, NEW_ROOT, 1, vault=new_key()),  # by the words alone
        successor(ANA.root, NEW_ROOT, 1, vault=BEN.vault),
        successor(BEN.root, NEW_ROOT, 1),
        successor(ANA.root, NEW_ROOT, 1, owner=BEN.id),
    ]
    for each in forged:
        error = refusal(claim, device, [each])
        assert (error.kind, error.reason) == (Kind.DENIED, "SIGNATURE_INVALID")
    assert refusal(claim, device, [b"nothing"]).reason == "STATEMENT_INVALID"


def test_a_device_that_was_replaced_hands_nothing_over() -> None:
    newer = replace(CIRCLE.owners[ANA.id], generation=2)
    circle = replace(CIRCLE, owners={**CIRCLE.owners, ANA.id: newer})
    claim, device = renewed(NEW_ROOT, 3)
    assert refusal(claim, device, [successor(ANA.root, NEW_ROOT, 1)], circle).reason == "SIGNATURE_INVALID"


def test_the_old_root_is_refused_once_the_new_one_is_in_force() -> None:
    circle = replace(
        CIRCLE, owners={**CIRCLE.owners, ANA.id: replace(CIRCLE.owners[ANA.id], root=NEW_ROOT.public)}
    )
    old, by = ANA.tombstone([bytes(16)], 1, 5), Admission(b"", CallerKind.MEMBER, ANA.id, "vault", 1)
    with pytest.raises(PiccoloError) as refused:
        statements.burial(Tombstone, old, by, circle)
    assert refused.value.reason == "SIGNATURE_INVALID"
    assert refusal(*renewed(ANA.root, 9), [], circle).reason == "SIGNATURE_INVALID"
    again = sign(ANA.tombstone_record([bytes(16)], 1, 5), NEW_ROOT).to_bytes()
    assert statements.burial(Tombstone, again, by, circle).seq == 5
