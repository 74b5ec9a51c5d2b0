"""Words, derived keys, wrapping: against published answers, and against every wrong byte."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from piccolo_formats import digests, fek, words
from piccolo_formats.errors import AuthenticationError, FormatError, WordsError
from piccolo_formats.fek import Fek, LayoutKey, Scope
from piccolo_formats.kek import Kek, locator_path, owner_id
from piccolo_formats.keypairs import P256_ORDER, SealingKey, SigningKey, derived_p256
from piccolo_formats.passphrase import MAX_MEMORY, Cost, SealedKek, open_kek, seal_kek
from piccolo_formats.secret import Secret, draw
from piccolo_formats.tests import stranger
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.vectors.repeatable import counted

SECRETS = st.binary(min_size=32, max_size=32)
KEK = Kek(bytes(range(32)))
SCOPE = Scope(b"f" * 16, b"v" * 16)
CHEAP = Cost(ops=1, mem=8192)


def test_bip_39_published_words() -> None:
    """The 256-bit vectors of BIP-39's reference implementation."""
    assert words.to_words(bytes(32)) == ("abandon",) * 23 + ("art",)
    assert words.to_words(b"\xff" * 32) == ("zoo",) * 23 + ("vote",)
    legal = "legal winner thank year wave sausage worth useful " * 2
    assert (
        " ".join(words.to_words(b"\x7f" * 32)) == legal + "legal winner thank year wave sausage worth title"
    )


@given(SECRETS)
def test_words_are_the_key(secret: bytes) -> None:
    text = " ".join(Kek(secret).to_words())
    assert Kek.from_words(text) == Kek(secret)
    assert stranger.kek_of(text) == secret
    assert words.from_words("  \n" + text.upper().replace(" ", "\t ")) == secret


@pytest.mark.parametrize("count", [0, 1, 12, 23, 25, 48])
def test_a_wrong_number_of_words_is_told(count: int) -> None:
    text = " ".join((KEK.to_words() * 2)[:count])
    with pytest.raises(WordsError, match=f"{count} were given") as caught:
        words.from_words(text)
    assert caught.value.reason == "words-count"


def test_an_unknown_word_is_told_with_its_number_and_its_neighbours() -> None:
    given_words = list(KEK.to_words())
    given_words[6] = "abandom"
    with pytest.raises(WordsError, match="word 7 is not") as caught:
        words.from_words(" ".join(given_words))
    assert (caught.value.reason, caught.value.position) == ("words-unknown", 7)
    assert caught.value.nearest[0] == "abandon"
    assert caught.value.hint.startswith("Did you mean abandon")
    with pytest.raises(WordsError) as caught:
        words.from_words("0123456789")
    assert (caught.value.nearest, caught.value.hint) == ((), "Check its spelling.")


def test_words_that_do_not_add_up_are_told() -> None:
    swapped = list(KEK.to_words())
    swapped[0], swapped[1] = swapped[1], swapped[0]
    with pytest.raises(WordsError, match="do not add up") as caught:
        words.from_words(" ".join(swapped))
    assert caught.value.reason == "words-checksum"


def test_no_message_holds_a_word_of_the_key() -> None:
    """Errors are logged; the hint, which may hold one, is for the person alone."""
    own = set(KEK.to_words())
    for text in (" ".join(KEK.to_words()[:-1]), " ".join((*KEK.to_words()[:-1], "abandom"))):
        with pytest.raises(WordsError) as caught:
            words.from_words(text)
        assert not own & set(str(caught.value).replace(".", " ").split())


@given(st.text(max_size=60))
def test_arbitrary_text_is_no_key(text: str) -> None:
    with pytest.raises(WordsError):
        words.from_words(text)


