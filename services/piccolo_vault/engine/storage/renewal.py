"""After new words came into force: commit records at the keepers that the new words alone open.

Rules:
* An object is done when every keeper of its layout has a record of this renewal. What failed is tried again
  in the next round, and only that: a member that is away costs its own objects, not everybody's.
* The layout gets a new number in the memory before any keeper is given a record with it, so that a record is
  never newer than what the memory knows.
* A write that a crash left open waits too, for it may still be rolled forward with keys and a record of its
  day.
* How far it is is kept in metadata's memory, and survives this process and this device.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats import cbor
from piccolo_formats.errors import FormatError
from piccolo_formats.signed import sign

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.completion import files_in, make_record
from piccolo_vault.engine.storage.nursery import gather

if TYPE_CHECKING:
    from collections.abc import Iterable

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.keepers import Keeper
    from piccolo_vault.ports.keyring import Renewals
    from piccolo_vault.ports.objects import StoredObject

_KEY = "renewal"
_PAGE, _AT_ONCE = 64, 8
_RECORD_SECONDS = 10.0
_SOON, _LATER = 2.0, 300.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """How far a renewal for the KEK of `epoch` is.

    `token` continues the walk through all objects, `whole` says that it has ended; `failed` wait for a
    keeper.
    """

    epoch: int
    token: str = ""
    whole: bool = False
    failed: tuple[bytes, ...] = ()
    done: int = 0

    def to_bytes(self) -> bytes:
        """Returns it as it is kept."""
        return cbor.encode([self.epoch, self.token, self.whole, list(self.failed), self.done])

    @classmethod
    def from_bytes(cls, data: bytes) -> State | None:
        """Returns what was kept; None, so that it begins anew, when it cannot be read."""
        try:
            match cbor.decode(data):
                case [int() as epoch, str() as token, bool() as whole, list() as failed, int() as done]:
                    ids = tuple(each for each in failed if isinstance(each, bytes))
                    return cls(epoch, token, whole, ids, done)
        except FormatError:
            _log.warning("how far the renewal is cannot be read; it begins anew")
        return None


class Renewal:
    """Renews commit records while the keys want it."""

    def __init__(self, context: Context, renewals: Renewals) -> None:
        self._context, self._renewals = context, renewals
        self._again, self._pause = 0.0, _SOON
        self._open: frozenset[bytes] = frozenset()

    async def renew(self) -> None:
        """Does nothing unless new words came into force; one round, then what failed is left for the next."""
        context = self._context
        if not self._renewals.renewing() or context.now() < self._again:
            return
        self._again, self._pause = context.now() + self._pause, min(2 * self._pause, _LATER)
        asyncio.get_running_loop().call_later(self._pause, context.repairs_due.set)
        self._open = await self._open_writes()
        state = await self._load()
        if not state.whole:
            state = await self._walk(state)
        else:
            left = await self._each({*state.failed, *self._open})
            state = replace(state, failed=left)
            await self._save(state)
        self._renewals.renewed(state.done, state.done if state.whole else state.done + 1, len(state.failed))
        if state.whole and not state.failed:
            await context.objects.put_state(_KEY, None)
            self._again, self._pause = 0.0, _SOON
            _log.info("commit records renewed", extra=fields(objects=state.done))

    async def _walk(self, state: State) -> State:
        """Goes through all objects that the memory has, a page at a time."""
        while True:
            page, token = await self._context.objects.list_objects(page_token=state.token, page_size=_PAGE)
            left = await self._each(stored.object_id for stored in page)
            left = (*left, *(self._open if not token else ()))
            state = State(
                epoch=state.epoch,
                token=token,
                whole=not token,
                failed=(*state.failed, *left),
                done=state.done + len(page),
            )
            await self._save(state)
            if not token:
                return state

    async def _each(self, object_ids: Iterable[bytes]) -> tuple[bytes, ...]:
        """Renews objects; returns those that wait for a keeper."""
        ids = list(object_ids)
        left = [each for each in ids if each in self._open]
        ids = [each for each in ids if each not in self._open]
        for at in range(0, len(ids), _AT_ONCE):
            some = ids[at : at + _AT_ONCE]
            done, _ = await gather({number: partial(self._one, each) for number, each in enumerate(some)})
            left += [each for number, each in enumerate(some) if not done.get(number)]
        return tuple(left)

    async def _open_writes(self) -> frozenset[bytes]:
        """The objects of journalled intents whose keys are of another epoch."""
        epoch, found = self._context.keyring.kek_epoch(), set[bytes]()
        for intent in await self._context.objects.list_intents():
            wraps = [file.content.wrapped_key for file in intent.files]
            wraps += [intent.stored.wrapped_pack_key] if intent.stored.wrapped_pack_key else []
            if any(int.from_bytes(each[:4]) != epoch for each in wraps):
                found.add(intent.stored.object_id)
        return frozenset(found)

    async def _one(self, object_id: bytes) -> bool:
        """Renews one object's records; returns whether all its keepers have them."""
        async with self._context.placing.held([object_id]):
            try:
                return await self._put_all(object_id)
            except PiccoloError as error:
                if error.kind is Kind.NOT_FOUND:
                    return True  # deleted or emptied meanwhile: it only waits for its end
                raise

    async def _put_all(self, object_id: bytes) -> bool:
        context = self._context
        stored = await context.objects.get_object(object_id)
        layout, signed = await self._numbered(stored)
        stored = replace(stored, layout=signed)
        record = make_record(context, stored, layout, await files_in(context, object_id))
        work = {
            index: partial(self._put, layout, index, record)
            for index, owner in enumerate(layout.keepers)
            if owner is not None and index not in stored.missing
        }
        done, _ = await gather(work)
        return len(done) == len(work)

    async def _numbered(self, stored: StoredObject) -> tuple[Layout, bytes]:
        context, before = self._context, read_layout(stored.layout)
        generation, seq = context.keyring.generation(), await context.numbers.draw()
        layout = replace(before, generation=generation, seq=seq)
        signed = sign(layout, context.keyring.signing_key()).to_bytes()
        await context.objects.update_layout(replace(stored, layout=signed), stored.layout)
        return layout, signed

    async def _put(self, layout: Layout, index: int, record: bytes) -> None:
        async def put(keeper: Keeper) -> None:
            await keeper.put_record(layout.fragment_id(index), record)

        await self._context.peers.ask(layout.keepers[index] or b"", put, _RECORD_SECONDS)

    async def _load(self) -> State:
        epoch = self._context.keyring.kek_epoch()
        content = await self._context.objects.get_state(_KEY)
        state = State.from_bytes(content) if content is not None else None
        return state if state is not None and state.epoch == epoch else State(epoch=epoch)

    async def _save(self, state: State) -> None:
        await self._context.objects.put_state(_KEY, state.to_bytes())
