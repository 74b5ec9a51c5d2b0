"""Writes that a crash cut off between intent and name: rolled forward or withdrawn.

Rules:
* An intent whose promise is met by what keepers have (whole fragments are committed first, with the
  journalled record) is published, even by a locked device: its client may have been told yes.
* Any other was never answered with yes. While a keeper that may have fragments does not answer, a locked
  device leaves it; before the next write it is withdrawn and what is committed of it is buried, so that it
  cannot come back over a newer file. What an earlier device wrote was being brought back: it is not buried.
* No write is prepared before that.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.receipts import Expected
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.engine.storage.survey import Seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.core.storage.promise import Promise
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.completion import Completion
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.survey import Survey
    from piccolo_vault.ports.keepers import Keeper
    from piccolo_vault.ports.objects import Intent

_log = logging.getLogger(__name__)


class Intents:
    """Ends what an earlier life left open."""

    def __init__(self, context: Context, survey: Survey, burial: Burial, completion: Completion) -> None:
        self._context, self._survey, self._burial = context, survey, burial
        self._completion = completion
        self._settled = False
        self._lock = asyncio.Lock()

    async def ensure_settled(self) -> None:
        """Returns when no intent of an earlier life is open; needs the unlocked owner root."""
        if not self._settled or self._completion.left_open:
            await self.settle(final=True)

    async def settle(self, *, final: bool) -> None:
        """Rolls forward what keeps its promise.

        Withdraws the rest, when `final` without waiting for keepers.
        """
        async with self._lock:
            self._completion.left_open = False
            # a long list comes in parts: the next one shows when this one has ended
            while intents := await self._open():
                left = 0
                for intent in intents:
                    left += not await self._settle_one(intent, final=final)
                self._settled = left == 0
                if left:
                    return
            self._settled = True

    async def _open(self) -> list[Intent]:
        # one that ends while the list is on its way is in it, and no longer under way
        before = frozenset(self._completion.under_way)
        listed = await self._context.objects.list_intents()
        busy = before | self._completion.under_way
        return [intent for intent in listed if intent.stored.object_id not in busy]

    async def _settle_one(self, intent: Intent, *, final: bool) -> bool:
        """Ends one intent; returns whether it is ended."""
        layout = read_layout(intent.stored.layout)
        code, promise = Code(layout.k, layout.m), await self._promise(intent, Code(layout.k, layout.m))
        seen = (await self._survey.ask([layout]))[layout.object_id]
        good = {i for i, state in enumerate(seen) if state is Seen.GOOD}
        whole = {i for i, state in enumerate(seen) if state is Seen.WHOLE}
        away = {i for i, state in enumerate(seen) if state is Seen.AWAY}
        if self._met(promise, layout, good | whole):
            good |= await self._commit(intent, layout, whole)
        if self._met(promise, layout, good):
            missing = [index for index in range(code.m) if index not in good]
            await self._context.objects.publish(layout.object_id, missing)
            self._told("intent rolled forward", intent)
            return True
        if not final and (self._met(promise, layout, good | whole | away) or good):
            return False
        if (good or whole or away) and self._is_own(layout):
            await self._burial.bury_fragments([layout])
        await self._context.objects.abandon(layout.object_id)
        await self._forget_uploads(intent)
        self._told("intent withdrawn", intent)
        return True

    def _is_own(self, layout: Layout) -> bool:
        """Whether this device wrote it; what an earlier one wrote was perhaps acknowledged to somebody."""
        return self._burial.may_bury() and layout.generation >= self._context.keyring.generation()

    async def _commit(self, intent: Intent, layout: Layout, indexes: set[int]) -> set[int]:
        done, _ = await gather({index: partial(self._commit_one, intent, layout, index) for index in indexes})
        return set(done)

    async def _commit_one(self, intent: Intent, layout: Layout, index: int) -> None:
        owner, fragment_id, root = layout.keepers[index] or b"", layout.fragment_id(index), layout.root(index)

        async def commit(keeper: Keeper) -> bytes:
            return await keeper.commit(fragment_id, root, intent.commit_record)

        receipt = await self._context.peers.ask(owner, commit, self._context.settings.stall_seconds)
        expected = Expected(layout.owner, fragment_id, root, layout.plan().fragment_size)
        self._context.peers.take_receipt(receipt, owner, expected, committed=True)

    async def _promise(self, intent: Intent, code: Code) -> Promise:
        at_risk = False
        for upload_id in {file.upload_id for file in intent.files if file.upload_id}:
            try:
                at_risk = (await self._context.objects.get_upload(upload_id)).at_risk
            except PiccoloError as error:
                if error.kind is not Kind.NOT_FOUND:
                    raise
        return self._context.promise(code, at_risk=at_risk)

    async def _forget_uploads(self, intent: Intent) -> None:
        for upload_id in {file.upload_id for file in intent.files if file.upload_id}:
            try:
                await self._context.objects.forget_upload(upload_id)
            except PiccoloError as error:
                if error.kind is not Kind.NOT_FOUND:
                    raise

    def _met(self, promise: Promise, layout: Layout, indexes: Iterable[int]) -> bool:
        return promise.met([layout.keepers[index] for index in indexes], layout.k)

    def _told(self, what: str, intent: Intent) -> None:
        _log.info(what, extra=fields(object=intent.stored.object_id.hex(), files=len(intent.files)))
