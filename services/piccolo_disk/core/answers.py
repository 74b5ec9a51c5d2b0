"""What the vault is answered, in one line."""

from __future__ import annotations

from enum import StrEnum


class Answer(StrEnum):
    """One word; the vault knows them by heart (piccolo_vault/adapters/disk.py)."""

    ENROLLED = "enrolled"
    """The key opens the disk from now on, and no other words do."""
    KEPT = "kept"
    """It did already."""
    NONE = "none"
    """There is no partition, or it is in use already, or not in use, unlike what the request needs."""
    UNSET = "unset"
    """No words were ever enrolled on this disk."""
    WRONG = "wrong"
    """The key does not open it."""
    DAMAGED = "damaged"
    """It is open, but its file system cannot be used."""
    OPENED = "opened"
    """It is open; the services start anew on it."""
    MALFORMED = "malformed"
    """The request is none."""
    FAILED = "failed"
    """The journal says why."""
