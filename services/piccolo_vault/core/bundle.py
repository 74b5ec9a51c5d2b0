"""What a restored circle bundle says about this owner's last device.

The bundle is a CBOR array of Signed records, kept by attestation; only the device certificates are looked
at, and only those that this owner's root signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_formats import cbor
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError

if TYPE_CHECKING:
    from piccolo_formats.records.device import Device

    from piccolo_vault.core.records import OwnerRecord


def last_device(bundle: bytes, owner: OwnerRecord) -> Device | None:
    """Returns the owner's device of the highest generation, None when there is none."""
    try:
        records = cbor.decode(bundle)
    except FormatError:
        return None
    devices = [_device(item, owner) for item in records] if isinstance(records, list) else []
    return max((device for device in devices if device), key=lambda device: device.generation, default=None)


def _device(record: cbor.Value, owner: OwnerRecord) -> Device | None:
    if not isinstance(record, bytes):
        return None
    try:
        device = open_device(record, owner.root).record
    except FormatError:
        return None
    return device if device.owner == owner.owner else None
