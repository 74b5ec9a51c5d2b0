"""Storing and deleting files by PUT and DELETE.

Rules:
* Conditions are judged before a byte is read, and once more by metadata when the name changes: the revision
  that was judged is what is expected then.
* Nothing of a PUT that ends early is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.files import Deleted, Entry, Written
from piccolo_gateway.core.conditions import Conditions, Present
from piccolo_gateway.engine.pump import Pump
from piccolo_gateway.engine.slots import Slots
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.store import Store, WriteStart

_MOVED_ON: Final = frozenset({Kind.CONFLICT, Kind.ALREADY_EXISTS})


class Writer:
    """Stores and deletes."""

    def __init__(self, files: Files, store: Store, pump: Pump, slots: Slots) -> None:
        self._files, self._store, self._pump, self._slots = files, store, pump, slots

    async def put(self, start: WriteStart, conditions: Conditions, pieces: AsyncIterator[bytes]) -> Written:
        """Stores a whole file. Raises PiccoloError, CONFLICT (PRECONDITION_FAILED) among others."""
        if not conditions.any:
            return await self._store_file(start, pieces)
        present = await find(self._files, start.path)
        conditions.judge(present_of(present), reading=False)
        expected = replace(start, expected_revision=present.revision if present else 0)
        try:
            return await self._store_file(expected, pieces)
        except PiccoloError as failed:
            raise as_condition(failed) from failed

    async def delete(self, path: str, conditions: Conditions, *, recursive: bool, purge: bool) -> Deleted:
        """Puts an entry into the trash, or deletes it for good."""
        expected: int | None = None
        if conditions.any:
            present = await find(self._files, path)
            conditions.judge(present_of(present), reading=False)
            expected = present.revision if present else None
        remove = self._store.purge if purge else self._files.remove
        try:
            return await remove(path, recursive=recursive, expected_revision=expected)
        except PiccoloError as failed:
            raise (failed if expected is None else as_condition(failed)) from failed

    async def delete_removed(self, trash_id: int) -> tuple[Deleted, str]:
        """Deletes an entry of the trash for good; also returns the name that it had."""
        return await self._store.purge_removed(trash_id)

    async def _store_file(self, start: WriteStart, pieces: AsyncIterator[bytes]) -> Written:
        async with self._slots.one(), self._store.write(start) as writing:
            return await self._pump.finish(writing, await self._pump.move(pieces, writing))


async def find(files: Files, path: str) -> Entry | None:
    """What has a name; None when nothing has."""
    try:
        return await files.stat(path)
    except PiccoloError as failed:
        if failed.kind is Kind.NOT_FOUND:
            return None
        raise


def present_of(entry: Entry | None) -> Present | None:
    """What conditions are judged by; a directory has no tag that a client could know."""
    if entry is None:
        return None
    return Present(entry.version_id or f"directory-{entry.revision}", entry.modified)


def as_condition(failed: PiccoloError) -> PiccoloError:
    """The failure of a conditional request: what was judged has changed since."""
    if failed.kind not in _MOVED_ON:
        return failed
    return PiccoloError(
        Kind.CONFLICT,
        "PRECONDITION_FAILED",
        "Nothing was changed: it changed while this request was under way.",
        failed.details,
    )
