"""From words and KEK to the owner that they make."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import WordsError
from piccolo_formats.kek import Kek, owner_id
from piccolo_formats.secret import draw

from piccolo_vault.core.keys.records import ASKED, WORDS, OwnerRecord

if TYPE_CHECKING:
    from piccolo_formats.secret import Random

FIRST_EPOCH = 1
FIRST_GENERATION = 1
_TRIPLES = tuple(combinations(range(1, WORDS + 1), ASKED))
_PROBLEMS = {
    "words-count": f"There are {WORDS} recovery words, with a space between two. Count them again.",
    "words-checksum": "Every word is in the list, but together they do not add up: one was mistaken for "
    "another, or two changed places. Compare each with your note, in order.",
}


def ask_back(random: Random) -> tuple[int, ...]:
    """Draws the three positions (from 1) of the words that are asked back."""
    return _TRIPLES[int.from_bytes(draw(random, 16)) % len(_TRIPLES)]


def read_words(text: str) -> Kek:
    """Returns the KEK of 24 words.

    Raises PiccoloError INVALID (WORDS_UNKNOWN with the position in the details, WORDS_COUNT, WORDS_CHECKSUM).
    The message holds none of the words, nor one that resembles them.
    """
    try:
        return Kek.from_words(text)
    except WordsError as wrong:
        # Not chained: its message may suggest words, and errors are logged.
        raise _refused(wrong.reason, wrong.position) from None


def _refused(reason: str, position: int | None) -> PiccoloError:
    if position is not None:
        return PiccoloError(
            Kind.INVALID,
            "WORDS_UNKNOWN",
            f"Word {position} is not one of the 2048 recovery words. Check its spelling.",
            {"position": str(position)},
        )
    return PiccoloError(Kind.INVALID, reason.replace("-", "_").upper(), _PROBLEMS[reason])


def owner_of(kek: Kek, *, ask: tuple[int, ...], generation: int = FIRST_GENERATION) -> OwnerRecord:
    """Returns the owner record of a KEK that was never rotated, without a device certificate."""
    root = kek.owner_root().public
    return OwnerRecord(
        owner=owner_id(root),
        root=root,
        locator=kek.locator().public,
        backup=kek.backup().public,
        epoch=FIRST_EPOCH,
        generation=generation,
        ask=ask,
        device=None,
        claim=None,
    )


def is_owners(kek: Kek, owner: OwnerRecord) -> bool:
    """Whether the KEK is the one in force for this owner."""
    return kek.owner_root().public == owner.root


def wrong_words(kek: Kek, owner: OwnerRecord, given: str) -> tuple[int, ...]:
    """Returns the positions asked whose word is not the one given; all when the number is wrong."""
    said = given.casefold().split()
    if len(said) != len(owner.ask):
        return owner.ask
    words = kek.to_words()
    return tuple(at for at, word in zip(owner.ask, said, strict=True) if words[at - 1] != word)
