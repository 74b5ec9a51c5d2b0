"""From one set of words to the next: what is sealed, signed and compared on the way.

The steps, and what each rests on:

1. The new words are confirmed; both KEKs lie under the passphrase, fsynced (`RotationRecord`).
2. Metadata puts the wraps under the new KEK in force and begins the new log, in one transaction. The
   successor and the old KEK, sealed to the new one, are in it too: so the new log holds all that is needed.
3. The cloud has the new log's first snapshot. Until then everything new is still written for the old words;
   from then on for the new ones. This is the point of no return: the owner record changes.
4. What follows rests on the memory alone, and goes on after a recovery by the new words as well: keepers take
   the successor and the next generation, the old log is closed, what was still wrapped for the old words is
   wrapped anew, commit records are renewed, the roster follows. Then the old KEK is forgotten.
5. When the old words were exposed, their log loses its backups as soon as it is closed; what their KEK had
   wrapped was marked in the very transaction that took the wraps away. It is sealed anew under other keys,
   and purged, before the old KEK is forgotten (core/storage/resealing.py).

Where the memory is gone with the cloud's backups, the circle tells the lineage: that the words before were
exposed, but neither their KEK nor what is marked. What step 4 needs that KEK for cannot be done then, and
step 5 begins anew for all that the members bring back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError
from piccolo_formats.fek import Scope, unwrap, wrap
from piccolo_formats.former import Former, Lineage, lost_former, open_former
from piccolo_formats.kek import Kek
from piccolo_formats.lineage import lead_to, open_successor, owner_by
from piccolo_formats.records.backup import Head
from piccolo_formats.records.device import Device
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.manifest import Content
from piccolo_formats.signed import open_signed, sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from piccolo_formats.secret import Random
    from piccolo_formats.signed import Signed, Signer

    from piccolo_vault.core.keys.records import OwnerRecord


@dataclass(frozen=True, slots=True)
class Wrap:
    """A wrapped key: an object's pack key, or a file version's, with its content record."""

    id: bytes
    content: bytes
    wrapped: bytes


def successor_of(
    old: Kek, new: Kek, owner: OwnerRecord, vault: Signer, time: int, *, exposed: bool = False
) -> bytes:
    """Returns Signed("successor"): both roots and this device's vault hand the owner over.

    `exposed`: strangers may know the old words; who comes back from the circle alone has it from here only.
    """
    record = Successor(
        owner=owner.owner,
        old_root=owner.root,
        new_root=new.owner_root().public,
        kek_epoch=owner.epoch + 1,
        generation=owner.generation,
        time=time,
        exposed=exposed,
    )
    return sign(record, old.owner_root(), new.owner_root(), vault).to_bytes()


def succeeded(owner: OwnerRecord, new: Kek) -> OwnerRecord:
    """Returns the owner under the new KEK; the certificate is still the one that the old root signed."""
    return replace(
        owner,
        root=new.owner_root().public,
        locator=new.locator().public,
        backup=new.backup().public,
        epoch=owner.epoch + 1,
    )


def rightful(owner: OwnerRecord, lineage: bytes | None) -> OwnerRecord:
    """Returns the owner that words make, once the memory tells whose they are: id and epoch by its lineage.

    Raises PiccoloError DATA_LOSS (LINEAGE_BROKEN).
    """
    try:
        successors = read_lineage(lineage)
        owner_id, epoch = owner_by(owner.root, successors)
    except FormatError as broken:
        raise _lineage_broken(broken) from broken
    return replace(owner, owner=owner_id, epoch=epoch)


def _lineage_broken(broken: FormatError) -> PiccoloError:
    return PiccoloError(
        Kind.DATA_LOSS,
        "LINEAGE_BROKEN",
        f"The memory does not say how your words follow from the first ones: {broken.message}.",
    )


def read_lineage(lineage: bytes | None) -> tuple[bytes, ...]:
    """Returns the successors that a memory keeps. Raises FormatError."""
    return Lineage.from_record(lineage).successors if lineage is not None else ()


def lineage_of(lineage: bytes | None) -> tuple[Signed[Successor], ...]:
    """Returns the successors that a memory keeps, opened. Raises PiccoloError DATA_LOSS (LINEAGE_BROKEN)."""
    try:
        return tuple(open_successor(each) for each in read_lineage(lineage))
    except FormatError as broken:
        raise _lineage_broken(broken) from broken


def lineage_told(root: bytes, records: Iterable[bytes]) -> bytes | None:
    """Returns how a root followed, by others' records, as a memory keeps it; None: nothing tells that."""
    opened = []
    for each in records:
        try:
            opened.append(open_successor(each))
        except FormatError:
            continue
    steps = tuple(each.to_bytes() for each in lead_to(root, opened))
    return Lineage(successors=steps).to_record() if steps else None