def test_rfc_5869_known_answers() -> None:
    """RFC 5869, A.1 and A.3."""
    okm = digests.hkdf(b"\x0b" * 22, bytes(range(0xF0, 0xFA)), salt=bytes(range(13)), length=42)
    assert okm.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert digests.hkdf(b"\x0b" * 22, b"", length=42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


@given(SECRETS)
@settings(max_examples=20)
def test_keys_are_derived_as_the_page_says(secret: bytes) -> None:
    kek = Kek(secret)

    def derived(name: str) -> bytes:
        return stranger.hkdf(secret, f"piccolo/key/{name}/v1".encode())

    assert kek.fek_wrapping_key() == derived("fek")
    assert kek.backup().reveal() == derived("backup")
    assert kek.locator().reveal() == derived("locator")
    assert kek.owner_root().reveal() == derived("owner")
    assert kek.admin().reveal() == derived("admin")
    assert kek.disk() == derived("disk")
    wide = int.from_bytes(stranger.hkdf(secret, b"piccolo/key/enrol/v1", length=48))
    scalar = kek.enrolment().private_numbers().private_value
    assert scalar == wide % (P256_ORDER - 1) + 1
    assert owner_id(kek.owner_root().public) == stranger.digest("owner-id", kek.owner_root().public)
    assert locator_path(kek.locator().public) == stranger.digest("locator", kek.locator().public).hex()


def test_the_order_is_that_of_p_256() -> None:
    """The scalar n-1 is a key, n is none."""
    ec.derive_private_key(P256_ORDER - 1, ec.SECP256R1())
    with pytest.raises(ValueError, match=r"."):
        ec.derive_private_key(P256_ORDER, ec.SECP256R1())
    assert derived_p256(b"k" * 32, b"x").private_numbers() == derived_p256(b"k" * 32, b"x").private_numbers()


@given(SECRETS, SECRETS, st.integers(1, 2**32 - 1))
@settings(max_examples=30)
def test_a_wrapped_key_comes_back(kek: bytes, key: bytes, epoch: int) -> None:
    wrapped = fek.wrap(Kek(kek), epoch, Fek(key), SCOPE, counted("wrap"))
    assert len(wrapped) == fek.WRAPPED_SIZE
    assert fek.wrapped_epoch(wrapped) == epoch
    assert fek.unwrap(Kek(kek), wrapped, SCOPE) == Fek(key)
    assert stranger.unwrap(kek, wrapped, SCOPE.file_id, SCOPE.version_id) == key


def test_every_changed_byte_of_a_wrapped_key_is_refused() -> None:
    wrapped = fek.wrap(KEK, 1, Fek(b"k" * 32), SCOPE, counted("wrap"))
    all_refused(wrapped, lambda data: fek.unwrap(KEK, data, SCOPE))


def test_a_wrapped_key_opens_for_its_owner_and_file_only() -> None:
    wrapped = fek.wrap(KEK, 1, Fek(b"k" * 32), SCOPE, counted("wrap"))
    for kek, scope in (
        (Kek(bytes(32)), SCOPE),
        (KEK, Scope(SCOPE.version_id, SCOPE.file_id)),
        (KEK, Scope.of_pack(SCOPE.file_id)),
    ):
        with pytest.raises(AuthenticationError) as caught:
            fek.unwrap(kek, wrapped, scope)
        assert caught.value.reason == "wrong-key"


def test_epochs_are_counted_from_one() -> None:
    for epoch in (0, 2**32):
        with pytest.raises(FormatError):
            fek.wrap(KEK, epoch, Fek(b"k" * 32), SCOPE, counted("wrap"))
    with pytest.raises(FormatError):
        fek.wrapped_epoch(bytes(76))


def test_commitment_and_mac_belong_to_one_key_and_scope() -> None:
    key, other = Fek(b"k" * 32), Fek(b"j" * 32)
    key.check_commitment(SCOPE, key.commitment(SCOPE))
    key.check_mac(SCOPE, b"content", key.mac(SCOPE, b"content"))
    swapped = Scope(SCOPE.version_id, SCOPE.file_id)
    for who, where in ((other, SCOPE), (key, swapped)):
        with pytest.raises(AuthenticationError):
            who.check_commitment(where, key.commitment(SCOPE))
        with pytest.raises(AuthenticationError):
            who.check_mac(where, b"content", key.mac(SCOPE, b"content"))
    with pytest.raises(AuthenticationError):
        key.check_mac(SCOPE, b"Content", key.mac(SCOPE, b"content"))


def test_fragment_ids_differ_by_object_epoch_and_index() -> None:
    key = Fek(b"k" * 32).layout_key(b"o" * 16)
    ids = {
        key.fragment_id(object_id, epoch, index)
        for object_id in (b"o" * 16, b"p" * 16)
        for epoch in (1, 2)
        for index in range(255)
    }
    assert len(ids) == 2 * 2 * 255
    assert key.fragment_ids(b"o" * 16, 1, 2) == key.fragment_id(b"o" * 16, 1, 0) + key.fragment_id(
        b"o" * 16, 1, 1
    )


@pytest.mark.parametrize(("epoch", "index"), [(0, 0), (2**32, 0), (1, -1), (1, 256)])
def test_impossible_fragments_have_no_id(epoch: int, index: int) -> None:
    key = Fek(b"k" * 32).layout_key(b"o" * 16)
    with pytest.raises(FormatError):
        key.fragment_id(b"o" * 16, epoch, index)


def test_ids_have_their_size() -> None:
    key = Fek(b"k" * 32)
    for wrong in (b"", b"i" * 15, b"i" * 32):
        with pytest.raises(FormatError):
            Scope(wrong, b"v" * 16)
        with pytest.raises(FormatError):
            Scope(b"f" * 16, wrong)
        with pytest.raises(FormatError):
            key.layout_key(wrong)
        with pytest.raises(FormatError):
            key.layout_key(b"o" * 16).fragment_id(wrong, 1, 0)


@pytest.mark.parametrize("cls", [Secret, Kek, Fek, LayoutKey, SigningKey, SealingKey])
def test_secrets_do_not_show_themselves(cls: type[Secret]) -> None:
    secret = cls(b"\xaa" * 32)
    for text in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "hidden" in text
        assert "aa" not in text.replace("hidden", "").lower()
        assert "\\x" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert secret == cls(b"\xaa" * 32)
    assert secret != cls(b"\xab" * 32)
    assert secret != b"\xaa" * 32


def test_a_secret_is_no_secret_of_another_kind() -> None:
    assert Kek(bytes(32)) != Fek(bytes(32))


@given(st.binary(max_size=70).filter(lambda value: len(value) != 32))
def test_secrets_have_their_size(value: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        Kek(value)
    assert len(value) < 4 or value.hex() not in str(caught.value)  # shorter ones look like the numbers in it


def test_a_source_that_runs_dry_is_noticed() -> None:
    with pytest.raises(FormatError):
        draw(lambda count: b"x" * (count - 1), 32)
    with pytest.raises(FormatError):
        Fek.generate(lambda _: b"")


def sealed_kek(passphrase: str) -> SealedKek:
    return seal_kek(KEK, passphrase, b"o" * 32, 1, counted("at rest"), CHEAP)


def test_the_kek_at_rest_opens_by_its_passphrase() -> None:
    record = SealedKek.from_record(sealed_kek("pass\ufb01phrase").to_record())
    assert open_kek(record, "passfiphrase") == KEK  # NFKC
    with pytest.raises(AuthenticationError) as caught:
        open_kek(record, "passphrase")
    assert caught.value.reason == "wrong-passphrase"
    assert "pass\ufb01phrase" not in repr(record)


def test_every_changed_byte_of_the_kek_at_rest_is_refused() -> None:
    all_refused(sealed_kek("p").to_record(), lambda data: open_kek(SealedKek.from_record(data), "p"))


def test_a_cost_that_would_fill_the_memory_is_refused_unpaid() -> None:
    value: dict[str, Any] = sealed_kek("p").to_value()
    for name, number in (("mem", MAX_MEMORY + 1), ("mem", 8191), ("ops", 33), ("ops", 0)):
        with pytest.raises(FormatError):
            SealedKek.from_value({**value, name: number})


def test_a_passphrase_is_text() -> None:
    with pytest.raises(FormatError):
        sealed_kek("\ud800")
