"""Opens the body keys of an owner's backup log; the backup's private half never leaves this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_body import EntryPlace
from piccolo_formats.errors import FormatError
from piccolo_formats.sealed import open_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.kek import Kek

    from piccolo_vault.ports.backups import SealedBodyKey


def open_body_keys(kek: Kek, keys: Sequence[SealedBodyKey]) -> list[bytes]:
    """Returns the keys, in their order; raises PiccoloError DATA_LOSS (BACKUP_ALTERED)."""
    backup, locator = kek.backup(), kek.locator().public
    try:
        return [
            open_key(each.sealed, backup, EntryPlace(locator, each.generation, each.seq).info).reveal()
            for each in keys
        ]
    except FormatError as refused:
        raise PiccoloError(
            Kind.DATA_LOSS,
            "BACKUP_ALTERED",
            "An entry of the backup was not sealed for these words: it was altered, or is another owner's. "
            "Choose an earlier point to restore to.",
        ) from refused
