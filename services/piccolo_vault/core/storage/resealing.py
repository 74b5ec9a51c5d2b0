"""What is still to be done after words were exposed, in which order, and when it is over.

Rules:
* First every version that is kept gets a new key. What it lay in before ends only when a backup names the new
  place (metadata says so), and then by a purge, which every member must have acknowledged.
* Then each member is gone through for leftovers: whole fragments that no layout and no open write names, and
  that were last touched by a device of the exposed words: in their trash, and of writes that were cut off.
* A memory that the members rebuilt never saw a wrap of those words. So what they bring back counts as
  exposed, unless a device of later words wrote it first; and leftovers are those of every device before.
  A record that the words in force do not open may be the last that tells of a file: its fragment stays.
* What belongs to a file is never a leftover, however old it is: unknown is not dead, but here it is known.
* It is over when nothing is left to seal, to purge and to go through. Whoever is no member any more cannot be
  waited for: who that is is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DAY = 86_400.0
_UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")
_NAMES = 3


class Step(Enum):
    """What comes next."""

    SEAL = auto()
    END = auto()
    SWEEP = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class Left:
    """What is exposed still: objects in all, and what is kept of them: versions, and their sealed bytes."""

    objects: int = 0
    versions: int = 0
    bytes: int = 0

    def __bool__(self) -> bool:
        """Returns whether there is anything."""
        return bool(self.objects)

    def without(self, sealed: Left) -> Left:
        """Returns what is left when this was sealed anew; its objects have still to end."""
        return Left(self.objects, max(0, self.versions - sealed.versions), max(0, self.bytes - sealed.bytes))


@dataclass(frozen=True, slots=True)
class Course:
    """Where the whole stands.

    Attributes:
        all_versions, all_bytes: what there was to seal at the beginning.
        left: what is exposed still.
        unreadable: kept versions' objects that could not be sealed anew when last tried.
        untold: members that have not acknowledged all purges.
        unswept: members that are to be gone through.
        bytes_a_day: the allowance; 0: none.
    unopened: fragments that stay because only the earlier words open their records.
    """

    all_versions: int
    all_bytes: int
    left: Left
    unreadable: int = 0
    untold: tuple[str, ...] = ()
    unswept: tuple[str, ...] = ()
    bytes_a_day: int = 0
    unopened: int = 0

    @property
    def step(self) -> Step:
        """What comes next."""
        if self.left.versions:
            return Step.SEAL
        if self.left.objects or self.untold:
            return Step.END
        return Step.SWEEP if self.unswept else Step.OVER

    @property
    def versions(self) -> int:
        """Versions that are sealed anew, or not kept any more."""
        return max(0, self.all_versions - self.left.versions)

    @property
    def bytes(self) -> int:
        """Their sealed bytes."""
        return max(0, self.all_bytes - self.left.bytes)

    @property
    def days(self) -> float:
        """How long the rest takes, at least, by the allowance."""
        return self.left.bytes / self.bytes_a_day if self.bytes_a_day else 0.0

    @property
    def words(self) -> str:
        """What is being done, for a person."""
        match self.step:
            case Step.SEAL:
                return self._sealing()
            case Step.END if self.untold:
                return (
                    "Every file is sealed anew. The old fragments are being deleted for good; not done yet "
                    f"at {_names(self.untold)}. It goes on when they can be reached and take it."
                )
            case Step.END:
                return (
                    "Every file is sealed anew. The old fragments are deleted as soon as the backup at the "
                    "cloud names the new ones."
                )
            case Step.SWEEP:
                return (
                    "Looking for leftovers of the earlier words; still to be gone through: "
                    f"{_names(self.unswept)}."
                )
            case Step.OVER if self.unopened:
                return (
                    f"Every file is sealed anew. {self.unopened} fragments are left that only the earlier "
                    "words open; they stay, since nobody can tell what they belong to."
                )
            case Step.OVER:
                return "Nothing is left that the earlier words open."

    def _sealing(self) -> str:
        told = (
            f"Sealing every file anew: {self.versions} of {max(self.all_versions, self.left.versions)} file "
            f"versions, {sized(self.bytes)} of {sized(max(self.all_bytes, self.left.bytes))}; "
            f"{_lasting(self.days)}."
        )
        if not self.unreadable:
            return told
        return (
            f"{told} {self.unreadable} object{'s' * (self.unreadable > 1)} could not be read or placed and "
            "will be tried again: look at the members that are away, and at the check of your files."
        )


def is_suspected(orders: Iterable[tuple[int, int]], through: int) -> bool:
    """Returns whether an object that members brought back may be one that exposed words opened.

    Args:
        orders: of the versions in it; their generations are those of the devices that first wrote them.
        through: the last generation under those words; 0: there are none such, or the memory knows what they
            opened.
    """
    return any(generation <= through for generation, _ in orders)


def is_leftover(*, whole: bool, generation: int, through: int, named: bool, unopened: bool = False) -> bool:
    """Returns whether a fragment that a member has must go.

    Args:
        whole: it is no half-written one, which has no record and no key that was ever wrapped.
        generation: of the device that touched it last.
        through: the last generation under the exposed words.
        named: a layout or an open write names it, at whichever member.
        unopened: it is live, and only words that nobody tells any more may say what it belongs to.
    """
    return whole and not named and not unopened and generation <= through


def sized(count: int) -> str:
    """Returns a number of bytes for a person."""
    size, unit = float(count), 0
    while size >= 1_000 and unit < len(_UNITS) - 1:
        size, unit = size / 1_000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} bytes"


def _lasting(days: float) -> str:
    hours = days * 24
    if hours < 1:
        return "less than an hour more"
    if hours < 48:
        return f"about {round(hours)} hour{'s' * (round(hours) != 1)} more"
    return f"about {round(days)} days more"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES])
    return f"{shown} and {len(names) - _NAMES} more" if len(names) > _NAMES else shown
