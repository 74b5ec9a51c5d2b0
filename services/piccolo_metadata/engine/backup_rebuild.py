"""A memory that is filled without a backup: from what the owner's keepers have.

It stands on no log. Until its generation was claimed it writes to none; the claim goes behind whatever the
cloud holds then, so that a log which comes back is gone on with, and nothing of it is written over.
"""

from __future__ import annotations

from piccolo_metadata.core.backup_records import DELEGATION, FENCE, PENDING, POSITION, REBUILT
from piccolo_metadata.engine import numbers, outbox
from piccolo_metadata.engine.backup_words import memory_not_empty
from piccolo_metadata.ports import Transaction


def begin(tx: Transaction) -> None:
    """Says so, durably; saying it again changes nothing. Raises PiccoloError PRECONDITION,
    MEMORY_NOT_EMPTY."""
    if outbox.local(tx, REBUILT) is not None:
        return
    if not outbox.is_empty(tx):
        raise memory_not_empty()
    numbers.skip_ahead(tx)
    outbox.set_local(tx, {REBUILT: b"", POSITION: None, PENDING: None, DELEGATION: None, FENCE: None})
