"""The circle bundle: a CBOR array of Signed records, each a byte string, in any order.

It is what a device keeps, what peers exchange, and what travels in the owner's backup. Nothing in it is
believed for being in it: `TrustedCircle` judges record by record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.errors import FormatError
from piccolo_formats.records.codec import record_hash

from piccolo_attestation.core.judging import judged


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a bundle, not judged yet: its type, where it belongs in the order of judging, its hash,
    whom it says it is of (empty: nobody)."""

    type: str
    place: tuple[int, int, int]
    hash: bytes
    data: bytes
    owner: bytes


SIZE = 4 * 1024 * 1024
"""Bytes of records that travel in one message; the rest follows in the next."""

# A record rests on those of the types before it: devices on rosters, what devices sign on devices. A
# successor rests on the device of its generation, and those of higher ones may rest on it.
_ORDER = {"roster": 0, "device": 1, "successor": 1, "claim": 2, "presence": 3}


def encode(records: Iterable[bytes]) -> bytes:
    """The bundle of these records."""
    return cbor.encode(list(records))


def fitting(records: Iterable[bytes], size: int = SIZE) -> list[bytes]:
    """The first records that fit into `size` bytes, at least one."""
    chosen: list[bytes] = []
    for record in records:
        size -= len(record)
        if size < 0 and chosen:
            break
        chosen.append(record)
    return chosen


def decode(data: bytes) -> list[bytes]:
    """The records of a bundle. Raises PiccoloError INVALID, RECORD_MALFORMED."""
    with judged("The circle bundle"):
        value = cbor.decode(data)
    if not isinstance(value, list):
        raise PiccoloError(Kind.INVALID, "RECORD_MALFORMED", "A circle bundle is an array of records.")
    records = [item for item in value if isinstance(item, bytes)]
    if len(records) != len(value):
        raise PiccoloError(Kind.INVALID, "RECORD_MALFORMED", "A circle bundle holds byte strings only.")
    return records


def ordered(records: Iterable[bytes]) -> list[Entry]:
    """The readable records of a bundle in the order in which they can be judged, else as they came.

    Unreadable ones are dropped.
    """
    entries = (_entry(data) for data in dict.fromkeys(records))
    return sorted((entry for entry in entries if entry), key=lambda entry: entry.place)


def _entry(data: bytes) -> Entry | None:
    try:
        outer = cbor.decode(data)
        payload = outer[0] if isinstance(outer, list) and outer else None
        record = cbor.decode(payload) if isinstance(payload, bytes) else None
    except FormatError:
        return None
    kind = record.get("type") if isinstance(record, dict) else None
    if not isinstance(payload, bytes) or not isinstance(record, dict) or not isinstance(kind, str):
        return None
    if kind not in _ORDER:
        return None
    last = 1 if kind == "successor" else _number(record, "seq")
    place = (_ORDER[kind], _number(record, "epoch", "generation"), last)
    owner = record.get("owner")
    return Entry(kind, place, record_hash(payload), data, owner if isinstance(owner, bytes) else b"")


def _number(record: dict[str, cbor.Value], *keys: str) -> int:
    found = (record.get(key) for key in keys)
    return next((value for value in found if type(value) is int), 0)
