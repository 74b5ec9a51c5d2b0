"""What a request must meet before it does anything: its conditions, and the locks of others.

Rules:
* The If header and the conditional headers are judged first (412), then the locks (423).
* A tag that was judged is what the write expects when it happens: its conditions are made so strict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import conditions as http
from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.core.conditions import Conditions, Tag, Tags
from piccolo_gateway.core.dav.conditions import If, State
from piccolo_gateway.core.dav.headers import reference
from piccolo_gateway.core.dav.locks import LockTable, Place
from piccolo_gateway.engine.writing import find, present_of
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.machine import Clock


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        path: what it is about.
        holder: who asks, as locks know it.
        host: the request's Host.
        condition: its If header.
        conditions: its conditional headers.
    """

    path: str
    holder: str
    host: str
    condition: If
    conditions: Conditions

    @property
    def tokens(self) -> frozenset[str]:
        """Locks' tokens that were submitted."""
        return self.condition.tokens


class Guard:
    """Judges requests."""

    def __init__(self, files: Files, locks: LockTable, clock: Clock) -> None:
        self._files, self.locks, self._clock = files, locks, clock

    async def judge(self, asked: Asked) -> Entry | None:
        """What is there, when the request's conditions hold for it.

        Raises PiccoloError CONFLICT (PRECONDITION_FAILED).
        """
        present = await find(self._files, asked.path)
        asked.conditions.judge(present_of(present), reading=False)
        if asked.condition.alternatives and not await self._holds(asked, present):
            raise PiccoloError(
                Kind.CONFLICT,
                "PRECONDITION_FAILED",
                "Nothing was changed: what the If header says does not hold.",
            )
        return present

    def unconcerned(self, asked: Asked) -> bool:
        """Whether neither a condition nor a lock can stand against a request, whatever is there."""
        said = asked.condition.alternatives or asked.conditions.any
        return not said and self.locks.empty

    def require(self, asked: Asked, places: Iterable[Place]) -> None:
        """Lets pass who may change these places. Raises PiccoloError LOCKED (LOCK_TOKEN_NEEDED)."""
        self.locks.require(places, asked.tokens, asked.holder, self._clock.running())

    async def _holds(self, asked: Asked, present: Entry | None) -> bool:
        states = {"": self._state(asked.path, present)}
        for about in asked.condition.about - {""}:
            path = _referred(about, asked.host)
            states[about] = State(None, frozenset())
            if path is not None:
                there = await find(self._files, path) if asked.condition.tagged else None
                states[about] = self._state(path, there)
        return asked.condition.holds(lambda about: states[about])

    def _state(self, path: str, present: Entry | None) -> State:
        covering = self.locks.covering(path, self._clock.running())
        tag = present.version_id or None if present else None
        return State(tag, frozenset(lock.token for lock in covering))


def _referred(about: str, host: str) -> str | None:
    try:
        return reference(about, host)
    except PiccoloError:
        return None  # it names nothing here, so it has no state


def strict(asked: Asked, present: Entry | None) -> Conditions:
    """The conditions of a write: where tags were judged, exactly what was there must be there still."""
    if not asked.condition.tagged or asked.conditions.any:
        return asked.conditions
    if present is None:
        return replace(Conditions(), if_none_match=Tags(any=True))
    tag = (present_of(present) or http.Present("", 0)).tag
    return Conditions(if_match=Tags(any=False, tags=(Tag(tag),)))
