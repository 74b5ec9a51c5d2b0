"""New wraps for the keys of files and packs, and the step to the log of new words.

Rules:
* Keys never come here: a wrap is bytes that begin with the KEK's epoch, and another takes its place.
* New wraps are staged among the local values, which no changeset records, so that a rotation that is given up
  leaves nothing behind. They come into force all at once, or not at all.
* The log of new words begins in the very transaction that puts their wraps in force. So the old log never
  holds what only the new words open, nor the new one less than everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.backup_records import (
    DELEGATION,
    FENCE,
    PENDING,
    POSITION,
    Position,
    fresh_position,
)
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.engine import outbox, state
from piccolo_metadata.engine.exposed import mark
from piccolo_metadata.engine.state import StateValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from piccolo_formats.records.backup import Delegation
    from piccolo_formats.signed import Signed

    from piccolo_metadata.ports import Rows, Transaction

NAMESPACE: Final = "vault"
_PACK, _CONTENT = "rewrap.pack.", "rewrap.file."
_PACKS: Final = (
    "SELECT object_id, x'', wrapped_pack_key FROM object WHERE object_id > ?"
    " AND length(wrapped_pack_key) > 0 AND substr(wrapped_pack_key, 1, 4) <> ? ORDER BY object_id"
)
_CONTENTS: Final = (
    "SELECT version_id, content, wrapped_key FROM content WHERE version_id > ?"
    " AND substr(wrapped_key, 1, 4) <> ? ORDER BY version_id"
)


@dataclass(frozen=True, slots=True)
class Wrap:
    """A wrapped key of an object (a pack key) or of a file version, whose content record goes with it."""

    id: bytes
    content: bytes
    wrapped: bytes

    @property
    def place(self) -> str:
        """Where it comes in the order of a listing, and under which local value it is staged."""
        return (_CONTENT if self.content else _PACK) + self.id.hex()


def listing(rows: Rows, epoch: int, after: str, most: int) -> Page[Wrap]:
    """A page of the wraps that are not of this epoch, after a place: pack keys first."""
    return take(_others(rows, epoch, after), most, lambda one: len(one.content) + len(one.wrapped) + 32)


def stage(tx: Transaction, wraps: Iterable[Wrap]) -> None:
    """Notes wraps that are to come into force."""
    outbox.set_local(tx, {wrap.place: wrap.wrapped for wrap in wraps})


def swap(
    tx: Transaction,
    epoch: int,
    delegation: Signed[Delegation] | None,
    put: Sequence[StateValue],
    *,
    exposed: bool = False,
) -> None:
    """Puts the staged wraps in force, writes the vault's values, and begins the delegation's log.

    `exposed`: strangers may know the words of the wraps that go; what they were wraps of is marked.

    Raises PiccoloError PRECONDITION (WRAPS_MISSING), CONFLICT (GENERATION_OLD).
    """
    if exposed:
        mark(tx, epoch)
    for table, key, wrapped, prefix in (
        ("object", "object_id", "wrapped_pack_key", _PACK),
        ("content", "version_id", "wrapped_key", _CONTENT),
    ):
        tx.run(
            f"UPDATE {table} SET {wrapped} = staged.value FROM local AS staged"  # noqa: S608 - names are ours
            f" WHERE staged.key = ? || lower(hex({table}.{key})) AND substr({wrapped}, 1, 4) <> ?",
            prefix,
            epoch.to_bytes(4),
        )
    if next(_others(tx, epoch, ""), None) is not None:
        raise PiccoloError(
            Kind.PRECONDITION,
            "WRAPS_MISSING",
            "Some keys have no new wrap yet: files came in meanwhile. Stage theirs, then swap again.",
        )
    tx.run("DELETE FROM local WHERE key >= ? AND key < ?", "rewrap.", "rewrap/")
    if put:
        state.put(tx, NAMESPACE, put, [], check=False)
    if delegation is not None:
        _begin_log(tx, delegation)


def _begin_log(tx: Transaction, delegation: Signed[Delegation]) -> None:
    record, data = delegation.record, outbox.local(tx, POSITION)
    if data is not None and Position.from_record(data).locator == record.locator:
        return
    (generation,) = tx.one("SELECT generation FROM progress") or (1,)
    if generation != record.generation:
        raise PiccoloError(
            Kind.CONFLICT,
            "GENERATION_OLD",
            f"This device is of generation {generation}; the delegation is for {record.generation}.",
            {"generation": str(generation)},
        )
    position = fresh_position(record.locator, record.generation)
    outbox.set_local(
        tx,
        {DELEGATION: delegation.to_bytes(), POSITION: position.to_record(), PENDING: None, FENCE: None},
    )


def _others(rows: Rows, epoch: int, after: str) -> Iterator[Wrap]:
    kind, _, last = after.rpartition(".")
    start, present = bytes.fromhex(last), epoch.to_bytes(4)
    if kind + "." != _CONTENT:
        yield from (Wrap(*row) for row in rows.each(_PACKS, start, present))
        start = b""
    yield from (Wrap(*row) for row in rows.each(_CONTENTS, start, present))
