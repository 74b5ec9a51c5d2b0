"""One promise per owner, in two files per owner, fsynced before it is given.

Rules:
* A digest goes with it: a flipped bit in a generation would fence an owner's device out, or let an old one
  in.
* Each promise is written twice, and made whole from the copy: without it nothing of its owner's could be
  changed here any more. Of two that hold the higher one counts, the other was cut off.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats import cbor
from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError

from piccolo_fragment_store.adapters.small_files import read_file, replace_file
from piccolo_fragment_store.core.fences import Promised
from piccolo_fragment_store.ports import Disk

_FOLDER: Final = "promises"
_COPY: Final = ".copy"
_log = logging.getLogger(__name__)


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
        with self._lock:
            self._known.pop(owner, None)  # whatever becomes of the renames, the files tell
            self._write(owner, promised)
            self._known[owner] = promised

    def _write(self, owner: bytes, promised: Promised) -> None:
        for suffix in ("", _COPY):
            replace_file(self._disk, _FOLDER, owner.hex() + suffix, _written(promised))

    def _read(self, owner: bytes) -> Promised | None:
        paths = (f"{_FOLDER}/{owner.hex()}{suffix}" for suffix in ("", _COPY))
        contents = [read_file(self._disk, path) for path in paths]
        found = [promised for content in contents if content and (promised := _parsed(content))]
        if not found:
            if contents == [None, None]:
                return None
            raise _damaged(owner)
        promised = max(found, key=lambda each: each.generation)
        if contents != 2 * [_written(promised)]:
            self._mend(owner, promised)
        return promised

    def _mend(self, owner: bytes, promised: Promised) -> None:
        _log.warning("a promise is written anew from its copy", extra=fields(owner=owner.hex()))
        try:
            self._write(owner, promised)
        except PiccoloError as failed:  # it is read anew, and mended, at the next start
            _log.warning("it could not be", extra=fields(reason=failed.reason))


def _parsed(content: bytes) -> Promised | None:
    """What a file says, None when it is not what was written."""
    try:
        match cbor.decode(content):
            case {
                "generation": int() as generation,
                "device": bytes() as device,
                "claim": bytes() as claim,
            } if _written(promised := Promised(generation, device, claim)) == content:
                return promised
    except FormatError:
        return None
    return None


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
        f"What this keeper promised to owner {owner.hex()[:8]} cannot be read any more. The disk lost bytes, "
        "twice; remove both files in `promises` to begin again without that promise.",
    )
