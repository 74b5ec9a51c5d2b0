"""Heads of owners' backup logs, in one file per owner, fsynced before they are acknowledged.

What cannot be read any more is taken for none: the next head that its owner leaves takes its place.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from piccolo_chassis.logs import fields
from piccolo_formats import cbor
from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import Head as HeadRecord
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.adapters.small_files import read_file, replace_file
from piccolo_fragment_store.core.heads import Head
from piccolo_fragment_store.ports import Disk

_FOLDER: Final = "heads"
_log = logging.getLogger(__name__)


class FileHeads:
    """Heads on a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        disk.make_folder(_FOLDER)

    def get(self, owner: bytes) -> list[Head]:
        """An owner's heads, newest first."""
        content = read_file(self._disk, f"{_FOLDER}/{owner.hex()}")
        try:
            return [] if content is None else _heads(content)
        except FormatError as damaged:
            _log.error("heads cannot be read", extra=fields(owner=owner.hex(), why=damaged.message))
            return []

    def put(self, owner: bytes, heads: Sequence[Head]) -> None:
        """Keeps these heads, durably."""
        content = cbor.encode([[each.signed, each.device] for each in heads])
        replace_file(self._disk, _FOLDER, owner.hex(), content)


def _heads(content: bytes) -> list[Head]:
    found = cbor.decode(content)
    if not isinstance(found, list):
        raise FormatError("heads-shape", "this is not what was kept")
    return [_head(each) for each in found]


def _head(pair: cbor.Value) -> Head:
    match pair:
        case [bytes() as signed, bytes() as device]:
            opened = open_signed(HeadRecord, signed)
            record = opened.record
            place = (record.locator, record.generation, record.seq)
            return Head(*place, record.hash, len(opened.signatures), signed, device)
    raise FormatError("heads-shape", "this is not what was kept")
