"""How fast a lost member was repaired, beside how fast the same bytes had come in. Arithmetic and text only.

Rules:
* Rates are compared on the same bytes. Three are told, because a repair does other work than a put does:
  plaintext that is covered (the owner's view: how long until so many gigabytes are safe again), fragment
  bytes over the wire (a put sends m fragments; a repair reads k to send one), and fragment bytes written.
* What is written is counted on the keepers' disks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from integration.bench.figures import columns


@dataclass(frozen=True, slots=True)
class Repair:
    """A put and the repair of a part of it.

    Attributes:
        k, m: how the files are kept.
        size: plaintext bytes that were put.
        put_seconds: what that took.
        put_bytes: fragment bytes that the keepers had written then.
        lost_bytes: fragment bytes that went with the member.
        lost_fragments: how many fragments that were.
        noticed_seconds: from the removal's being known to the first repair.
        repair_seconds: from there until every file had all its fragments again.
        repaired_bytes: fragment bytes that the keepers had written then.
    """

    k: int
    m: int
    size: int
    put_seconds: float
    put_bytes: int
    lost_bytes: int
    lost_fragments: int
    noticed_seconds: float
    repair_seconds: float
    repaired_bytes: int

    def __post_init__(self) -> None:
        """Refuses what was not done, or done in no time."""
        if min(self.size, self.put_bytes, self.lost_bytes, self.repaired_bytes) <= 0:
            raise ValueError("nothing was put, lost or repaired")
        if min(self.put_seconds, self.repair_seconds) <= 0:
            raise ValueError("nothing is done in no time")

    @property
    def written(self) -> tuple[float, float]:
        """Fragment bytes written a second: putting, repairing."""
        return self.put_bytes / self.put_seconds, self.repaired_bytes / self.repair_seconds

    @property
    def moved(self) -> tuple[float, float]:
        """Fragment bytes over the wire a second: a repair reads k of them for each one that it writes."""
        put, repaired = self.written
        return put, repaired * (self.k + 1)

    @property
    def covered(self) -> tuple[float, float]:
        """Plaintext bytes a second that were stored, and that got back what they had lost."""
        share = (
            self.put_bytes / self.size / self.m
        )  # of a file in each of its fragments, with what they carry
        return self.size / self.put_seconds, self.repaired_bytes / share / self.repair_seconds

    def to_json(self) -> str:
        """All of it, rates in bytes a second."""
        told: dict[str, int | float] = {name: getattr(self, name) for name in self.__slots__}
        for name in ("covered", "moved", "written"):
            put, repaired = getattr(self, name)
            told |= {
                f"put_{name}_rate": round(put),
                f"repair_{name}_rate": round(repaired),
                f"{name}_ratio": round(repaired / put, 3),
            }
        return json.dumps(told, indent=2) + "\n"


def table(done: Repair) -> list[str]:
    """The three rates for a reader, and what they stand on."""
    rows = [("MB/s", "put", "repair", "ratio")]
    for title, (put, repaired) in (
        ("plaintext covered", done.covered),
        (f"fragment bytes over the wire (a repair reads {done.k} to write 1)", done.moved),
        ("fragment bytes written", done.written),
    ):
        rows.append((title, f"{put / 1e6:.1f}", f"{repaired / 1e6:.1f}", f"{repaired / put:.2f}"))
    return [
        f"{done.size >> 20:,} MiB as {done.k} of {done.m}: put in {done.put_seconds:.1f} s",
        f"{done.lost_fragments} fragments, {done.lost_bytes >> 20:,} MiB, went with the member",
        f"repair began after {done.noticed_seconds:.1f} s; all was whole {done.repair_seconds:.1f} s later",
        *columns(rows, right=(1, 2, 3)),
    ]