def former_told(owner: OwnerRecord, lineage: Sequence[Signed[Successor]]) -> bytes | None:
    """Returns what a memory that the members fill keeps of exposed words; None: its words followed no such.

    Only the newest step tells of what may be left: nobody takes new words before the last ones are settled.
    """
    if not lineage or not (newest := lineage[-1].record).exposed:
        return None
    return lost_former(owner.owner, owner.epoch - 1, newest.time).to_record()


def former_of(former: bytes | None, kek: Kek) -> Kek | None:
    """Returns the KEK before, which a memory keeps; None: there is none, or nobody tells it.

    Raises PiccoloError DATA_LOSS (FORMER_BROKEN).
    """
    try:
        kept = Former.from_record(former) if former is not None else None
        return open_former(kept, kek) if kept is not None and not kept.is_lost else None
    except FormatError as broken:
        raise _former_broken(broken) from broken


def _former_broken(broken: FormatError) -> PiccoloError:
    return PiccoloError(
        Kind.DATA_LOSS,
        "FORMER_BROKEN",
        f"What the memory keeps of your earlier words cannot be read: {broken.message}.",
    )


def is_exposed(former: bytes | None) -> bool:
    """Whether strangers may know the words before, by what a memory keeps of them.

    Raises PiccoloError DATA_LOSS (FORMER_BROKEN).
    """
    try:
        return former is not None and Former.from_record(former).exposed
    except FormatError as broken:
        raise _former_broken(broken) from broken


def dropping(kek: Kek, before: int, nonce: bytes) -> bytes:
    """Returns the locator key's signature under which the cloud deletes what came before an entry.

    What is signed is the cloud's request of that one purpose (protos/piccolo/cloud/v1/cloud.proto).
    """
    locator = kek.locator()
    request = digest("request", locator.public, before.to_bytes(8))
    return locator.sign(b"piccolo/cloud/v1\x00DropChain\x00" + nonce + request)


def rewrapped(wraps: Sequence[Wrap], old: Kek, new: Kek, epoch: int, random: Random) -> list[Wrap]:
    """Returns the same keys wrapped under the new KEK.

    Raises PiccoloError DATA_LOSS (KEY_BROKEN) for a wrap that the old KEK does not open.
    """
    made = []
    for each in wraps:
        try:
            scope = Content.from_record(each.content).scope if each.content else Scope.of_pack(each.id)
            key = unwrap(old, each.wrapped, scope)
        except FormatError as broken:
            raise PiccoloError(
                Kind.DATA_LOSS,
                "KEY_BROKEN",
                f"The key of {'file version' if each.content else 'pack'} {each.id.hex()} is damaged, and "
                f"cannot be handed to the new words: {broken.message}.",
            ) from broken
        made.append(replace(each, wrapped=wrap(new, epoch, key, scope, random)))
    return made


def is_acknowledged(head: bytes, locator: bytes) -> bool:
    """Whether a head of metadata's, Signed("head"), says that the cloud has an entry of this locator's log.

    The first entry of a log is a snapshot.
    """
    if not head:
        return False
    try:
        said = open_signed(Head, head).record
    except FormatError:
        return False
    return said.locator == locator and said.seq >= 1


def certified_root(device: bytes) -> bytes:
    """Returns the root that this device's own kept certificate names."""
    return open_signed(Device, device).record.root
