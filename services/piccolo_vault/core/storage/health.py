"""A file's health, in numbers and in words.

Rules: devices are counted, not fragments; what is away counts as lost until it is back; the words say what a
person wants to know, how much more may go wrong. Where all that came in through one member who is no admin
may take the file with them, the words say that, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from piccolo_vault.core.storage import promise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from piccolo_vault.core.storage.erasure import Code


_LINE = "that came into the circle through one member who is no admin"


class PlaceState(StrEnum):
    """Where one fragment stands."""

    PLACED = "placed"
    AWAY = "away"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Place:
    """One fragment of an object: its index, who keeps it (None: nobody) and whether it is there."""

    index: int
    keeper: bytes | None
    state: PlaceState


@dataclass(frozen=True, slots=True)
class Health:
    """What an object survives at present.

    `lost` says that what is missing will not come back by itself; `together`, how many of its devices came in
    through one member who is no admin, where the loss of all of them would destroy it; 0 where none would.
    """

    code: Code
    placed: int
    devices: int
    survives: int
    lost: bool
    together: int = 0

    @property
    def at_risk(self) -> bool:
        """Whether the loss of one more device may destroy it."""
        return self.survives < 1

    @property
    def words(self) -> str:
        """The sentence for a person."""
        if self.survives > 0:
            told = f"survives the loss of any {self.survives} of {_devices(self.devices)}"
            return f"{told}, but not of the {self.together} {_LINE}" if self.together else told
        if self.survives == 0:
            return f"every one of the {_devices(self.devices)} that hold it is needed: no loss is survived"
        if self.lost:
            return f"lost: {self.placed} of the {self.code.k} fragments that rebuild it are left"
        return f"cannot be read now: {_fragments(-self.survives)} must come back"


def assess(code: Code, places: Sequence[Place], subtrees: Sequence[frozenset[bytes]] = ()) -> Health:
    """Returns the health of an object whose fragments lie so. `subtrees`: see core/inviters.py."""
    placed = [place.keeper for place in places if place.state is PlaceState.PLACED and place.keeper]
    return Health(
        code=code,
        placed=len(placed),
        devices=len(set(placed)),
        survives=promise.survives(promise.count_by_device(placed).values(), code.k),
        lost=sum(place.state is not PlaceState.MISSING for place in places) < code.k,
        together=max((_together(placed, code.k, each) for each in subtrees), default=0),
    )


def _together(placed: Sequence[bytes], k: int, subtree: frozenset[bytes]) -> int:
    under = [owner for owner in placed if owner in subtree]
    return len(set(under)) if len(placed) - len(under) < k else 0


def places(
    keepers: Sequence[bytes | None], missing: Iterable[int], away: Iterable[bytes]
) -> tuple[Place, ...]:
    """Returns where fragments stand: a layout's keepers, indexes that nobody has, who does not answer."""
    gone, silent = frozenset(missing), frozenset(away)
    return tuple(
        _place(index, keeper, index in gone, keeper in silent) for index, keeper in enumerate(keepers)
    )


def _place(index: int, keeper: bytes | None, gone: bool, silent: bool) -> Place:
    if keeper is None or gone:
        return Place(index, keeper, PlaceState.MISSING)
    return Place(index, keeper, PlaceState.AWAY if silent else PlaceState.PLACED)


@dataclass(slots=True)
class Totals:
    """The health of everything, object by object."""

    objects: int = 0
    at_risk: int = 0
    unreadable: int = 0
    together: int = 0
    survives: int | None = None

    def add(self, health: Health) -> None:
        """Counts one more object."""
        self.objects += 1
        self.at_risk += health.at_risk
        self.unreadable += health.survives < 0
        self.together += health.together > 0
        self.survives = health.survives if self.survives is None else min(self.survives, health.survives)

    @property
    def words(self) -> str:
        """The sentence for a person."""
        if self.survives is None:
            return "nothing is stored yet"
        if self.unreadable:
            return f"{self.unreadable} of {self.objects} objects cannot be read now"
        if self.at_risk:
            return f"{self.at_risk} of {self.objects} objects would not survive the loss of one more device"
        told = f"every file survives the loss of any {_devices(self.survives)}"
        if self.together:
            return f"{told}, but {self.together} of {self.objects} objects not the loss of all {_LINE}"
        return told


def _devices(count: int) -> str:
    return f"{count} device" if count == 1 else f"{count} devices"


def _fragments(count: int) -> str:
    return f"{count} more fragment" if count == 1 else f"{count} more fragments"
