"""What a comparison of the memory with the members' inventories came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of asking the members for what the memory does not know.

    `members` were to be asked, `heard` answered. `files` were brought back; `left` objects wait for members
    that have enough of their fragments; `unusable` ones are not this owner's, or no name can be had for them.
    """

    members: int
    heard: int
    files: int
    left: int
    unusable: int
