"""The backup's failures in words, and what the formats' failures become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import Delegation
from piccolo_formats.signed import Signed, open_signed

_LAST_SECOND: Final = 253_402_300_799  # of the year 9999: times in records may be any number


@contextmanager
def refused_as(kind: Kind, reason: str, what: str) -> Iterator[None]:
    """Raises what the formats refuse as a PiccoloError whose message begins with `what`."""
    try:
        yield
    except FormatError as wrong:
        raise PiccoloError(kind, reason, f"{what}: {wrong.message}.") from wrong


def open_delegation(data: bytes, key: bytes) -> Signed[Delegation]:
    """A delegation of this process's key, signed by the locator key that it names.

    Raises PiccoloError INVALID, DELEGATION_WRONG.
    """
    with refused_as(Kind.INVALID, "DELEGATION_WRONG", "The delegation cannot be used"):
        signed = open_signed(Delegation, data)
        signed.require(signed.record.locator)
    if signed.record.key != key:
        raise PiccoloError(
            Kind.INVALID,
            "DELEGATION_WRONG",
            "The delegation is for another device's key; ask this one for its key first.",
        )
    return signed


def rolled_back(acknowledged: int, kept: int) -> PiccoloError:
    """The cloud lost what it had acknowledged."""
    return PiccoloError(
        Kind.DATA_LOSS,
        "ROLLED_BACK",
        f"The cloud has lost backups that it had confirmed: its log ends at {kept}, this device wrote up to "
        f"{acknowledged}. Nothing more is written there until its operator has brought the log back.",
        {"head_seq": str(kept), "acknowledged": str(acknowledged)},
    )


def forked(seq: int, why: str) -> PiccoloError:
    """Two histories of one log."""
    return PiccoloError(
        Kind.DATA_LOSS,
        "FORK",
        f"The backup at the cloud is not the one that this device wrote: entry {seq} {why}. A copy of this "
        "device may be running somewhere, or the cloud is not honest. Nothing more is written there.",
        {"seq": str(seq)},
    )


def fenced(generation: int) -> PiccoloError:
    """Another device is the owner's now."""
    return PiccoloError(
        Kind.DENIED,
        "FENCED",
        f"Another device was set up from your words and has taken over as generation {generation}. This one "
        "has stopped writing backups for good.",
        {"generation": str(generation)},
    )


def restore_first() -> PiccoloError:
    """The log is not empty and this device has written none of it."""
    return PiccoloError(
        Kind.PRECONDITION,
        "RESTORE_FIRST",
        "There is a backup under your words already, which another device wrote. Restore it on an empty "
        "device, then this device may go on with it.",
    )


def claim_first(generation: int) -> PiccoloError:
    """A generation writes only after its claim."""
    return PiccoloError(
        Kind.PRECONDITION,
        "CLAIM_FIRST",
        f"Generation {generation} has to be claimed in the backup log before it writes.",
        {"generation": str(generation)},
    )


def missed_entries(first: int, last: int) -> str:
    """What a former device wrote that this one did not take over."""
    return (
        f"A former device wrote what this one has not taken over: the backup's entries {first} to {last} are "
        "not in this device's memory. They stay in the backup, and can be restored from it to an empty "
        "device."
    )


def memory_not_empty() -> PiccoloError:
    """What comes from elsewhere comes to an empty memory only."""
    return PiccoloError(
        Kind.PRECONDITION,
        "MEMORY_NOT_EMPTY",
        "This device already keeps files of its own; a backup is restored to an empty device only. "
        "Nothing was changed.",
    )


def no_cloud() -> PiccoloError:
    """There is nowhere to back up to."""
    return PiccoloError(
        Kind.PRECONDITION,
        "CLOUD_MISSING",
        "No cloud is configured on this device: set cloud.endpoint.",
    )


def moved_away(time: int) -> PiccoloError:
    """The words were replaced; `time` in seconds since 1970."""
    day = datetime.fromtimestamp(min(time, _LAST_SECOND), UTC)
    return PiccoloError(
        Kind.PRECONDITION,
        "LOG_MOVED",
        f"These words were replaced by new ones on {day:%Y-%m-%d}, and the backup moved with them. "
        "Use the new words.",
        {"time": str(time)},
    )


def chain_broken(seq: int, why: str, whole: int | None) -> PiccoloError:
    """The log cannot be followed beyond a place."""
    details: Mapping[str, str] = {"seq": str(seq), **({"whole": str(whole)} if whole else {})}
    rest = (
        f"It is whole up to entry {whole}; ask for that." if whole else "Nothing before it can be restored."
    )
    return PiccoloError(
        Kind.DATA_LOSS, "CHAIN_BROKEN", f"The backup is broken at entry {seq}: {why}. {rest}", details
    )
