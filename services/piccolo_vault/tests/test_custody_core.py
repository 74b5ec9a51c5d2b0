"""The pure rules of the custody: which step in which stage, delays, passphrases, words."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.kek import Kek

from piccolo_vault.adapters.common_passphrases import CommonPassphrases
from piccolo_vault.core.keys.custody import Stage, Step, permit
from piccolo_vault.core.keys.delay import LONGEST, delay_after
from piccolo_vault.core.keys.owner import ask_back, owner_of, read_words, wrong_words
from piccolo_vault.core.keys.passphrase import check_new, normalise
from piccolo_vault.core.keys.records import OwnerRecord

KEK = Kek(bytes(range(32)))
COMMON = CommonPassphrases()
WORDS = KEK.to_words()


def check(passphrase: str) -> str:
    return check_new(passphrase, COMMON)


@pytest.mark.parametrize(("step", "stage"), list(itertools.product(Step, Stage)))
def test_every_step_in_every_stage_passes_or_says_what_to_do(step: Step, stage: Stage) -> None:
    refused = None
    try:
        permit(step, stage)
    except PiccoloError as why:
        refused = why
    assert refused is None or refused.kind in (Kind.PRECONDITION, Kind.LOCKED)
    assert refused is None or len(refused.message) > 30


def test_no_step_but_setup_and_recovery_is_open_on_an_empty_device() -> None:
    for step in set(Step) - {Step.SETUP, Step.RECOVER}:
        with pytest.raises(PiccoloError) as refused:
            permit(step, Stage.EMPTY)
        assert refused.value.reason == "NOT_SET_UP"


def test_an_owned_device_is_never_set_up_nor_recovered() -> None:
    for step, stage in itertools.product((Step.SETUP, Step.RECOVER), (Stage.LOCKED, Stage.UNLOCKED)):
        with pytest.raises(PiccoloError):
            permit(step, stage)


@given(failures=st.integers(-3, 10_000))
def test_delays_grow_and_stay_bounded(failures: int) -> None:
    now, then = delay_after(failures), delay_after(failures + 1)
    assert 0 <= now <= then <= LONGEST
    assert (now == 0) == (failures <= 0)
    assert then == LONGEST or failures <= 0 or then == 2 * now


@pytest.mark.parametrize(
    ("passphrase", "reason"),
    [
        ("", "PASSPHRASE_SHORT"),
        ("Sh0rt!x", "PASSPHRASE_SHORT"),
        ("       a       ", "PASSPHRASE_SHORT"),
        ("aaaaaaaaaaaa", "PASSPHRASE_TRIVIAL"),
        ("abababababab", "PASSPHRASE_TRIVIAL"),
        ("abcabcabcabc", "PASSPHRASE_TRIVIAL"),
        ("hannahannah", "PASSPHRASE_TRIVIAL"),
        ("12345678", "PASSPHRASE_TRIVIAL"),
        ("31121984", "PASSPHRASE_TRIVIAL"),
        ("abcdefghij", "PASSPHRASE_TRIVIAL"),
        ("qwertyuiop", "PASSPHRASE_TRIVIAL"),
        ("qwertzuiop", "PASSPHRASE_TRIVIAL"),
        ("1qaz2wsx3edc", "PASSPHRASE_TRIVIAL"),
        ("zyxwvutsrq", "PASSPHRASE_TRIVIAL"),
        ("Password1!", "PASSPHRASE_TRIVIAL"),
        ("p@ssw0rd", "PASSPHRASE_TRIVIAL"),
        ("Passwort2024", "PASSPHRASE_TRIVIAL"),
        ("iloveyou123", "PASSPHRASE_TRIVIAL"),
        ("Piccolo2026", "PASSPHRASE_TRIVIAL"),
        ("changeme", "PASSPHRASE_TRIVIAL"),
        ("".join(chr(0xFEE0 + ord(sign)) for sign in "password1"), "PASSPHRASE_TRIVIAL"),
        ("liverpool", "PASSPHRASE_COMMON"),
        ("LiverPool", "PASSPHRASE_COMMON"),
        ("butthead1999", "PASSPHRASE_COMMON"),
        ("!!tacobell1", "PASSPHRASE_COMMON"),
        ("l1v3rp00l", "PASSPHRASE_COMMON"),
        ("a good one\nwith a line break", "PASSPHRASE_CHARACTERS"),
        ("tab\tand more of it", "PASSPHRASE_CHARACTERS"),
    ],
)
def test_bad_passphrases_are_refused_in_words(passphrase: str, reason: str) -> None:
    with pytest.raises(PiccoloError) as refused:
        check(passphrase)
    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID, reason)
    assert not passphrase or passphrase not in refused.value.message


@pytest.mark.parametrize(
    "passphrase",
    [
        "correct horse battery staple",
        "Zwölf Boxkämpfer jagen Viktor",
        "kq8#vv2!pLw",
        "пять несвязанных слов подряд",
        "五つの関係ない言葉を並べる",
        "my password is a whole sentence",
        "liverpool lost by a narrow margin",
        "tacobell-31-05-1987",
        "271828182845904523536",
    ],
)
def test_good_passphrases_pass(passphrase: str) -> None:
    check(passphrase)


def test_the_list_is_whole_and_holds_nothing_but_what_leaked() -> None:
    for text in ("liverpool", "tacobell", "!qaz2wsx", "zzzzzzz1"):
        assert text in COMMON
    for odd in ("", "\n", "liverpool\ntacobell", "acobell", "tacobel", "no such passphrase", "\udcff"):
        assert odd not in COMMON


@given(st.text(min_size=5, max_size=12), st.text("0123456789!?.-_ ", max_size=4), st.booleans())
def test_signs_around_a_common_passphrase_do_not_hide_it(word: str, signs: str, before: bool) -> None:
    text = signs + word if before else word + signs
    reasons = {"PASSPHRASE_COMMON", "PASSPHRASE_TRIVIAL", "PASSPHRASE_SHORT", "PASSPHRASE_CHARACTERS"}
    letters = word.isalpha() and word == word.casefold() == normalise(word)
    if letters:
        with pytest.raises(PiccoloError) as refused:
            check_new(text, {word, word.translate(str.maketrans("0134578@$!|", "oieastbasii"))})
        assert refused.value.reason in reasons


def test_the_normal_form_is_one_for_all_keyboards() -> None:
    composed, decomposed = "Fünf Köche würzen", "Fu\u0308nf Ko\u0308che wu\u0308rzen"
    assert check(composed) == check(decomposed)


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused_with_a_typed_error(text: str) -> None:
    kind, length = Kind.INVALID, 8
    try:
        length = len(check(text))
    except PiccoloError as refused:
        kind = refused.kind
    assert (kind, length >= 8) == (Kind.INVALID, True)


@given(st.binary(min_size=16, max_size=16))
def test_three_different_words_are_asked_in_order(seed: bytes) -> None:
    asked = ask_back(lambda count: seed[:count])
    assert len(set(asked)) == 3
    assert list(asked) == sorted(asked)
    assert 1 <= asked[0] <= asked[-1] <= 24


def test_every_word_is_asked_for_sooner_or_later() -> None:
    asked = {at for n in range(2024) for at in ask_back(lambda count, n=n: n.to_bytes(count))}  # type: ignore[misc]
    assert asked == set(range(1, 25))


def _owner(ask: tuple[int, ...]) -> OwnerRecord:
    return owner_of(KEK, ask=ask)


@given(st.sampled_from(list(itertools.combinations(range(1, 25), 3))), st.data())
def test_wrong_words_are_named_by_position(ask: tuple[int, ...], data: st.DataObject) -> None:
    said = [WORDS[at - 1] for at in ask]
    assert wrong_words(KEK, _owner(ask), " ".join(said)) == ()
    assert wrong_words(KEK, _owner(ask), "  ".join(said).upper()) == ()
    spoiled = data.draw(st.sets(st.sampled_from(range(3)), min_size=1))
    mixed = ["zoo" if n in spoiled else word for n, word in enumerate(said)]
    expected = tuple(ask[n] for n in sorted(spoiled) if said[n] != "zoo")
    assert wrong_words(KEK, _owner(ask), " ".join(mixed)) == expected
    assert wrong_words(KEK, _owner(ask), " ".join(said[:2])) == ask


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (" ".join(WORDS[:23]), "WORDS_COUNT"),
        (" ".join((*WORDS, WORDS[0])), "WORDS_COUNT"),
        ("", "WORDS_COUNT"),
        (" ".join((*WORDS[:23], WORDS[0])), "WORDS_CHECKSUM"),
        (" ".join((WORDS[0] + "x", *WORDS[1:])), "WORDS_UNKNOWN"),
    ],
)
def test_bad_words_are_refused_without_telling_any(words: str, reason: str) -> None:
    with pytest.raises(PiccoloError) as refused:
        read_words(words)
    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID, reason)
    told = f"{refused.value.message} {dict(refused.value.details)}".lower()
    assert not any(f" {word} " in f" {told} " for word in {*WORDS, *words.split()} - {"one", "word"})
    assert refused.value.__cause__ is None


def test_words_are_read_as_people_write_them() -> None:
    assert read_words("  " + "\n".join(word.upper() for word in WORDS)) == KEK


def test_an_owner_record_comes_back_as_it_was_written() -> None:
    owner = owner_of(KEK, ask=(3, 7, 24))
    assert OwnerRecord.from_record(owner.to_record()) == owner
    assert not owner.confirmed
    assert KEK.reveal() not in owner.to_record()
