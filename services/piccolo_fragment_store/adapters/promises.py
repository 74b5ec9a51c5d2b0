"""One promise per owner, in one file per owner, fsynced before it is given.

A digest goes with it: a flipped bit in a generation would fence an owner's device out, or let an old one in.
"""

from __future__ import annotations

import threading
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError

from piccolo_fragment_store.adapters.small_files import read_file, replace_file
from piccolo_fragment_store.core.fences import Promised
from piccolo_fragment_store.ports import Disk

_FOLDER: Final = "promises"


class FilePromises:
    """Promises on a disk, and in memory once asked for."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._known: dict[bytes, Promised | None] = {}
        self._lock = threading.Lock()
        disk.make_folder(_FOLDER)

    def get(self, owner: bytes) -> Promised | None:
        """What was promised to an owner.

        Raises PiccoloError DATA_LOSS, PROMISE_DAMAGED: a fence that cannot be read is not taken for none.
        """
        with self._lock:
            if owner not in self._known:
                self._known[owner] = self._read(owner)
            return self._known[owner]

    def put(self, owner: bytes, promised: Promised) -> None:
        """Promises, durably."""
        record = _written(promised)
        with self._lock:
            self._known.pop(owner, None)  # whatever becomes of the rename, the file tells
            replace_file(self._disk, _FOLDER, owner.hex(), record)
            self._known[owner] = promised

    def _read(self, owner: bytes) -> Promised | None:
        content = read_file(self._disk, f"{_FOLDER}/{owner.hex()}")
        if content is None:
            return None
        try:
            match cbor.decode(content):
                case {
                    "generation": int() as generation,
                    "device": bytes() as device,
                    "claim": bytes() as claim,
                } if _written(promised := Promised(generation, device, claim)) == content:
                    return promised
        except FormatError as damaged:
            raise _damaged(owner) from damaged
        raise _damaged(owner)


def _written(promised: Promised) -> bytes:
    record: dict[str, cbor.Value] = {
        "generation": promised.generation,
        "device": promised.device,
        "claim": promised.claim,
    }
    return cbor.encode({**record, "check": digest("promise-file", cbor.encode(record))})


def _damaged(owner: bytes) -> PiccoloError:
    return PiccoloError(
        Kind.DATA_LOSS,
        "PROMISE_DAMAGED",
        f"What this keeper promised to owner {owner.hex()[:8]} cannot be read any more. The disk lost bytes; "
        "remove the file in `promises` to begin again without that promise.",
    )
