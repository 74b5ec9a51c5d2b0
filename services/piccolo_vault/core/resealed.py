"""How far the sealing anew is, as the way of a file tells the keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resealed:
    """What was done of the sealing anew, which follows on words that were exposed.

    Attributes:
        phase: what is being done, for a person.
        done, total: sealed bytes that have another key, and those that there were.
        versions, all_versions: the same in file versions.
        leftovers: fragments that were purged although no file belongs to them.
        unopened: fragments that stay because only the earlier words open their records.
        unreached: members of the roster that nobody can wait for, and that may have fragments still.
        over: nothing is left that the earlier words open, wherever that can be known.
    """

    phase: str
    done: int = 0
    total: int = 0
    versions: int = 0
    all_versions: int = 0
    leftovers: int = 0
    unopened: int = 0
    unreached: tuple[str, ...] = ()
    over: bool = False
