"""Presences of others that come too fast: what a device says of itself is written down at a pace.

Rules:
* The first word of a device, and the first that is newer, are taken at once; from then on one in `pace`
  seconds. The newest that came meanwhile is kept back until then.
* Only what would be taken is kept back, and takes the device's turn: nobody speaks for another.
* Of this device's own owner all is heard at once: who else speaks with one's own key must be known.
"""

from __future__ import annotations

from collections.abc import Iterable

from piccolo_chassis.errors import PiccoloError

from piccolo_attestation.core import bundle
from piccolo_attestation.core.bundle import Entry
from piccolo_attestation.core.trusted_circle import TrustedCircle


class Presences:
    """When each device was last listened to, and what it has said since."""

    def __init__(self, pace: float) -> None:
        """`pace`: in seconds."""
        self._pace = pace
        self._taken: dict[tuple[bytes, int], float] = {}
        self._later: dict[tuple[bytes, int], bytes] = {}

    def left(self, now: float) -> float | None:
        """The seconds until something that was kept back may be taken; None when nothing was."""
        due = [self._taken.get(key, 0.0) + self._pace for key in self._later]
        return max(0.0, min(due) - now) if due else None

    def sift(
        self, circle: TrustedCircle, records: Iterable[bytes], own: bytes, now: float
    ) -> tuple[list[bytes], Presences]:
        """The records that are to be judged now, those among them that were kept back before; and what is
        remembered once they are durable.

        `own` is this device's owner, `now` in seconds of a clock that nobody sets.
        """
        after = Presences(self._pace)
        after._taken = {key: time for key, time in self._taken.items() if now - time < self._pace}
        entries = bundle.ordered([*records, *self._later.values()])
        others = [each.data for each in entries if each.type != "presence"]
        presences = [each for each in reversed(entries) if each.type == "presence"]  # a device's newest first
        heard = circle.copy()
        due = [each.data for each in presences if after._is_due(circle, heard, each, own, now)]
        return others + due, after

    def _is_due(
        self, circle: TrustedCircle, heard: TrustedCircle, entry: Entry, own: bytes, now: float
    ) -> bool:
        try:
            if not heard.add_presence(entry.data):
                return False
        except PiccoloError as refused:
            return refused.reason != "RECORD_OLD"  # it may rest on what comes with it
        key = (entry.owner, entry.place[1])
        if entry.owner == own or not _has_spoken(circle, *key):
            return True
        if key in self._taken:
            self._later[key] = entry.data
            return False
        self._taken[key] = now
        return True


def _has_spoken(circle: TrustedCircle, owner: bytes, generation: int) -> bool:
    known = (*circle.holders(owner), *circle.replaced(owner))
    return any(each.presence is not None for each in known if each.generation == generation)
