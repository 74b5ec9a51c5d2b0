"""What the engine needs from below, as Protocols; adapters/ implements them.

Rules:
* Whatever touches the disk is a plain function that runs in a worker thread (`Workers`); it is never
  cancelled half-way. Adapters may be used from several threads, for different keys at once.
* Failures are PiccoloErrors: FULL (DISK_FULL) when the disk has no room, NOT_FOUND (FILE_MISSING),
  DATA_LOSS (ROT) when bytes are not as they were written, INTERNAL (DISK_FAILED) otherwise.
* When a method that writes returns, what it wrote survives a power cut, unless it says otherwise.
"""

from __future__ import annotations

from piccolo_fragment_store.ports.disk import Disk, Entry, File
from piccolo_fragment_store.ports.fragments import Found, Log, Reader, Shelves, Writer
from piccolo_fragment_store.ports.index import Index, OwnerUsage
from piccolo_fragment_store.ports.surroundings import (
    CircleStore,
    Clock,
    Heads,
    Promises,
    ScrubNotes,
    Signer,
    Trust,
    Workers,
)

__all__ = [
    "CircleStore",
    "Clock",
    "Disk",
    "Entry",
    "File",
    "Found",
    "Heads",
    "Index",
    "Log",
    "OwnerUsage",
    "Promises",
    "Reader",
    "ScrubNotes",
    "Shelves",
    "Signer",
    "Trust",
    "Workers",
    "Writer",
]
