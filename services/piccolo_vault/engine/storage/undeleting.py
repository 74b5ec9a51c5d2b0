"""Takes fragments out of the keepers' trash again, when an older memory is in force.

Rules:
* Only the owner root undeletes, and only what the memory's layouts name at that very keeper: a copy that was
  buried there because the fragment lies elsewhere stays buried.
* Keepers hold their trash for 45 days, longer than any backup that can be restored; what is gone nevertheless
  is for the repair, and what no repair brings back is told by the check that follows.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.logs import fields
from piccolo_formats.records.keeping import Undelete
from piccolo_formats.signed import sign

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.nursery import gather

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.keepers import Keeper

_AT_ONCE = 1_000
_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Undeleter:
    """Signs undeletes and sends them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def undelete(self, trash: Mapping[bytes, AbstractSet[bytes]]) -> int:
        """Undeletes, of what keepers have in their trash, what the memory expects there.

        Returns how many fragments are back. A keeper that does not answer is asked with the next inventory.
        Raises PiccoloError LOCKED, and what metadata raises.
        """
        if not any(trash.values()):
            return 0
        wanted = await self._expected(trash)
        done, _ = await gather(
            {number: partial(self._ask, owner, ids) for number, (owner, ids) in enumerate(wanted.items())}
        )
        return sum(done.values())

    async def _expected(self, trash: Mapping[bytes, AbstractSet[bytes]]) -> dict[bytes, list[bytes]]:
        wanted: dict[bytes, list[bytes]] = {}
        token = ""
        while True:
            page, token = await self._context.objects.list_objects(page_token=token)
            for stored in page:
                layout = read_layout(stored.layout)
                for index, owner in enumerate(layout.keepers):
                    fragment_id = layout.fragment_id(index)
                    if owner is not None and fragment_id in trash.get(owner, ()):
                        wanted.setdefault(owner, []).append(fragment_id)
            if not token:
                return wanted

    async def _ask(self, owner: bytes, fragments: Sequence[bytes]) -> int:
        back = 0
        for at in range(0, len(fragments), _AT_ONCE):
            some = fragments[at : at + _AT_ONCE]
            undelete = await self._signed(some)
            gone = await self._context.peers.ask(owner, partial(_unbury, undelete=undelete), _SECONDS)
            back += len(some) - len(gone)
        told = fields(member=self._context.peers.name(owner), asked=len(fragments), back=back)
        _log.info("fragments undeleted", extra=told)
        return back

    async def _signed(self, fragments: Sequence[bytes]) -> bytes:
        context = self._context
        record = Undelete(
            owner=context.keyring.owner_id(),
            generation=context.keyring.generation(),
            seq=await context.numbers.draw(),
            fragments=tuple(sorted(set(fragments))),
            time=context.time(),
        )
        return sign(record, context.keyring.kek().owner_root()).to_bytes()


async def _unbury(keeper: Keeper, undelete: bytes) -> Sequence[bytes]:
    return await keeper.unbury(undelete)
