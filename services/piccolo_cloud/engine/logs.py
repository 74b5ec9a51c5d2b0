"""The use cases of a backup log: append, head, read, drop."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.backup import EntryKind

from piccolo_cloud.core import log as rules
from piccolo_cloud.core.authority import Authority
from piccolo_cloud.core.limits import BEYOND, Limits
from piccolo_cloud.core.log import Extent, LogHead, LogState
from piccolo_cloud.core.names import entry_key
from piccolo_cloud.engine.door import Door
from piccolo_cloud.engine.entries import Incoming, Prefix, damaged, stored_prefix
from piccolo_cloud.engine.index import Index
from piccolo_cloud.ports import ObjectStore

_HEADERS_AT_ONCE: Final = 16
_OF_WHO_FOLLOWS: Final = frozenset({EntryKind.CLAIM, EntryKind.MOVED})


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an entry; `last` when the entry ends with them."""

    seq: int
    data: bytes
    last: bool


class Logs:
    """All logs in a store."""

    def __init__(self, store: ObjectStore, door: Door, limits: Limits) -> None:
        """Keep logs in the store within the limits."""
        self._store, self._door, self._limits = store, door, limits
        self._index = Index(store)

    async def append(self, authority: Authority, seq: int, size: int, chunks: AsyncIterator[bytes]) -> int:
        """Make the entry durable at `seq`; the same bytes again are fine. Returns seq.

        Raises PiccoloError: what the door, the limits, the entry and core/log.py refuse; FENCED, FORK.
        """
        caller = self._door.admit(authority, "Append", seq)
        self._limits.check_append(size, 0)
        incoming = Incoming(chunks, caller.locator)
        prefix = await incoming.prefix()
        if prefix.entry.header.seq != seq or prefix.size != size:
            raise PiccoloError(
                Kind.INVALID,
                "ENTRY_MALFORMED",
                "The entry's header names another place or size than the request.",
            )
        if not caller.is_owner and caller.key != prefix.entry.delegation.record.key:
            raise PiccoloError(Kind.DENIED, "ENTRY_NOT_SIGNED", "The entry is signed by another delegate.")
        state = await self._index.state(caller.locator, seq)
        if seq <= state.extent.last:
            return await self._same_again(caller.locator, state, prefix)
        await self._check_next(caller.locator, state, prefix)
        beyond = BEYOND if prefix.entry.header.kind in _OF_WHO_FOLLOWS else 0
        self._limits.check_append(size, state.extent.bytes, beyond=beyond)
        if await self._store.create(entry_key(caller.locator, seq), size, incoming.content(prefix)):
            self._index.remember(caller.locator, state.with_entry(prefix.entry, size))
            return seq
        return await self._same_again(caller.locator, await self._index.fresh(caller.locator), prefix)

    async def head(self, authority: Authority) -> Extent:
        """Which entries are kept. Raises PiccoloError as the door does."""
        caller = self._door.admit(authority, "GetHead", 0)
        return await self._index.extent(caller.locator)

    async def read(
        self, authority: Authority, first: int, last: int, *, headers_only: bool
    ) -> AsyncIterator[Piece]:
        """Entries `first` (0: the oldest kept) to `last` (0: the head), whole or only their headers.

        Raises PiccoloError OUT_OF_RANGE (ENTRY_DROPPED), DATA_LOSS (LOG_DAMAGED), and what the door refuses.
        """
        caller = self._door.admit(authority, "ReadEntries", first)
        kept = await self._index.extent(caller.locator)
        if 0 < first < kept.first:
            raise _dropped(kept)
        end = min(last or kept.last, kept.last) + 1
        span = range(max(first, kept.first, 1), end)
        pieces = self._headers(caller.locator, span) if headers_only else self._bodies(caller.locator, span)
        async for piece in pieces:
            yield piece

    async def drop(self, authority: Authority, before: int) -> int:
        """Delete the chains before the snapshot or `moved` at `before`; returns how many entries went.

        Raises PiccoloError DENIED (OWNER_ONLY), PRECONDITION (NOT_A_SNAPSHOT), and what the door refuses.
        """
        caller = self._door.admit(authority, "DropChain", before)
        if not caller.is_owner:
            raise PiccoloError(
                Kind.DENIED, "OWNER_ONLY", "Only the owner's words delete backups; unlock the device first."
            )
        kept = await self._index.extent(caller.locator)
        if not kept.first <= before <= kept.last or not await self._begins(caller.locator, before):
            raise PiccoloError(
                Kind.PRECONDITION,
                "NOT_A_SNAPSHOT",
                f"Entry {before} is no kept snapshot, and does not close the log; only whole chains before "
                "one are deleted.",
            )
        # upwards: what an interruption leaves is a shorter beginning, never a gap
        for seq in range(kept.first, before):
            await self._store.delete(entry_key(caller.locator, seq))
        await self._index.fresh(caller.locator)
        return before - kept.first

    async def _check_next(self, locator: bytes, state: LogState, prefix: Prefix) -> None:
        head = state.head
        if head is not None and rules.is_fenced(head, prefix.entry):
            raise rules.fenced(head, await self._claim(locator, state, head))
        rules.check_follows(head, prefix.entry)

    async def _same_again(self, locator: bytes, state: LogState, prefix: Prefix) -> int:
        """The answer to an entry whose place is taken: fine when it is this very entry."""
        seq, head = prefix.entry.header.seq, state.head
        if head is None or seq < state.extent.first:
            raise _dropped(state.extent)
        kept = await stored_prefix(self._store, locator, seq)
        # the header names the body's hash, and both bodies were checked against it on their way in
        if kept.data == prefix.data:
            return seq
        if rules.is_fenced(head, prefix.entry):
            raise rules.fenced(head, await self._claim(locator, state, head))
        raise rules.fork(head, f"entry {seq} is taken")

    async def _claim(self, locator: bytes, state: LogState, head: LogHead) -> dict[str, str]:
        """The oldest kept entry of the newest generation, as evidence. Generations never fall along a log."""
        low, high = state.extent.first, head.seq
        while low < high:
            middle = (low + high) // 2
            found = await stored_prefix(self._store, locator, middle)
            if found.entry.header.generation < head.generation:
                low = middle + 1
            else:
                high = middle
        claim = await stored_prefix(self._store, locator, low)
        signed = claim.entry.signed.to_bytes()
        return {"claim_seq": str(low), "claim_header": base64.b64encode(signed).decode()}

    async def _begins(self, locator: bytes, seq: int) -> bool:
        """Whether a log may begin with this entry: nothing in it needs an earlier one."""
        kind = (await stored_prefix(self._store, locator, seq)).entry.header.kind
        return kind in (EntryKind.SNAPSHOT, EntryKind.MOVED)

    async def _headers(self, locator: bytes, span: range) -> AsyncIterator[Piece]:
        for start in range(0, len(span), _HEADERS_AT_ONCE):
            batch = span[start : start + _HEADERS_AT_ONCE]
            async with asyncio.TaskGroup() as reading:
                found = [reading.create_task(self._header(locator, seq)) for seq in batch]
            for task in found:
                piece = task.result()
                if isinstance(piece, PiccoloError):
                    raise piece
                yield piece

    async def _header(self, locator: bytes, seq: int) -> Piece | PiccoloError:
        """One header, or why there is none: those before it are to be told all the same."""
        try:
            with _missing_is_damage(seq):
                return Piece(seq, (await stored_prefix(self._store, locator, seq)).data, last=True)
        except PiccoloError as failed:
            return failed

    async def _bodies(self, locator: bytes, span: range) -> AsyncIterator[Piece]:
        for seq in span:
            held: bytes | None = None
            with _missing_is_damage(seq):
                async for data in self._store.read(entry_key(locator, seq)):
                    if held is not None:
                        yield Piece(seq, held, last=False)
                    held = data
            if held is not None:
                yield Piece(seq, held, last=True)


@contextmanager
def _missing_is_damage(seq: int) -> Iterator[None]:
    """An entry between the first and the last that is not there was lost."""
    try:
        yield
    except PiccoloError as failed:
        if failed.kind is Kind.NOT_FOUND:
            raise damaged(seq) from failed
        raise


def _dropped(kept: Extent) -> PiccoloError:
    return PiccoloError(
        Kind.OUT_OF_RANGE,
        "ENTRY_DROPPED",
        f"The log keeps its entries from {kept.first} on; older ones were deleted by their owner.",
        {"first": str(kept.first)},
    )
