"""What an owner wants of a recovery, its journal, and what its owner is told at the end."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.contacts import Contacts
from piccolo_formats.errors import FormatError

from piccolo_vault.core.keys.records import OwnerRecord, RecoveryJournal, RecoveryPhase

if TYPE_CHECKING:
    from piccolo_formats.records.generations import Successor

    from piccolo_vault.core.compared import Compared
    from piccolo_vault.core.keys.witnesses import Verdict

_LAST_SECOND = 253_402_300_799  # of the year 9999: times in records may be any number
_AWAY = frozenset({Kind.UNAVAILABLE, Kind.TIMEOUT})
_OURS = frozenset({"RESTORE_CUT_OFF", "KEYS_MISSING", "MEMORY_AWAY"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What the owner asks for besides coming back.

    `seq`: restore to this entry of the log, 0 is the newest. `name` of the new device; empty keeps the old
    one. `accept_rolled_back`: go on although the members know of a newer backup. `contacts`: the circle's, as
    printed. `from_circle`: do not ask the cloud.
    """

    seq: int = 0
    name: str = ""
    accept_rolled_back: bool = False
    contacts: str = ""
    from_circle: bool = False

    def circle(self) -> Contacts | None:
        """Returns the contacts, None when there are none.

        Raises PiccoloError INVALID (CONTACTS_WRONG, CONTACTS_MISSING).
        """
        if not self.contacts.strip():
            if self.from_circle:
                raise PiccoloError(
                    Kind.INVALID,
                    "CONTACTS_MISSING",
                    "To come back from the circle alone, this device must know where its members are. Give "
                    "the contacts that were printed with your words, or ask a member to show its own.",
                )
            return None
        try:
            return Contacts.parse(self.contacts)
        except FormatError as wrong:
            raise PiccoloError(
                Kind.INVALID, "CONTACTS_WRONG", f"The circle's contacts cannot be used: {wrong.message}."
            ) from wrong


def is_cloud_away(failed: PiccoloError) -> bool:
    """Whether a restore failed because the cloud does not answer; this device's own trouble is none."""
    return failed.kind in _AWAY and failed.reason not in _OURS


def is_cloud_gone(failed: PiccoloError) -> bool:
    """Whether a restore failed because the cloud has nothing, or is not there at all."""
    return failed.reason in ("CLOUD_MISSING", "NOTHING_BACKED_UP") or is_cloud_away(failed)


def with_contacts(failed: PiccoloError) -> PiccoloError:
    """The same failure, and what helps when the cloud does not come back."""
    if not is_cloud_away(failed):
        return failed
    more = " If it is gone for good, give your circle's contacts too: the members can bring you back."
    return PiccoloError(failed.kind, failed.reason, failed.message + more, failed.details)


def begin_journal(
    journal: RecoveryJournal | None, owner: OwnerRecord, seq: int, name: str
) -> RecoveryJournal:
    """The journal to go on with: the one that is there, or a fresh one.

    Raises PiccoloError DENIED, OTHER_WORDS, when it is another owner's and too far to be given up.
    """
    if journal is not None and journal.owner == owner.owner:
        restoring = journal.phase is RecoveryPhase.RESTORING
        return replace(journal, name=name or journal.name, seq=(restoring and seq) or journal.seq)
    if journal is not None and journal.phase is not RecoveryPhase.RESTORING:
        raise PiccoloError(
            Kind.DENIED,
            "OTHER_WORDS",
            "Another owner's recovery was begun on this device and holds that owner's memory already. Give "
            "those 24 words, take another blank device, or write Piccolo onto this one's disk anew.",
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


def check_source(journal: RecoveryJournal, wish: Wish) -> None:
    """Raises PiccoloError PRECONDITION, RESTORED_ALREADY, when another memory is here than the wanted one."""
    otherwise = wish.from_circle and journal.phase is RecoveryPhase.RESTORED
    elsewhere = journal.phase is not RecoveryPhase.RESTORING and wish.seq not in (0, journal.seq)
    if otherwise or elsewhere:
        raise PiccoloError(
            Kind.PRECONDITION,
            "RESTORED_ALREADY",
            "This device holds already what a recovery has brought back; only an empty memory is filled from "
            "another restore point, or from the circle alone. Take another blank device for that, or write "
            "Piccolo onto this one's disk anew.",
        )


def nothing_backed_up() -> PiccoloError:
    """What words are told under which the cloud has nothing."""
    return PiccoloError(
        Kind.NOT_FOUND,
        "NOTHING_BACKED_UP",
        "These words are valid, but there is no backup under them. They are another owner's, or the device "
        "they belong to never made a backup. Nothing was changed on this one. If the cloud lost it, give "
        "your circle's contacts too: the members can bring you back.",
    )


def outcome_of(
    journal: RecoveryJournal,
    owner: OwnerRecord,
    verdict: Verdict | None,
    told: Compared | None = None,
    *,
    replaced: Successor | None = None,
) -> str:
    """The operation's result, JSON: figures, what the members said of the backup, and both in words.

    `replaced`: the step by which the words took the place of others; None: they are the first.
    """
    rebuilt = journal.phase is RecoveryPhase.REBUILT
    finding = "circle" if rebuilt else verdict.finding if verdict else "unproven"
    words = [_rebuilt_words(told) if rebuilt else verdict.words if verdict else ""]
    if rebuilt and replaced:
        words.append(_exposed_words(replaced))
    figures = {
        "generation": owner.generation,
        "files": told.files if rebuilt and told else journal.files,
        "confirmed_until": journal.confirmed_until,
        "device_until": journal.device_until,
        "circle": owner.device is not None,
        "backup": finding,
        "words": " ".join(filter(None, words)),
    }
    if rebuilt and replaced:
        figures["exposed"] = "sealing" if replaced.exposed else "unknown"
    if told is not None:
        figures |= {"members": told.members, "heard": told.heard, "brought": told.files, "left": told.left}
    return json.dumps(figures, ensure_ascii=False)


def _exposed_words(replaced: Successor) -> str:
    day = datetime.fromtimestamp(min(replaced.time, _LAST_SECOND), UTC)
    if replaced.exposed:
        return (
            f"Your words took the place of others on {day:%Y-%m-%d}, because strangers may know those. Which "
            "files have other keys since is known to a backup only. So everything older is sealed anew by "
            "itself while the device is unlocked; what those words opened is then deleted for good, by the "
            "members only 45 days after they first heard of this device."
        )
    return (
        f"Your words took the place of others on {day:%Y-%m-%d}. If strangers may know those, whether every "
        "file has another key since is known to a backup only. Then take new words as soon as a cloud has a "
        "backup of this device, and say once more that they were exposed: all is sealed anew."
    )


def _rebuilt_words(told: Compared | None) -> str:
    if told is None:
        return "The members are still being asked for your files; more of them appear as they answer."
    said = f"{told.files} files were brought back from {told.heard} of {told.members} members."
    if told.left:
        said += (
            f" {told.left} more pieces of storage wait until enough members answer: then they are brought "
            "back by themselves."
        )
    elif told.heard < told.members:
        said += " What only the others have is brought back as they answer."
    if told.unusable:
        said += f" {told.unusable} could not be read and are lost, unless another member has them."
    return said + (
        " Names are those under which the files were stored: later renames, removals of small files and all "
        "settings are not known to the members."
    )
