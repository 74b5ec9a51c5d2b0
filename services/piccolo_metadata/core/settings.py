"""The owner's settings: their names, types, defaults and meanings.

Rules:
* A value is JSON of exactly its setting's type; a number out of range, an unknown name and what two settings
  together must not say are refused in words.
* Only what differs from the default is stored; null goes back to the default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from piccolo_chassis.errors import Kind, PiccoloError

Plain: TypeAlias = int | str

RULE_FRAGMENTS: Final = 31
"""The most fragments that a file has by the rules (storage rules: m = N - 1, at most 31)."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `least` to `most`."""

    least: int
    most: int

    def problem(self, value: object) -> str | None:
        """What is wrong with a value, None when nothing is."""
        if type(value) is not int:
            return "must be a whole number"
        if not self.least <= value <= self.most:
            return f"must be between {self.least} and {self.most}"
        return None


@dataclass(frozen=True, slots=True)
class Text:
    """One line of 1 to `most` characters."""

    most: int

    def problem(self, value: object) -> str | None:
        """What is wrong with a value, None when nothing is."""
        if type(value) is not str:
            return "must be text"
        if not 1 <= len(value) <= self.most or not value.isprintable() or value != value.strip():
            return f"must be one line of 1 to {self.most} characters without blanks at its ends"
        return None


@dataclass(frozen=True, slots=True)
class Setting:
    """What can be set."""

    default: Plain
    shape: Whole | Text
    meaning: str


CATALOGUE: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        "device.name": Setting("Piccolo", Text(63), "The name of this device, as other members see it."),
        "versions.keep": Setting(
            10, Whole(1, 10_000), "How many versions of a file are kept, the current one included."
        ),
        # the lower end is a promise to the owner (storage rules: younger versions are never pruned)
        "versions.min_age_days": Setting(
            30, Whole(30, 36_500), "For how many days a replaced version is kept in any case."
        ),
        "trash.days": Setting(
            30, Whole(1, 36_500), "For how many days removed files can be restored from the trash."
        ),
        "storage.k": Setting(
            0,
            Whole(0, 255),
            "How many fragments rebuild a new file; 0 lets the rules choose.",
        ),
        "storage.m": Setting(
            0,
            Whole(0, 255),
            "How many fragments a new file is cut into, each for another member; 0 lets the rules choose.",
        ),
    }
)


def parse(name: str, text: str) -> Plain | None:
    """The value of a JSON text, None to go back to the default.

    Raises PiccoloError INVALID (SETTING_UNKNOWN, SETTING_WRONG).
    """
    setting = _known(name)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise _wrong(name, "is no JSON") from wrong
    if value is None:
        return None
    if problem := setting.shape.problem(value):
        raise _wrong(name, problem)
    return value if isinstance(value, str) else int(value)


def check_together(values: Mapping[str, Plain]) -> None:
    """Refuses settings that contradict each other; raises PiccoloError INVALID, SETTING_WRONG.

    Whether the circle has members enough for them is known, and told, where files are cut into fragments.
    """
    k, m = values["storage.k"], values["storage.m"]
    if not isinstance(k, int) or not isinstance(m, int):
        return
    if m == 1:
        raise _wrong("storage.m", "must be at least 2: otherwise one lost device loses files")
    if not m and k >= RULE_FRAGMENTS:
        problem = (
            f"must be below {RULE_FRAGMENTS} unless storage.m is set too: the rules choose no more fragments"
        )
        raise _wrong("storage.k", problem)
    if m and k > m:
        raise _wrong("storage.k", f"must not be above storage.m ({m})")
    if m and k == m:
        raise _wrong("storage.k", "must be below storage.m: otherwise one lost device loses files")


def all_values(stored: Mapping[str, Plain]) -> dict[str, Plain]:
    """Every setting's value, in name order."""
    return {name: stored.get(name, CATALOGUE[name].default) for name in sorted(CATALOGUE)}


def _known(name: str) -> Setting:
    if name not in CATALOGUE:
        raise PiccoloError(
            Kind.INVALID,
            "SETTING_UNKNOWN",
            f"There is no setting {name[:64]!r}; there are {', '.join(sorted(CATALOGUE))}.",
        )
    return CATALOGUE[name]


def _wrong(name: str, problem: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "SETTING_WRONG", f"The setting {name} {problem}.", {"setting": name})
