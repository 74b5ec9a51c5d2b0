"""What the log has at some places, proven by the chain that ends at this memory's head.

Rules:
* Nothing is told of an entry unless every header from it to the head was read and each names the one before:
  a cloud that shows one history to a restore and another one to a question is found out.
* What is beyond the head, or was deleted with its chain, is left out; the rest is told all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass

from piccolo_formats.backup_entry import open_header
from piccolo_formats.errors import FormatError

from piccolo_metadata.core.backup_records import Position
from piccolo_metadata.engine.backup_ledger import load
from piccolo_metadata.engine.backup_log import header_of, prefixes
from piccolo_metadata.engine.backup_ports import Access, CloudLog
from piccolo_metadata.engine.backup_words import chain_broken, open_delegation
from piccolo_metadata.ports import Outbox


@dataclass(frozen=True, slots=True)
class Traced:
    """The head (seq 0: there is no log under this memory), and the hashes that were asked for, by seq."""

    generation: int
    seq: int
    hash: bytes
    places: dict[int, bytes]


class Tracer:
    """Answers for one memory."""

    def __init__(self, outbox: Outbox, cloud: CloudLog, key: bytes) -> None:
        """Read through this cloud; `key` is the public half of this process's signing key."""
        self._outbox, self._cloud, self._key = outbox, cloud, key

    async def trace(self, delegation: bytes, seqs: Iterable[int]) -> Traced:
        """What the log has at these places.

        Raises PiccoloError INVALID (DELEGATION_WRONG), DATA_LOSS (CHAIN_BROKEN), and as the cloud answers.
        """
        locator = open_delegation(delegation, self._key).record.locator
        position = (await load(self._outbox)).position
        if position is None or position.hash is None or position.locator != locator:
            return Traced(0, 0, b"", {})
        wanted = {seq for seq in seqs if 0 < seq <= position.seq}
        places = {position.seq: position.hash} if position.seq in wanted else {}
        if wanted - places.keys():
            places |= await self._read(Access(locator, delegation), position, wanted)
        return Traced(position.generation, position.seq, position.hash, places)

    async def _read(self, access: Access, position: Position, wanted: set[int]) -> dict[int, bytes]:
        kept = await self._cloud.head(access)
        first = min((seq for seq in wanted if seq >= kept.first), default=position.seq)
        found: dict[int, bytes] = {}
        before: bytes | None = None
        async with aclosing(prefixes(self._cloud, access, first, position.seq)) as headers:
            async for seq, prefix in headers:
                try:
                    entry = open_header(header_of(prefix), access.locator)
                except FormatError as wrong:
                    raise chain_broken(seq, wrong.message, None) from wrong
                if entry.header.seq != first + len(found) or before not in (None, entry.header.prev):
                    raise chain_broken(seq, "it does not follow the one before", None)
                before = found[entry.header.seq] = entry.record_hash()
        if before != position.hash:
            raise chain_broken(position.seq, "it is another one than it was", None)
        return {seq: found[seq] for seq in wanted if seq in found}
