"""Commit records as keepers have them: of the words in force, or of those before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.commit_record import open_commit
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.fek import Scope, unwrap
from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

from piccolo_vault.core.storage.manifests import read_content

if TYPE_CHECKING:
    from piccolo_formats.fek import LayoutKey
    from piccolo_formats.records.commit import Summary
    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.ports.keyring import Keyring


def says_nothing_of_it(error: FormatError | PiccoloError) -> bool:
    """Returns whether an error is no word on the record: the keys were not to be had at that moment."""
    return isinstance(error, PiccoloError) and error.kind in (Kind.LOCKED, Kind.UNAVAILABLE)


def layout_key(keyring: Keyring, summary: Summary, object_id: bytes) -> LayoutKey:
    """Returns the key that names an object's fragments, from its record.

    Raises FormatError, PiccoloError LOCKED or UNAVAILABLE.
    """
    if summary.pack_key is not None:
        pack_key = unwrap(keyring.kek_for(summary.pack_key), summary.pack_key, Scope.of_pack(object_id))
        return pack_key.layout_key(object_id)
    (file,) = summary.files
    scope = read_content(file.content).scope
    return unwrap(keyring.kek_for(file.wrapped), file.wrapped, scope).layout_key(object_id)


def check_ids(key: LayoutKey, layout: Layout) -> None:
    """Raises FormatError when a layout's fragments are not those of its object."""
    if key.fragment_ids(layout.object_id, layout.epoch, layout.m) != layout.fragments:
        raise FormatError("summary-files", "the layout is another object's")


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
