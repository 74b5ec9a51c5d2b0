"""What a device answers, as far as programs here go by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Health:
    """What everything, or one file, survives."""

    survives: int
    words: str
    k: int = 0
    m: int = 0
    unreadable: int = 0
    repairs: int = 0
    unreconciled: bool = False
    devices: int = 0
    away: tuple[str, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Reads it out of a body; what is not told there is nothing."""
        numbers = {name: told.get(name, 0) for name in ("k", "m", "unreadable", "repairs", "devices")}
        unreconciled = bool(told.get("unreconciled"))
        away = tuple(told.get("away", ()))
        return cls(
            survives=told["survives"], words=told["words"], unreconciled=unreconciled, away=away, **numbers
        )


@dataclass(frozen=True, slots=True)
class Written:
    """A file's new version."""

    path: str
    revision: int
    version_id: str
    size: int
    health: Health

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Reads it out of a body."""
        names = ("path", "revision", "version_id", "size")
        return cls(**{name: told[name] for name in names}, health=Health.of(told["health"]))
