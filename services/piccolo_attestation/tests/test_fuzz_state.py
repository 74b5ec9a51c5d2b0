"""Any bytes in this service's files, and in what peers send: a typed refusal, or what holds by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.records.codec import Record
from piccolo_formats.tests.mutations import FUZZ, altered, chosen_value, mutated
from piccolo_formats.tests.strategies import instances

from piccolo_attestation.core import bundle, joining, kept
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import view_of
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.testing import FakeFiles, Owner, grown

KINDS: Final = [kept.Keys, kept.Identity, kept.Circle, kept.Invitations, kept.Proposals]
PEOPLE: Final = [Owner.named(name) for name in ("ana", "ben", "cleo")]
CIRCLE: Final = grown(*PEOPLE)
BUNDLE: Final = bundle.encode(CIRCLE.records())
CODE: Final = InvitationCode(b"c" * 16)
JOINER: Final = Owner.named("dan")
ACCEPTANCE: Final = CODE.seal_acceptance(JOINER.acceptance(CODE, CIRCLE.head.record_hash()))


def reason_of(work: Callable[..., object], *args: Any) -> str:
    """The reason of a refusal; empty when there is none."""
    try:
        work(*args)
    except PiccoloError as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TYPE)
@FUZZ
@given(data=st.data())
def test_a_kept_record_is_what_was_kept_or_damaged(kind: type[Record], data: st.DataObject) -> None:
    good = data.draw(instances(kind)).to_record()
    wrong = data.draw(altered(good) | mutated(good) | chosen_value())
    refused = reason_of(kept.read, kind, wrong)
    assert refused == "STATE_DAMAGED" or kept.read(kind, wrong).to_record() == wrong


@pytest.mark.parametrize("scalar", [bytes(32), b"\xff" * 32])
async def test_a_key_that_is_none_is_damage(scalar: bytes) -> None:
    files = FakeFiles()
    files.content["keys"] = kept.Keys(signing=bytes(32), tls=scalar).to_record()
    with pytest.raises(PiccoloError) as damaged:
        await Identity.open(files, bytes)
    assert damaged.value.reason == "STATE_DAMAGED"


@FUZZ
@given(altered(BUNDLE) | mutated(BUNDLE) | chosen_value())
def test_a_bundle_of_anything_changes_nothing_that_its_signers_did_not_sign(told: bytes) -> None:
    circle = grown(*PEOPLE)
    before = view_of(circle)
    if not reason_of(bundle.decode, told):
        changed, _ = circle.merge(bundle.decode(told))
        assert not changed
    assert view_of(circle) == before


@FUZZ
@given(altered(BUNDLE) | mutated(BUNDLE))
def test_a_state_folder_with_any_bundle_is_a_circle_or_refused(told: bytes) -> None:
    if reason_of(bundle.decode, told):
        return
    assert reason_of(TrustedCircle.from_bundle, bundle.decode(told)) in REFUSALS


REFUSALS: Final = ("", "RECORD_FORGED", "RECORD_MALFORMED", "RECORD_FOREIGN", "RECORD_EARLY", "RECORD_OLD")


@FUZZ
@given(altered(ACCEPTANCE) | mutated(ACCEPTANCE) | chosen_value())
def test_an_acceptance_of_anything_is_refused_in_words(told: bytes) -> None:
    def read() -> None:
        joining.check_joiner(CIRCLE, joining.open_acceptance(joining.unsealed(told)))

    assert reason_of(read) in (*REFUSALS, "EPOCH_MOVED", "JOINER_CLASHES")
