"""What the members know of the backup log against what the cloud shows: one judgement, from facts alone.

Rules:
* A head counts only when a device of this owner signed it: its certificate, by the owner root, comes along.
  A member can hold heads back and show old ones; it can make up none.
* A head of another locator is of the log of other words, before or after these, and says nothing of this one.
* What devices of an older generation left than the log's newest was settled by the words, which claimed that
  generation on this very log: it proves nothing against it.
* A head beyond the log's end: the cloud was ROLLED BACK. Another entry at a head's place, or two heads of one
  place that differ: a FORK, whatever else is said.
* A cloud that showed a log and does not let it be compared with the heads that are in it has WITHHELD the
  proof: it may have shown a history of a stolen device's. Silence must not be worth more than a lie.
* The log is proven when a majority of the other members keep heads and all that they keep is in it. Less is
  "unproven", which is told and stops nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import Head as HeadRecord
from piccolo_formats.signed import open_signed

from piccolo_vault.core.keys.succession import wanted_promises

if TYPE_CHECKING:
    from piccolo_vault.core.keys.records import OwnerRecord

_SENTENCES, _NAMES, _NAME_SIGNS = 3, 6, 40
_ANEW = "take another blank device or write Piccolo onto this one's disk anew,"  # nobody here may reset it


class Finding(StrEnum):
    """How the cloud's log stands against the members' word, from well to worse."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    WITHHELD = "withheld"
    ROLLED_BACK = "rolled_back"
    FORK = "fork"


@dataclass(frozen=True, slots=True)
class Head:
    """A head of this owner's log that a device of this owner signed."""

    generation: int
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Witness:
    """What one member answered; `member` is its name."""

    member: str
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """What the cloud shows: generation and seq of the newest entry, and the hashes of entries by seq.

    `withheld`: it was asked for more of them than it told.
    """

    generation: int
    seq: int
    places: Mapping[int, bytes] = field(default_factory=dict)
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The finding, and who said what, in words."""

    finding: Finding
    words: str


def read_head(head: bytes, device: bytes, owner: OwnerRecord) -> Head | None:
    """Returns a head that counts, None for anything else: a keeper could make it up."""
    try:
        signer = open_device(device, owner.root).record
        said = open_signed(HeadRecord, head, required=[signer.signing.metadata]).record
    except FormatError:
        return None
    if (signer.owner, said.locator) != (owner.owner, owner.locator) or said.generation > signer.generation:
        return None
    return Head(said.generation, said.seq, said.hash)


def places_of_interest(log: Log, told: Iterable[Witness]) -> list[int]:
    """Returns the seqs whose hashes are needed to judge."""
    return sorted({head.seq for each in told for head in _judged(log, each) if head.seq <= log.seq})


def judge(log: Log, told: Sequence[Witness], voices: int) -> Verdict:
    """Judges the log. `voices`: the other members that the circle has, silent ones included."""
    forks = [*_contradictions(log, told), *_other_entries(log, told)]
    if forks:
        return Verdict(Finding.FORK, f"{_shown(log)} {' '.join(forks[:_SENTENCES])}")
    beyond = [(each.member, head) for each in told for head in _judged(log, each) if head.seq > log.seq]
    if beyond:
        return Verdict(Finding.ROLLED_BACK, f"{_shown(log)} {_beyond(log, beyond)}")
    if log.withheld:
        return Verdict(Finding.WITHHELD, _shown(log))
    agreeing, wanted = sum(_agrees(log, each) for each in told), wanted_promises(voices)
    if voices and agreeing >= wanted:
        return Verdict(Finding.PROVEN, f"{agreeing} of {voices} members confirm that the backup is whole.")
    return Verdict(
        Finding.UNPROVEN,
        f"{agreeing} of {voices} members confirmed that the backup is the newest; {max(wanted, 1)} would "
        "prove it. What the members have that is newer is brought back all the same, as they are heard.",
    )


def refuse(verdict: Verdict, *, accepted: bool) -> PiccoloError | None:
    """Returns why a recovery must not go on by itself, None when it may."""
    if verdict.finding is Finding.FORK:
        return PiccoloError(
            Kind.DATA_LOSS,
            "FORK",
            f"The cloud shows another backup than the one that your device wrote. {verdict.words} Nothing "
            "was claimed or written. Ask the cloud's operator what happened. To come back without the cloud, "
            f"{_ANEW} and recover from your circle's contacts (from_circle).",
        )
    if verdict.finding is Finding.WITHHELD and not accepted:
        return PiccoloError(
            Kind.UNAVAILABLE,
            "PROOF_WITHHELD",
            f"The cloud showed a backup, and now does not let it be compared with what the members know of "
            f"yours. {verdict.words} Nothing was claimed or written. Try again when the cloud answers; if it "
            f"does not, {_ANEW} and recover from your circle's contacts (from_circle), or go on with "
            "accept_rolled_back, when you trust your cloud.",
        )
    if verdict.finding is Finding.ROLLED_BACK and not accepted:
        return PiccoloError(
            Kind.DATA_LOSS,
            "ROLLED_BACK",
            f"The cloud shows an older backup than the one that your device wrote. {verdict.words} Nothing "
            "was claimed or written. Either ask the cloud's operator to bring the newer entries back, "
            f"{_ANEW} and begin again; or go on with accept_rolled_back: files that are newer than this "
            "backup are then brought back from the members; other later changes (names, removals, settings) "
            "are lost.",
        )
    return None


def witness_words(seq: int, told: int, members: int) -> str:
    """Says how many members know of the backup's newest entry, and what to do about the others."""
    if not members:
        return "Nobody else can vouch for your backup yet. Found a circle, or invite a member."
    if not seq:
        return "No member knows of your backup yet. They are told when the cloud has acknowledged it."
    if told >= wanted_promises(members):
        return (
            f"{told} of {members} members know of your newest backup (entry {seq}): a cloud that shows an "
            "older one is found out when you recover."
        )
    return (
        f"{told} of {members} members know of your newest backup (entry {seq}). The others are told as soon "
        "as they are online."
    )


