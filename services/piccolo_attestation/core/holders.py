"""An owner's devices, as far as they are remembered: those in force first, then those that were replaced.

Rules:
* An owner has eight at most, those of the highest generations and smallest hashes, so that everybody
  remembers the same.
* What a replaced device claimed is over. Where it said it was holds until a device of a higher generation has
  spoken: a box that lost a key is a new device, which speaks only when a majority promised to serve it, and
  must be found by its address until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from piccolo_formats.records.device import Device, Presence
from piccolo_formats.records.generations import Claim
from piccolo_formats.signed import Signed

_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Holder:
    """A device: its certificate, and what is known on its word."""

    device: Signed[Device]
    presence: Signed[Presence] | None = None
    claim: Signed[Claim] | None = None

    @property
    def generation(self) -> int:
        """The device's generation."""
        return self.device.record.generation

    @property
    def name(self) -> str:
        """What the device calls itself."""
        return self.presence.record.name if self.presence else self.device.record.name


def remembered(holders: Iterable[Holder]) -> tuple[Holder, ...]:
    """What is remembered of an owner's devices, in their order."""
    kept = sorted(holders, key=_place)[:_REMEMBERED]
    in_force, spoke = max((each.generation for each in kept), default=0), spoken(kept)
    return tuple(
        replace(
            each,
            claim=each.claim if each.generation == in_force else None,
            presence=each.presence if each.generation == spoke else None,
        )
        for each in kept
    )


def spoken(holders: Iterable[Holder]) -> int:
    """The highest generation that said where it is; 0 when none did."""
    return max((each.generation for each in holders if each.presence is not None), default=0)


def rank(presence: Signed[Presence]) -> tuple[int, bytes]:
    """Which of a device's presences holds: the highest."""
    # Of two with one seq, which only a faulty device signs, everybody must choose the same.
    return presence.record.seq, presence.record_hash()


def _place(holder: Holder) -> tuple[int, bytes]:
    return -holder.generation, holder.device.record_hash()
