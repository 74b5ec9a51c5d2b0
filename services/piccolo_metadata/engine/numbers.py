"""The owner's mutation counter: numbers that order layouts, tombstones and undeletes by (generation, seq).

Rules:
* A number is durable before it is handed out; a crash skips numbers and repeats none.
* After a restore the counter goes on far beyond what the lost device can have drawn (`SKIPPED`).
* The generation never goes back.
"""

from __future__ import annotations

from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.ports import Transaction

SKIPPED: Final = 1 << 32


def reserve(tx: Transaction, count: int) -> tuple[int, int]:
    """Draws `count` numbers; returns the first of them and the generation."""
    mutation, generation = tx.one("SELECT mutation, generation FROM progress") or (0, 1)
    tx.run("UPDATE progress SET mutation = ?", mutation + count)
    return mutation + 1, generation


def set_generation(tx: Transaction, generation: int) -> None:
    """Sets the device generation.

    Raises PiccoloError CONFLICT, GENERATION_OLD for a lower one than before.
    """
    (present,) = tx.one("SELECT generation FROM progress") or (1,)
    if generation < present:
        raise PiccoloError(
            Kind.CONFLICT,
            "GENERATION_OLD",
            f"This device is of generation {present} already; {generation} belongs to the one before it.",
            {"generation": str(present)},
        )
    if generation > present:
        tx.run("UPDATE progress SET generation = ?", generation)


def skip_ahead(tx: Transaction) -> None:
    """After a restore: goes on where the lost device cannot have been, in revisions too."""
    tx.run("UPDATE progress SET mutation = mutation + ?, revision = revision + ?", SKIPPED, SKIPPED)