def _judged(log: Log, told: Witness) -> list[Head]:
    return [head for head in told.heads if head.generation >= log.generation]


def _agrees(log: Log, told: Witness) -> bool:
    known = all(log.places.get(head.seq) == head.hash for head in _judged(log, told))
    return bool(told.heads) and known


def _contradictions(log: Log, told: Sequence[Witness]) -> list[str]:
    """Two heads of one place that differ, in words."""
    said: dict[tuple[int, int], dict[bytes, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in told:
        for head in _judged(log, each):
            said[head.generation, head.seq][head.hash].append(each.member)
    parted = ((seq, [*by.values()]) for (_, seq), by in said.items() if len(by) > 1)
    return [
        f"Two histories were told of entry {seq}: one by {_named(one)}, another one by {_named(other)}."
        for seq, (one, other, *_) in parted
    ]


def _other_entries(log: Log, told: Sequence[Witness]) -> list[str]:
    """Heads whose place has another entry in the log, in words."""
    found: dict[int, list[str]] = defaultdict(list)
    for each in told:
        for head in _judged(log, each):
            if log.places.get(head.seq, head.hash) != head.hash and head.seq <= log.seq:
                found[head.seq].append(each.member)
    return [
        f"Its entry {seq} is not the one that {_named(names)} kept the mark of."
        for seq, names in found.items()
    ]


def _shown(log: Log) -> str:
    return f"Its newest entry is {log.seq} (generation {log.generation} of your devices)."


def _beyond(log: Log, beyond: Sequence[tuple[str, Head]]) -> str:
    highest = {name: max(head.seq for who, head in beyond if who == name) for name, _ in beyond}
    said = _named([f"{_short(name)} of entry {seq}" for name, seq in sorted(highest.items())])
    missing = max(highest.values()) - log.seq
    return f"Members keep the mark of later ones: {said}. So {missing} or more are missing."


def _named(names: Sequence[str]) -> str:
    """Some of the names, short enough for an operation's result in a circle of any size."""
    shown = ", ".join(map(_short, names[:_NAMES]))
    return f"{shown} and {len(names) - _NAMES} more" if len(names) > _NAMES else shown


def _short(name: str) -> str:
    return name if len(name) <= _NAME_SIGNS else f"{name[: _NAME_SIGNS - 1]}…"
