"""Which passphrases are refused, in words: those that a guesser tries first.

At least eight characters after NFKC (RFC 8265 and the format compare passphrases so). No demand for digits or
signs: they make passphrases harder to remember, not to guess (NIST SP 800-63B, 5.1.1.2). Argon2id and the
growing delay carry the rest. But what leaked often is tried first by everybody, so a list of it is looked at
here, without asking anybody (5.1.1.2 again): the passphrase itself, and without a few signs around it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator

from piccolo_chassis.errors import Kind, PiccoloError

SHORTEST = 8
_FEWEST_SIGNS = 4
_REST = 5
_DIGITS_ONLY = 12
_UNIT = 5
_RUN = 3
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "!@#$%^&*()",
)
_COMMON = frozenset(
    """
    abcdef access account admin administrator amor andrea angel anthony ashley asshole azerty babygirl
    barcelona baseball basketball batman beautiful blink booboo bonjour buster butterfly changeme charlie
    cheese
    chelsea chocolate computer contrasena cookie corvette daniel default diamond dragon elephant estrella
    family
    ferrari flower football freedom friends fuckyou ginger google guest guitar hallo hallowelt hannah hello
    helloworld hockey holiday hunter iloveyou internet jasmine jennifer jessica jordan joshua killer kitty
    letmein lieblings london love loveme lovely maggie marina marlboro master matrix matthew mercedes michael
    michelle midnight monkey mother motdepasse mustang mynoob naruto nicole ninja nothing orange owner
    parola passe passphrase passport passw0rd passwd password passwort pepper piccolo pokemon princess purple
    qazwsx qwerty qwertz rainbow raspberry raspberrypi realmadrid recovery robert rootroot samsung schatz
    secret
    senha server shadow skywalker slipknot snoopy soccer sommer spiderman starwars startrek strawberry summer
    sunshine superman superstar sweety teacher tequiero test testing thomas tigger toor trustno trustnoone
    trustno1 unknown user vault victoria welcome whatever william willkommen wilkommen winter yamaha yellow
    zaq12wsx
    """.split()  # noqa: SIM905 - a list of a hundred literals is harder to read
)
_LEET = str.maketrans("0134578@$!|", "oieastbasii")


def normalise(passphrase: str) -> str:
    """Returns the form in which passphrases are compared and stretched."""
    return unicodedata.normalize("NFKC", passphrase)


def check_new(passphrase: str, common: Container[str]) -> str:
    """Returns a new passphrase in its normal form; `common` holds those that leaked often, in lower case.

    Raises PiccoloError INVALID (PASSPHRASE_SHORT, PASSPHRASE_TRIVIAL, PASSPHRASE_COMMON,
    PASSPHRASE_CHARACTERS).
    """
    text = normalise(passphrase)
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise PiccoloError(
            Kind.INVALID,
            "PASSPHRASE_CHARACTERS",
            "The passphrase holds a line break or another control character, which you could not type again. "
            "Leave it out.",
        )
    if len(text.strip()) < SHORTEST:
        raise PiccoloError(
            Kind.INVALID,
            "PASSPHRASE_SHORT",
            f"A passphrase has at least {SHORTEST} characters. Four or five unrelated words are a good one.",
        )
    if why := _trivial(text.strip().casefold()):
        raise PiccoloError(
            Kind.INVALID,
            "PASSPHRASE_TRIVIAL",
            f"This passphrase {why}, so it would be guessed at once. "
            "Four or five unrelated words are a good one.",
        )
    if any(stem in common for stem in _stems(text.strip().casefold())):
        raise PiccoloError(
            Kind.INVALID,
            "PASSPHRASE_COMMON",
            "This passphrase, or one that differs in a few signs, is known from leaks and would be guessed "
            "at once. Four or five unrelated words are a good one.",
        )
    return text


def _stems(text: str) -> Iterator[str]:
    """What a passphrase comes down to: itself, its disguises undone, and both without a few signs around."""
    for plain in dict.fromkeys((text, text.translate(_LEET))):
        yield plain
        stem = plain.strip("".join(sign for sign in set(plain) if not sign.isalpha()))
        if stem != plain and len(plain) - len(stem) < _REST:
            yield stem


def _trivial(text: str) -> str:
    if len(set(text)) < _FEWEST_SIGNS:
        return "uses hardly any different characters"
    if text.isdigit() and len(text) < _DIGITS_ONLY:
        return "is only a number"
    if _repeats(text):
        return "repeats a few characters"
    if len(text) - _in_runs(text) < _REST:
        return "follows the alphabet, the digits or the keyboard"
    if _common(text):
        return "is one of the most common ones"
    return ""


def _repeats(text: str) -> bool:
    return any(text == (text[:unit] * len(text))[: len(text)] for unit in range(1, _UNIT + 1))


def _in_runs(text: str) -> int:
    """Counts the characters that lie in runs of three and more along a row, either way."""
    count, at = 0, 0
    while at < len(text):
        length = max(_run_at(text, at, row) for row in _ROWS + tuple(row[::-1] for row in _ROWS))
        if length >= _RUN:
            count, at = count + length, at + length
        else:
            at += 1
    return count


def _run_at(text: str, at: int, row: str) -> int:
    start, length = row.find(text[at]), 1
    if start < 0:
        return 0
    while text[at : at + length + 1] == row[start : start + length + 1] and at + length < len(text):
        length += 1
    return length


def _common(text: str) -> bool:
    """Whether little is left beside a common word, written in whatever disguise."""
    for plain in (text, text.translate(_LEET)):
        letters = "".join(sign for sign in plain if sign.isalpha())
        for word in _COMMON:
            if word in (plain, letters) or (word in plain and len(plain) - len(word) < _REST):
                return True
    return False
