"""After a recovery: known objects that were moved or coded anew since the backup.

Rules:
* Every repair, move and new code leaves a commit record with the layout of that time at the keepers. A record
  that is newer than the memory's layout is followed when more losses are survived by what the keepers show of
  it than by what they show of the older one.
* What they show is what counts, root by root: one member that claims something newer changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError

from piccolo_vault.core.storage import promise
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.records import check_ids, layout_key, says_nothing_of_it
from piccolo_vault.engine.storage.survey import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.records.commit import Summary
    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.survey import Survey
    from piccolo_vault.ports.objects import StoredObject

_log = logging.getLogger(__name__)


class Follower:
    """Brings layouts up to what the keepers have."""

    def __init__(self, context: Context, survey: Survey) -> None:
        self._context, self._survey = context, survey

    async def follow(self, newest: Summary) -> bool:
        """Follows an object's newest record if that is better; returns False when no object is known by it.

        Raises PiccoloError LOCKED, UNAVAILABLE, and what metadata raises.
        """
        layout = read_layout(newest.layout)
        async with self._context.placing.held([layout.object_id]):
            stored = await self._known(layout.object_id)
            if stored is not None and self._is_newer(newest, layout, stored):
                await self._follow(layout, newest.layout, stored)
        return stored is not None

    def _is_newer(self, newest: Summary, layout: Layout, stored: StoredObject) -> bool:
        old = read_layout(stored.layout)
        if (layout.generation, layout.seq) <= (old.generation, old.seq):
            return False
        try:
            check_ids(layout_key(self._context.keyring, newest, layout.object_id), layout)
        except (FormatError, PiccoloError) as wrong:
            if says_nothing_of_it(wrong):
                raise
            told = fields(object=layout.object_id.hex(), why=str(wrong))
            _log.warning("a newer record is not of the object that it names", extra=told)
            return False
        return layout.size == old.size

    async def _follow(self, layout: Layout, signed: bytes, stored: StoredObject) -> None:
        before, after = await self._shown(read_layout(stored.layout)), await self._shown(layout)
        if _survived(layout, after) <= _survived(read_layout(stored.layout), before):
            return
        missing = tuple(index for index, seen in enumerate(after) if seen is Seen.GONE)
        await self._context.objects.update_layout(
            replace(stored, layout=signed, missing=missing), stored.layout
        )
        _log.info("an object was found where it went", extra=fields(object=layout.object_id.hex()))

    async def _shown(self, layout: Layout) -> Sequence[Seen]:
        return (await self._survey.ask([layout]))[layout.object_id]

    async def _known(self, object_id: bytes) -> StoredObject | None:
        try:
            return await self._context.objects.get_object(object_id)
        except PiccoloError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None


def _survived(layout: Layout, seen: Sequence[Seen]) -> int:
    good = [owner if state is Seen.GOOD else None for owner, state in zip(layout.keepers, seen, strict=True)]
    return promise.survived(good, layout.k)
