"""What is known of fragments in a new code before any layout in force names them.

Rules:
* A try is noted before a keeper commits any of its fragments, and forgotten when its layout is in force.
* An object that has ended cannot say any more which fragments were its own, nor can one with a newer code:
  the note can, and they are buried. What an object may still be coded to is left for the next try.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.storage.manifests import read_layout

if TYPE_CHECKING:
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.objects import StoredObject

TRIALS_KEY = "spreading/trials"
_log = logging.getLogger(__name__)


class Trials:
    """The layouts of tries that are not in force, by their object."""

    def __init__(self, context: Context, burial: Burial) -> None:
        self._context, self._burial = context, burial
        self._noted: dict[str, list[str]] | None = None

    async def begin(self, stored: StoredObject) -> None:
        """Notes an object's layout of a new epoch. Raises what metadata raises."""
        noted = await self._load()
        epoch = read_layout(stored.layout).epoch
        others = [
            each
            for each in noted.get(stored.object_id.hex(), [])
            if read_layout(bytes.fromhex(each)).epoch != epoch
        ]
        await self._save({**noted, stored.object_id.hex(): [*others, stored.layout.hex()]})

    async def end(self, object_id: bytes) -> None:
        """Forgets an object's tries. Raises what metadata raises."""
        noted = await self._load()
        await self._save({each: layouts for each, layouts in noted.items() if each != object_id.hex()})

    async def clear_up(self) -> None:
        """Buries what tries left of objects that have ended or have a newer code.

        Raises what metadata raises.
        """
        for each in list(await self._load()):
            await self._clear_up(bytes.fromhex(each))

    async def _clear_up(self, object_id: bytes) -> None:
        in_force = await self._epoch(object_id)
        tried = [read_layout(bytes.fromhex(each)) for each in (await self._load())[object_id.hex()]]
        left = [each for each in tried if in_force is None or each.epoch < in_force]
        if left and not self._burial.may_bury():
            return
        if left:
            await self._burial.bury_fragments(left)
            told = fields(object=object_id.hex(), tries=len(left))
            _log.info("what a cut-off coding has left is buried", extra=told)
        if in_force is None or in_force >= max(each.epoch for each in tried):
            await self.end(object_id)

    async def _epoch(self, object_id: bytes) -> int | None:
        """The epoch of an object's layout in force; None when it has ended."""
        try:
            return read_layout((await self._context.objects.get_object(object_id)).layout).epoch
        except PiccoloError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None

    async def _load(self) -> dict[str, list[str]]:
        if self._noted is None:
            stored = await self._context.objects.get_state(TRIALS_KEY)
            self._noted = dict(json.loads(stored)) if stored else {}
        return self._noted

    async def _save(self, noted: dict[str, list[str]]) -> None:
        value = json.dumps(noted, sort_keys=True).encode() if noted else None
        await self._context.objects.put_state(TRIALS_KEY, value)
        self._noted = noted
