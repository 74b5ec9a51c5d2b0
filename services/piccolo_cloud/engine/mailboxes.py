"""The use cases of a mailbox: leave a message, collect a box, sweep out what has expired."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final
from weakref import WeakValueDictionary

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_cloud.core import mailbox as rules
from piccolo_cloud.core.limits import Limits
from piccolo_cloud.core.names import MAILBOXES, box_prefix, message_key
from piccolo_cloud.ports import ObjectStore, Random, Wall

_TRIES: Final = 4
_BLOCK: Final = 4096
_log = logging.getLogger(__name__)


class Mailboxes:
    """All boxes in a store."""

    def __init__(self, store: ObjectStore, limits: Limits, clock: Wall, random: Random) -> None:
        """Keep boxes in the store; `sweep` once before use, so that their bytes are counted."""
        self._store, self._limits, self._clock, self._random = store, limits, clock, random
        self._bytes = 0
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def leave(self, address: bytes, message: bytes) -> None:
        """Make a message durable.

        Raises PiccoloError INVALID (MESSAGE_SIZE), FULL (MAILBOX_FULL, MAILBOXES_FULL, STORE_FULL).
        """
        rules.check_message(message)
        if self._bytes + _cost(len(message)) > self._limits.mailboxes:
            raise PiccoloError(
                Kind.FULL, "MAILBOXES_FULL", "All the room for messages is in use; try again in an hour."
            )
        lock = self._locks.setdefault(address, asyncio.Lock())
        async with lock:
            kept = await self._kept(address)
            arrival = rules.next_arrival(kept, self._now())
            for _ in range(_TRIES):  # another process may draw the same name; then the dice are rolled again
                key = message_key(address, arrival, self._random(8))
                if await self._store.create(key, len(message), _once(message)):
                    self._bytes += _cost(len(message))
                    return
        raise PiccoloError(Kind.UNAVAILABLE, "STORE_UNAVAILABLE", "The message found no name; try again.")

    async def collect(self, address: bytes) -> list[bytes]:
        """The messages of a box in order of arrival; they stay until they expire."""
        found = []
        for key in await self._kept(address):
            try:
                found.append(b"".join([piece async for piece in self._store.read(key)]))
            except PiccoloError as failed:
                if failed.kind is not Kind.NOT_FOUND:  # swept out between listing and reading
                    raise
        return found

    async def sweep(self) -> None:
        """Delete what has expired, in all boxes, and count what is left."""
        now, kept, gone = self._now(), 0, 0
        expired = []
        async for each in self._store.list(MAILBOXES):
            if rules.is_expired(each.key, now):
                expired.append(each.key)
            else:
                kept += _cost(each.size)
        for key in expired:
            await self._store.delete(key)
            gone += 1
        self._bytes = kept
        if gone:
            _log.info("expired messages deleted", extra=fields(messages=gone))

    async def _kept(self, address: bytes) -> list[str]:
        names = [each.key async for each in self._store.list(box_prefix(address))]
        return rules.in_order(names, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _cost(size: int) -> int:
    """What a message takes from the room for all: a swarm of tiny ones fills a disk too."""
    return max(size, _BLOCK)


async def _once(message: bytes) -> AsyncIterator[bytes]:
    yield message
