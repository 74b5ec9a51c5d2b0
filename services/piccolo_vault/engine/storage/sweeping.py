"""Goes through what each member keeps for leftovers of exposed words (core/storage/resealing.py).

Rules:
* It comes last: when every object that was exposed has ended. What is named by a layout or an open write then
  is not exposed, and stays.
* What is found is purged by the owner root's tombstone, which is queued before the member hears of it.
* What no memory knows and can still be rebuilt is brought back first, and sealed anew like any file: nothing
  dies because it is not known.
* Where the members filled the memory, it knows only what they told: nobody is gone through before all that
  are waited for told it, and what has a record that no words here open stays, and is counted.
* An upload that was begun under the exposed words may be whole and not committed: while there is one, nothing
  that is only provisional goes. It has no record, and its key was never wrapped for anybody else.
* A member counts as gone through when its whole list showed nothing; in another life of this process that is
  done once more, which does no harm. Who was expelled or compromised is not waited for.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.resealing import is_leftover
from piccolo_vault.engine.storage.burial import WAITED
from piccolo_vault.engine.storage.known import Known
from piccolo_vault.ports.keepers import KeptState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.inventory import Inventory
    from piccolo_vault.ports.keepers import Keeper, Kept
    from piccolo_vault.ports.keyring import Exposure

_SECONDS = 30.0
_AT_ONCE = 5_000
_HALF = (KeptState.ABSENT, KeptState.INCOMING)
_log = logging.getLogger(__name__)


class Sweeper:
    """Purges leftovers."""

    def __init__(self, context: Context, burial: Burial, inventory: Inventory, exposure: Exposure) -> None:
        self._context, self._burial, self._inventory = context, burial, inventory
        self._exposure = exposure
        self._clean: dict[bytes, int] = {}
        self._unopened: frozenset[bytes] = frozenset()
        self.purged = 0

    @property
    def unopened(self) -> int:
        """How many fragments stay because only words that nobody tells any more open their records."""
        return len(self._unopened)

    def unswept(self, through: int) -> list[bytes]:
        """Returns the members that are to be gone through, those that are away too."""
        owners = [each.owner_id for each in self._context.peers.circle().members if each.standing in WAITED]
        return [owner for owner in owners if self._clean.get(owner) != through]

    def gone(self) -> list[str]:
        """Returns the names of members in the roster that nobody waits for."""
        return sorted(
            each.name for each in self._context.peers.circle().members if each.standing not in WAITED
        )

    async def round(self, through: int) -> None:
        """Goes through the members that answer. Raises what metadata raises."""
        peers = self._context.peers
        wanted = [owner for owner in self.unswept(through) if not peers.is_away(owner)]
        if not wanted or not self._context.quiet.lasted(0) or not await self._is_all_known():
            return
        half = (*_HALF, KeptState.PROVISIONAL) if await self._context.objects.list_uploads() else _HALF
        intents = await self._context.objects.list_intents()
        known = await Known.load(self._context, [read_layout(each.stored.layout) for each in intents])
        for owner in wanted:
            try:
                found = await self._leftovers(owner, known, through, half)
            except PiccoloError as error:
                _log.info("a member is gone through later", extra=fields(reason=error.reason))
                continue
            for at in range(0, len(found), _AT_ONCE):
                await self._burial.bury_at(owner, found[at : at + _AT_ONCE])
            self.purged += len(found)
            if not found:
                self._clean[owner] = through
            told = fields(member=peers.name(owner), leftovers=len(found))
            _log.info("gone through for leftovers of exposed words", extra=told)

    async def _is_all_known(self) -> bool:
        """Brings back what can be; whether what the memory does not know then is no file's."""
        rescued = await self._inventory.rescue()
        if not self._exposure.suspected_through():
            return not rescued.files
        self._unopened = rescued.unopened
        waited = {each.owner_id for each in self._context.peers.circle().members if each.standing in WAITED}
        return not rescued.files and waited.isdisjoint(rescued.silent)

    async def _leftovers(
        self, owner: bytes, known: Known, through: int, half: Sequence[KeptState]
    ) -> list[bytes]:
        found, token = list[bytes](), ""
        while True:
            page, token = await self._context.peers.ask(owner, partial(_list, token=token), _SECONDS)
            found += [
                each.fragment_id
                for each in page
                if is_leftover(
                    whole=each.state not in half,
                    generation=each.generation,
                    through=through,
                    named=each.fragment_id in known,
                    unopened=each.fragment_id in self._unopened,
                )
            ]
            if not token:
                return found


async def _list(keeper: Keeper, token: str) -> tuple[Sequence[Kept], str]:
    return await keeper.list_mine(token)
