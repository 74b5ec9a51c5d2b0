"""Signed statements as they come from owners: opened, and checked against the circle.

Rules:
* A tombstone, an undelete and a claim count only when the owner root in force signed them. A claim may bring
  the successors that lead to a new root: each is signed by both roots, and by the vault of the device known
  here.
* Who brings a tombstone or an undelete is judged by its own generation, never by what it wrote into it: words
  in wrong hands sign whatever they like. An order of an earlier generation is still to be obeyed: it waited.
* A head is the word of the owner's device in force, or of a newer one that the owner root vouches for.
* A commit record must be of the caller's owner. Its signature is checked against the device's key when it is
  of the device's own generation; what an older device signed is carried as it is, for the owner to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.lineage import follow, open_successor
from piccolo_formats.records.backup import Head as HeadRecord
from piccolo_formats.records.commit import Commit
from piccolo_formats.records.device import Device
from piccolo_formats.records.generations import Claim
from piccolo_formats.records.keeping import Tombstone, Undelete
from piccolo_formats.signed import Signed, open_signed

from piccolo_fragment_store.core.circle import Admission, Circle, Owner
from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.core.heads import Head
from piccolo_fragment_store.core.order import Marks, Order

MAX_FRAGMENTS = 10_000
_MAX_NUMBER = 2**63 - 1

T = TypeVar("T")
S = TypeVar("S", Tombstone, Undelete)


def order(generation: int, seq: int) -> Order:
    """An order from the wire. Raises PiccoloError INVALID, NUMBER_OUT_OF_RANGE."""
    if not (1 <= generation <= _MAX_NUMBER and 1 <= seq <= _MAX_NUMBER):
        raise PiccoloError(
            Kind.INVALID, "NUMBER_OUT_OF_RANGE", "Generation and seq are numbers from 1 to 2^63-1."
        )
    return Order(generation, seq)


def commit_order(data: bytes, owner: bytes, circle: Circle) -> Order:
    """Generation and seq of a commit record that may be kept for an owner.

    Raises PiccoloError INVALID (STATEMENT_INVALID) or DENIED (SIGNATURE_INVALID, OTHER_OWNER).
    """
    signed = _opened(lambda: open_signed(Commit, data))
    commit = signed.record
    _check_owner(commit.owner, owner)
    known = circle.owners.get(owner)
    if known is not None and known.vault_key and commit.generation == known.generation:
        _opened(lambda: signed.require(known.vault_key))
    return order(commit.generation, commit.seq)


def burial(kind: type[S], data: bytes, by: Admission, circle: Circle) -> S:
    """A tombstone or an undelete by the owner root, brought by the owner's device.

    Raises as `commit_order`, and PiccoloError INVALID (OTHER_GENERATION).
    """
    root = _owner(circle, by.owner).root
    statement = _opened(lambda: open_signed(kind, data, [root])).record
    _check_owner(statement.owner, by.owner)
    if order(statement.generation, statement.seq).generation > by.generation:
        raise PiccoloError(
            Kind.INVALID,
            "OTHER_GENERATION",
            f"A device of generation {by.generation} orders nothing of generation {statement.generation}.",
        )
    if len(statement.fragments) > MAX_FRAGMENTS:
        raise PiccoloError(
            Kind.INVALID,
            "TOO_MANY_FRAGMENTS",
            f"A statement names at most {MAX_FRAGMENTS} fragments; sign several.",
        )
    return statement


def claim(
    claim_data: bytes, device_data: bytes, successors: Sequence[bytes], owner: bytes, circle: Circle
) -> tuple[Claim, Signed[Device]]:
    """A claim and the device that it names, both by the owner root in force, or by one that succeeds it.

    Raises PiccoloError INVALID (STATEMENT_INVALID, CLAIM_MISMATCH) or DENIED (SIGNATURE_INVALID,
    OTHER_OWNER).
    """
    root = _newest_root(_owner(circle, owner), owner, successors)
    claimed = _opened(lambda: open_signed(Claim, claim_data, [root])).record
    device = _opened(lambda: open_device(device_data, root))
    _check_owner(claimed.owner, owner)
    _check_owner(device.record.owner, owner)
    order(claimed.generation, 1)
    said = (claimed.generation, claimed.device, claimed.circle, device.record.circle)
    if said != (device.record.generation, device.record_hash(), circle.id, circle.id):
        raise PiccoloError(
            Kind.INVALID,
            "CLAIM_MISMATCH",
            "The claim, the device certificate and this circle do not belong together.",
        )
    return claimed, device


def head(data: bytes, device_data: bytes, owner: bytes, circle: Circle) -> tuple[Head, int]:
    """A head of an owner's backup log by its device, and that device's generation.

    The device is the one in force, or a newer one by the owner root's word. Raises PiccoloError INVALID
    (STATEMENT_INVALID) or DENIED (SIGNATURE_INVALID, OTHER_OWNER).
    """
    known = _owner(circle, owner)
    device = _opened(lambda: open_device(device_data, known.root)).record
    _check_owner(device.owner, owner)
    signed = _opened(lambda: open_signed(HeadRecord, data, [device.signing.metadata]))
    record = signed.record
    order(record.generation, record.seq)
    if device.generation < known.generation or record.generation > device.generation:
        raise PiccoloError(
            Kind.DENIED,
            "SIGNATURE_INVALID",
            "The head does not count: its device was replaced, or is older than what it signs.",
        )
    place = (record.locator, record.generation, record.seq)
    return Head(*place, record.hash, len(signed.signatures), data, device_data), device.generation


def marks_of(data: bytes, known: Mapping[Key, Marks]) -> dict[Key, Marks]:
    """What an entry of the tombstone log, which was checked when it came, adds to the marks known."""
    statement = _logged(data)
    at = Order(statement.generation, statement.seq)
    found = {}
    for fragment in statement.fragments:
        key = Key(statement.owner, fragment)
        before = known.get(key, Marks())
        if isinstance(statement, Tombstone):
            found[key] = before.with_tombstone(at, purge=statement.purge)
        else:
            found[key] = before.with_undelete(at)
    return found


def keys_of(data: bytes) -> list[Key]:
    """The fragments that an entry of the tombstone log names."""
    statement = _logged(data)
    return [Key(statement.owner, fragment) for fragment in statement.fragments]


def _logged(data: bytes) -> Tombstone | Undelete:
    try:
        return open_signed(Tombstone, data).record
    except FormatError:
        return _opened(lambda: open_signed(Undelete, data)).record


def _newest_root(known: Owner, owner: bytes, successors: Sequence[bytes]) -> bytes:
    """The root that successors lead to from the one known here; those before it say nothing new."""
    opened = [_opened(lambda each=each: open_successor(each)) for each in successors]  # type: ignore[misc]
    root = known.root
    for each in follow(owner, root, opened):
        if each.record.generation < known.generation:
            break  # a newer device took over before
        _opened(lambda each=each: each.require(known.vault_key))  # type: ignore[misc]
        root = each.record.new_root
    return root


def _owner(circle: Circle, owner: bytes) -> Owner:
    known = circle.owners.get(owner)
    if known is None:
        raise PiccoloError(
            Kind.DENIED,
            "OTHER_OWNER",
            "The roster does not name this owner, so that its signature cannot be checked.",
        )
    return known


def _check_owner(said: bytes, caller: bytes) -> None:
    if said != caller:
        raise PiccoloError(
            Kind.DENIED, "OTHER_OWNER", "This statement is about another owner than the one who calls."
        )


def _opened(open_: Callable[[], T]) -> T:
    try:
        return open_()
    except AuthenticationError as forged:
        raise PiccoloError(
            Kind.DENIED, "SIGNATURE_INVALID", f"The statement does not count: {forged.message}."
        ) from forged
    except FormatError as wrong:
        raise PiccoloError(
            Kind.INVALID, "STATEMENT_INVALID", f"The statement cannot be read: {wrong.message}."
        ) from wrong
