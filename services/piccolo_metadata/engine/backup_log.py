"""Reads a log's headers from the cloud and believes only what the verifier lets through.

Rules:
* A log is followed from its beginning, or from the snapshot that a pruned one begins with.
* Where the cloud has lost or damaged an entry, following begins anew at the next snapshot, as in a pruned
  log: a rotten header of last year must not cost this year's backups. That there is a hole is told in
  `broken`, and what lies behind it is of no lower generation than what lies before.
* Anything else that does not verify (a fork, a forged entry) ends the log there: nothing behind it is
  believed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_chain import LogVerifier
from piccolo_formats.backup_entry import PREFIX_SIZE, VerifiedHeader, open_header, parse_prefix
from piccolo_formats.errors import FormatError

from piccolo_metadata.core.backup_points import Point, newest_before, point_of
from piccolo_metadata.engine.backup_ports import Access, CloudLog
from piccolo_metadata.engine.backup_words import chain_broken, refused_as

_MOST_HOLES: Final = 1000  # a cloud that finds no end of damage ends the survey, not the patience


class Survey:
    """The verified entries of a log."""

    def __init__(self, cloud: CloudLog, access: Access, first: int = 0) -> None:
        """Begin with nothing read; `first` is the snapshot to begin with (0: the oldest entry kept)."""
        self._cloud, self._access = cloud, access
        self._verifier = LogVerifier(access.locator)
        self._damage: tuple[int, str, Exception] | None = None
        self._next = first
        self._ended = False
        self._holes = 0
        self.points: list[Point] = []

    @property
    def last(self) -> Point | None:
        """The newest verified entry."""
        return self.points[-1] if self.points else None

    @property
    def snapshot(self) -> int:
        """The seq of the newest snapshot; 0 when there is none."""
        return self._verifier.snapshot

    @property
    def broken(self) -> PiccoloError | None:
        """Where the log cannot be followed first, and the newest point that is whole all the same."""
        if self._damage is None:
            return None
        seq, why, cause = self._damage
        whole = newest_before(self.points, 1 << 64)
        error = chain_broken(seq, why, whole.seq if whole else None)
        error.__cause__ = cause
        return error

    @property
    def reaches_the_end(self) -> bool:
        """Whether the newest verified entry is the newest that the cloud has."""
        return not self._ended and self._next in (0, (self.last.seq if self.last else 0) + 1)

    def at(self, seq: int) -> Point | None:
        """The verified entry of that seq; None when it is not kept or not whole."""
        index = bisect_left(self.points, seq, key=lambda point: point.seq)
        found = self.points[index] if index < len(self.points) else None
        return found if found is not None and found.seq == seq else None

    async def extend(self) -> bool:
        """Reads what is new since the last time; returns whether there was anything.

        Raises PiccoloError when the cloud cannot be read at all.
        """
        before = len(self.points)
        while not self._ended:
            try:
                await self._follow()
                break
            except PiccoloError as failed:
                if failed.reason != "LOG_DAMAGED":
                    raise
                self._pass_over(int(failed.details.get("seq", self._next or 1)), failed)
        return len(self.points) > before

    async def _follow(self) -> None:
        """Reads to the log's end, or to where it cannot be followed."""
        async with aclosing(prefixes(self._cloud, self._access, self._next)) as found:
            async for seq, prefix in found:
                try:
                    self._add(seq, header_of(prefix))
                except FormatError as wrong:
                    self._ended = True
                    self._damage = self._damage or (seq, wrong.message, wrong)
                    return
                self._next = seq + 1

    def _add(self, seq: int, header: bytes) -> None:
        begins = self._verifier.last is None
        try:
            entry = self._verifier.add(header)
        except FormatError as wrong:
            # what an interrupted deletion, or damage, leaves of a chain is of no use without its snapshot
            if begins and wrong.reason == "log-order" and seq != 1:
                return
            raise
        if begins and self.last is not None and entry.header.generation < self.last.generation:
            self._verifier = LogVerifier(self._access.locator)
            return
        self.points.append(point_of(entry))

    def _pass_over(self, seq: int, cause: Exception) -> None:
        self._damage = self._damage or (seq, "the cloud has lost or damaged it", cause)
        self._verifier = LogVerifier(self._access.locator)
        self._next = max(seq, self._next) + 1
        self._holes += 1
        self._ended = self._holes > _MOST_HOLES


async def prefixes(
    cloud: CloudLog, access: Access, first: int, last: int = 0
) -> AsyncGenerator[tuple[int, bytes]]:
    """What comes before the bodies of entries, unverified."""
    held = b""
    async with aclosing(cloud.read(access, first, last, headers_only=True)) as pieces:
        async for piece in pieces:
            held += piece.data
            if piece.last:
                yield piece.seq, held
                held = b""


async def headers(
    cloud: CloudLog, access: Access, first: int, last: int = 0
) -> AsyncGenerator[VerifiedHeader]:
    """Headers, each signed by a delegate of this log; whether one follows the other is for others to say.

    Raises PiccoloError DATA_LOSS (LOG_DAMAGED).
    """
    async with aclosing(prefixes(cloud, access, first, last)) as found:
        async for seq, prefix in found:
            with refused_as(Kind.DATA_LOSS, "LOG_DAMAGED", f"Entry {seq} of the backup log is damaged"):
                entry = open_header(header_of(prefix), access.locator)
            yield entry


async def header_at(cloud: CloudLog, access: Access, seq: int) -> VerifiedHeader | None:
    """The header of one entry; None beyond the log's end. Raises PiccoloError DATA_LOSS (LOG_DAMAGED)."""
    async with aclosing(headers(cloud, access, seq, seq)) as found:
        return await anext(found, None)


async def newest_header(cloud: CloudLog, access: Access) -> VerifiedHeader | None:
    """The header of the newest entry; None of an empty log. Raises PiccoloError DATA_LOSS (LOG_DAMAGED)."""
    kept = await cloud.head(access)
    return await header_at(cloud, access, kept.seq) if kept.seq else None


def header_of(prefix: bytes) -> bytes:
    """Signed("entry") in what comes before a body. Raises FormatError when it is not there."""
    length = parse_prefix(prefix[:PREFIX_SIZE])
    return prefix[PREFIX_SIZE : PREFIX_SIZE + length]
