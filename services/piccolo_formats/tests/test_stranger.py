"""The vectors can be read by one who knows docs/storage-format.md and nothing else."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import zfec

from piccolo_formats.tests import stranger
from piccolo_formats.tests.published import hexed, published

VECTORS = published()
WORDS: str = VECTORS["keys"]["words"]


def vault_key() -> bytes:
    device: dict[str, Any] = next(each for each in VECTORS["statements"] if each["type"] == "device")
    record, signers = stranger.verified("device", hexed(device["signed"]))
    root = stranger.public_key(stranger.hkdf(stranger.kek_of(WORDS), b"piccolo/key/owner/v1"))
    assert signers == [record["root"]] == [root]
    assert stranger.digest("owner-id", root) == record["owner"]
    key: bytes = record["signing"]["vault"]
    return key


def test_a_lone_file_comes_back_from_any_k_fragments_and_the_words() -> None:
    files = [hexed(each) for each in VECTORS["objects"]["lone"]["fragment_files"]]
    expected = hexed(VECTORS["segments"]["files"][0]["plaintext"])
    for chosen in itertools.combinations(files, 3):
        assert list(stranger.read_files(WORDS, list(chosen), vault_key()).values()) == [expected]


def test_every_file_of_a_pack_comes_back() -> None:
    files = [hexed(each) for each in VECTORS["objects"]["pack"]["fragment_files"]]
    expected = [hexed(each["plaintext"]) for each in VECTORS["segments"]["files"][1:]]
    for chosen in itertools.combinations(files, 2):
        assert list(stranger.read_files(WORDS, list(chosen), vault_key()).values()) == expected


def test_too_few_fragments_are_not_enough() -> None:
    files = [hexed(each) for each in VECTORS["objects"]["lone"]["fragment_files"]]
    with pytest.raises(zfec.Error):
        stranger.read_files(WORDS, files[:2], vault_key())


def test_the_log_proves_and_opens_itself_from_the_words() -> None:
    entries = VECTORS["backup"]["entries"]
    read = stranger.read_log(WORDS, [hexed(each["entry"]) for each in entries])
    assert [plain for _, plain in read] == [hexed(each["plain"]) for each in entries]


@pytest.mark.parametrize("each", VECTORS["statements"], ids=lambda each: each["type"])
def test_every_statement_is_signed_as_the_page_says(each: dict[str, Any]) -> None:
    _, signers = stranger.verified(each["type"], hexed(each["signed"]))
    assert [key.hex() for key in signers] == each["signers"]
    assert stranger.digest("record", hexed(each["record"])).hex() == each["hash"]
