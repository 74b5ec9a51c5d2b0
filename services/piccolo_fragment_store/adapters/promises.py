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
        path = f"{_FOLDER}/{owner.hex()}"
        with self._lock:
            file = self._disk.create(f"{path}.new")
            try:
                file.append(record)
                file.sync()
            finally:
                file.close()
            self._known.pop(owner, None)  # whatever becomes of the rename, the file tells
            self._disk.rename(f"{path}.new", path)
            self._disk.sync_folder(_FOLDER)
            self._known[owner] = promised

    def _read(self, owner: bytes) -> Promised | None:
        path = f"{_FOLDER}/{owner.hex()}"
        if not self._disk.has(path):
            return None
        file = self._disk.open(path)
        try:
            data = file.read_at(0, file.size())
            match cbor.decode(data):
                case {
                    "generation": int() as generation,
                    "device": bytes() as device,
                    "claim": bytes() as claim,
                } if _written(promised := Promised(generation, device, claim)) == data:
                    return promised
        except FormatError as damaged:
            raise _damaged(owner) from damaged
        finally:
            file.close()
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
