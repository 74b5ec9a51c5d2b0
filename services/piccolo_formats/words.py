"""32 bytes as 24 words and back: BIP-39, English list, the entropy and not the BIP-39 seed (section 2).

Reading is forgiving about case and white space, never about a word: each mistake is named by its number.
"""

from __future__ import annotations

import difflib
from functools import cache

from mnemonic import Mnemonic

from piccolo_formats.errors import WordsError

WORD_COUNT = 24


@cache
def _bip39() -> Mnemonic:
    return Mnemonic("english")


def to_words(secret: bytes) -> tuple[str, ...]:
    """Return the 24 words of 32 bytes."""
    if len(secret) != 32:
        raise WordsError("words-secret-size", f"24 words hold 32 bytes, not {len(secret)}")
    return tuple(_bip39().to_mnemonic(secret).split(" "))


def from_words(text: str) -> bytes:
    """Return the 32 bytes of 24 words.

    Raises WordsError: `words-count`, `words-unknown` (with the word's position and the nearest words of the
    list) or `words-checksum`.
    """
    words = text.casefold().split()
    for position, word in enumerate(words, 1):
        if word not in _index():
            raise _unknown(position, word)
    if len(words) != WORD_COUNT:
        raise WordsError(
            "words-count", f"there are {WORD_COUNT} recovery words; {len(words)} were given. Check the list."
        )
    return _entropy(words)


@cache
def _index() -> dict[str, int]:
    return {word: number for number, word in enumerate(_bip39().wordlist)}


def _entropy(words: list[str]) -> bytes:
    try:
        return bytes(_bip39().to_entropy(words))
    except ValueError as error:
        raise WordsError(
            "words-checksum",
            "every word is in the list, but together they do not add up: a word was mistaken for another, or "
            "two changed places. Compare each with your note, in order.",
        ) from error


def _unknown(position: int, word: str) -> WordsError:
    nearest = tuple(difflib.get_close_matches(word, _index(), n=3, cutoff=0.6))
    return WordsError(
        "words-unknown",
        f"word {position} is not one of the 2048 recovery words. Check its spelling.",
        position=position,
        nearest=nearest,
    )
