"""A recovery's journal: where it begins, goes on, and what its owner is told at the end."""

from __future__ import annotations

import json
from dataclasses import replace

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.keys.records import OwnerRecord, RecoveryJournal, RecoveryPhase


def begin_journal(
    journal: RecoveryJournal | None, owner: OwnerRecord, seq: int, name: str
) -> RecoveryJournal:
    """The journal to go on with: the one that is there, or a fresh one.

    Raises PiccoloError DENIED, OTHER_WORDS, when it is another owner's and too far to be given up.
    """
    if journal is not None and journal.owner == owner.owner:
        return replace(journal, name=name or journal.name)
    if journal is not None and journal.phase is RecoveryPhase.RESTORED:
        raise PiccoloError(
            Kind.DENIED,
            "OTHER_WORDS",
            "Another owner's recovery was begun on this device and holds that owner's memory already. Give "
            "those 24 words, or reset the device.",
        )
    return RecoveryJournal(
        owner=owner.owner,
        phase=RecoveryPhase.RESTORING,
        seq=seq,
        name=name or None,
        generation=0,
        confirmed_until=0,
        device_until=0,
        files=0,
    )


def nothing_backed_up() -> PiccoloError:
    """What words are told under which the cloud has nothing."""
    return PiccoloError(
        Kind.NOT_FOUND,
        "NOTHING_BACKED_UP",
        "These words are valid, but there is no backup under them. They are another owner's, or the device "
        "they belong to never made a backup. Nothing was changed on this one.",
    )


def outcome_of(journal: RecoveryJournal, owner: OwnerRecord) -> str:
    """The operation's result, JSON."""
    return json.dumps(
        {
            "generation": owner.generation,
            "files": journal.files,
            "confirmed_until": journal.confirmed_until,
            "device_until": journal.device_until,
            "circle": owner.device is not None,
        }
    )
