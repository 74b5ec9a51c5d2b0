"""What a restored circle bundle says about this owner's last device.

Rules:
* The bundle is a CBOR array of Signed records, kept by attestation; only the device certificates are looked
  at, and only those that this owner's root signed.
* It is the value `bundle` or, too large for one, `bundle/0000`, `bundle/0001`, ..., joined in that order. A
  backup may be of a moment between two of attestation's writes, when both are there or pieces do not belong
  together: what can be read counts, the larger form first, because it is the one that is being written then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from piccolo_formats import cbor
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.signed import open_signed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from piccolo_vault.core.keys.records import OwnerRecord


_WHOLE: Final = "bundle"
_LARGEST: Final = 768 * 1024
_PIECE: Final = re.compile(r"bundle/[0-9]{4}")


def joined(values: Mapping[str, bytes]) -> bytes:
    """Returns the bundle that values of attestation's hold, empty when none of it can be read."""
    pieces = b"".join(values[key] for key in sorted(values) if _PIECE.fullmatch(key))
    for bundle in (pieces, values.get(_WHOLE, b"")):
        if _records(bundle):
            return bundle
    return b""


def cut(bundle: bytes) -> dict[str, bytes]:
    """Returns the values that hold a bundle, as `joined` reads them."""
    if len(bundle) <= _LARGEST:
        return {_WHOLE: bundle}
    starts = range(0, len(bundle), _LARGEST)
    return {f"{_WHOLE}/{number:04}": bundle[at : at + _LARGEST] for number, at in enumerate(starts)}


def last_device(bundle: bytes, owner: OwnerRecord, roots: Collection[bytes] = ()) -> Device | None:
    """Returns the owner's device of the highest generation, by any of its roots; None when there is none."""
    named = (each.data for each in said(bundle) if (each.kind, each.owner) == ("device", owner.owner))
    devices = [_device(data, owner, {owner.root, *roots}) for data in named]
    return max((device for device in devices if device), key=lambda device: device.generation, default=None)


def last_name(bundle: bytes, device: Device) -> str:
    """Returns what a device last called itself: by its certificate, until it told another name."""
    told = (each.data for each in said(bundle) if (each.kind, each.owner) == ("presence", device.owner))
    presences = [presence for data in told if (presence := _presence(data, device))]
    last = max(presences, key=lambda presence: presence.seq, default=None)
    return last.name if last else device.name


@dataclass(frozen=True, slots=True)
class Said:
    """What a record says of itself, not verified: its type, owner (empty: none) and epoch (0: none).

    Whoever believes a record opens it first; most of a large circle's need not be opened at all.
    """

    kind: str
    owner: bytes
    epoch: int
    data: bytes


def said(bundle: bytes) -> list[Said]:
    """Returns what the bundle's records say of themselves, each once; what cannot be read is left out."""
    records = dict.fromkeys(record for record in _records(bundle) if isinstance(record, bytes))
    return [each for record in records if (each := _said(record)) is not None]


def _said(record: bytes) -> Said | None:
    try:
        outer = cbor.decode(record)
        payload = outer[0] if isinstance(outer, list) and outer else None
        inner = cbor.decode(payload) if isinstance(payload, bytes) else None
    except FormatError:
        return None
    if not isinstance(inner, dict):
        return None
    kind, owner, epoch = inner.get("type"), inner.get("owner"), inner.get("epoch")
    return Said(
        kind if isinstance(kind, str) else "",
        owner if isinstance(owner, bytes) else b"",
        epoch if type(epoch) is int else 0,
        record,
    )


def _records(bundle: bytes) -> list[cbor.Value]:
    try:
        records = cbor.decode(bundle)
    except FormatError:
        return []
    return records if isinstance(records, list) else []


def with_records(bundle: bytes, records: Collection[bytes]) -> bytes:
    """Returns the bundle with these Signed records added."""
    return cbor.encode([*_records(bundle), *records])


def _device(record: bytes, owner: OwnerRecord, roots: Collection[bytes]) -> Device | None:
    try:
        device = open_signed(Device, record).record
        if device.root not in roots:
            return None
        open_device(record, device.root)
    except FormatError:
        return None
    return device if device.owner == owner.owner else None


def _presence(record: bytes, device: Device) -> Presence | None:
    try:
        signed = open_signed(Presence, record)
        signed.require(device.signing.attestation)
    except FormatError:
        return None
    return signed.record if signed.record.generation == device.generation else None
