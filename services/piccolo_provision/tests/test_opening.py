"""Seeds and answers: what is taken, and why all else is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from piccolo_provision.core import seed
from piccolo_provision.core.opening import Measure, open_answer
from piccolo_provision.core.refusals import WORDS, Reason, RefusedError
from piccolo_provision.core.seed import Answer
from piccolo_provision.tests.nodes import NOW, Household

HOME = Household()
GOOD = HOME.answer(serial=5)
SEED = HOME.seed()


def why(answer: Answer, *, floor: int = 0, later: timedelta = timedelta()) -> Reason:
    with pytest.raises(RefusedError) as refused:
        open_answer(answer, SEED, Measure(NOW + later, floor))
    return refused.value.why


def test_what_the_signer_sealed_for_this_node_is_taken() -> None:
    node = open_answer(GOOD, SEED, Measure(NOW, 5))
    assert (node.node, node.serial) == ("kitchen", 5)


def test_an_expired_one_is_refused_from_that_second_on() -> None:
    open_answer(GOOD, SEED, Measure(NOW + timedelta(days=30, seconds=-1), 0))
    assert why(GOOD, later=timedelta(days=30)) is Reason.CONFIGURATION_EXPIRED


def test_an_older_one_is_refused() -> None:
    assert why(GOOD, floor=6) is Reason.CONFIGURATION_REPLAYED


def test_another_node_s_is_refused() -> None:
    other = Household("cellar", HOME.key, HOME.identity)
    assert why(other.answer()) is Reason.CONFIGURATION_FOREIGN
    assert why(Household("kitchen", HOME.key).answer()) is Reason.CONFIGURATION_SEALED


def test_another_signer_s_is_refused() -> None:
    assert why(Household("kitchen", identity=HOME.identity).answer()) is Reason.CONFIGURATION_SIGNATURE


def test_what_is_sealed_but_says_nothing_is_refused() -> None:
    assert why(HOME.signed(b"\xff")) is Reason.CONFIGURATION_WRONG
    assert why(HOME.signed(tomli_w.dumps({"node": "kitchen"}).encode())) is Reason.CONFIGURATION_WRONG


def test_what_is_signed_but_not_sealed_is_refused() -> None:
    plain = b'node = "kitchen"'
    assert why(Answer(plain, bytes(HOME.key.sign(plain)))) is Reason.CONFIGURATION_SEALED


@given(cut=st.integers(0, len(GOOD.sealed) - 1))
def test_a_truncated_answer_is_refused(cut: int) -> None:
    assert why(Answer(GOOD.sealed[:cut], GOOD.signature)) is Reason.CONFIGURATION_SIGNATURE


@given(cut=st.integers(0, len(GOOD.signature) - 2))
def test_a_truncated_signature_is_refused(cut: int) -> None:
    assert why(Answer(GOOD.sealed, GOOD.signature[:cut])) is Reason.CONFIGURATION_SIGNATURE


@given(at=st.integers(0, len(GOOD.sealed) - 1), flip=st.integers(1, 255))
def test_what_a_careless_signer_signs_damaged_is_refused(at: int, flip: int) -> None:
    """Signed anew, so that the damage reaches the library that opens it."""
    damaged = bytearray(GOOD.sealed)
    damaged[at] ^= flip
    sealed = bytes(damaged)
    assert why(Answer(sealed, bytes(HOME.key.sign(sealed)))) is Reason.CONFIGURATION_SEALED


@given(junk=st.binary(max_size=300))
def test_no_bytes_of_a_site_do_more_than_being_refused(junk: bytes) -> None:
    assert why(Answer(GOOD.sealed, junk)) is Reason.CONFIGURATION_SIGNATURE
    assert why(Answer(junk, bytes(HOME.key.sign(junk)))) is Reason.CONFIGURATION_SEALED


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (seed.NAME, b"", Reason.SEED_INCOMPLETE),
        (seed.KEY, b"", Reason.SEED_INCOMPLETE),
        (seed.SIGNER, b"", Reason.SEED_INCOMPLETE),
        (seed.NAME, b"../etc", Reason.SEED_NAME),
        (seed.NAME, b"Kitchen", Reason.SEED_NAME),
        (seed.NAME, b"a\nb", Reason.SEED_NAME),
        (seed.NAME, b"\xff", Reason.SEED_NAME),
        (seed.KEY, b"AGE-SECRET-KEY-1", Reason.SEED_KEY),
        (seed.KEY, str(HOME.identity).encode()[:-1], Reason.SEED_KEY),
        (seed.KEY, str(HOME.identity.to_public()).encode(), Reason.SEED_KEY),
        (seed.KEY, b"\n".join([str(HOME.identity).encode()] * 2), Reason.SEED_KEY),
        (seed.SIGNER, b"untrusted comment: x\nRWQ", Reason.SEED_SIGNER),
        (seed.SIGNER, b"x", Reason.SEED_SIGNER),
        (seed.SITE, b"ftp://example.org", Reason.SEED_SITE),
        (seed.SITE, b"https://", Reason.SEED_SITE),
        (seed.SITE, b"https://example.org/a b", Reason.SEED_SITE),
        (seed.SITE, b"https://me@example.org", Reason.SEED_SITE),
        (seed.SITE, b"https://example.org:x", Reason.SEED_SITE),
        (seed.SITE, b"https://example.org?a", Reason.SEED_SITE),
        (seed.SITE, b"https://[", Reason.SEED_SITE),
    ],
    # not the contents: keys are others each time, and workers must collect the same tests
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else str(value),
)
def test_a_bad_seed_is_refused_by_its_reason(name: str, content: bytes, reason: Reason) -> None:
    with pytest.raises(RefusedError) as refused:
        seed.parse(HOME.files() | {name: content})
    assert refused.value.why is reason
    assert str(HOME.identity) not in f"{refused.value!r}{refused.value.__cause__!r}"


@given(st.dictionaries(st.sampled_from(seed.FILES), st.binary(max_size=100)))
def test_no_volume_does_more_than_being_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(RefusedError):
        seed.parse(files)


def test_a_seed_is_read() -> None:
    files = HOME.files(site=b"https://example.org/piccolo/\n", node_age=b"x")
    read = seed.parse(files)
    assert (read.node, read.site, read.offline) == (
        "kitchen",
        "https://example.org/piccolo",
        Answer(b"x", b""),
    )
    assert str(HOME.identity) not in repr(read)


def test_every_reason_has_a_sentence() -> None:
    assert set(WORDS) == set(Reason)
    assert all(words.endswith(".") for words in WORDS.values())
