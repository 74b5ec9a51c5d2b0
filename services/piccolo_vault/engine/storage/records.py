"""Commit records as keepers have them: of the words in force, or of those before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_formats.commit_record import open_commit
from piccolo_formats.errors import AuthenticationError
from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

if TYPE_CHECKING:
    from piccolo_formats.records.commit import Summary

    from piccolo_vault.ports.keyring import Keyring


def read_record(keyring: Keyring, record: bytes) -> Summary:
    """Returns what Signed("commit") says, by the owner's words.

    Raises FormatError, PiccoloError LOCKED or UNAVAILABLE.
    """
    signed = open_signed(Commit, record)
    present, *former = keyring.backups()
    try:
        return open_commit(signed, present)
    except AuthenticationError:
        if not former:
            raise
        return open_commit(signed, former[0])
