"""Reads a log's headers from the cloud and believes only what the verifier lets through."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from piccolo_chassis.errors import PiccoloError
from piccolo_formats.backup_chain import LogVerifier
from piccolo_formats.backup_entry import PREFIX_SIZE, parse_prefix
from piccolo_formats.errors import FormatError

from piccolo_metadata.core.backup_points import Point, newest_before, point_of
from piccolo_metadata.engine.backup_ports import Access, CloudLog
from piccolo_metadata.engine.backup_words import chain_broken


class Survey:
    """The verified entries of a log, as far as they are whole."""

    def __init__(self, cloud: CloudLog, access: Access) -> None:
        """Begin with nothing read."""
        self._cloud, self._access = cloud, access
        self.verifier = LogVerifier(access.locator)
        self.points: list[Point] = []
        self.broken: PiccoloError | None = None

    @property
    def last(self) -> Point | None:
        """The newest verified entry."""
        return self.points[-1] if self.points else None

    def at(self, seq: int) -> Point | None:
        """The verified entry of that seq; None when it is not kept or not whole."""
        index = seq - self.points[0].seq if self.points else -1
        return self.points[index] if 0 <= index < len(self.points) else None

    async def extend(self) -> bool:
        """Reads what is new since the last time; returns whether there was anything.

        A place from which the log cannot be followed is told in `broken`. Raises PiccoloError when the cloud
        cannot be read at all.
        """
        before = len(self.points)
        after = self.points[-1].seq if self.points else 0
        seq = after
        try:
            async with aclosing(prefixes(self._cloud, self._access, after + 1 if after else 0)) as found:
                async for seq, prefix in found:
                    self._add(seq, header_of(prefix))
        except PiccoloError as failed:
            if failed.reason != "LOG_DAMAGED":
                raise
            self._break(int(failed.details.get("seq", seq + 1)), "the cloud has lost or damaged it", failed)
        except FormatError as wrong:
            self._break(seq, wrong.message, wrong)
        return len(self.points) > before

    def _add(self, seq: int, header: bytes) -> None:
        try:
            self.points.append(point_of(self.verifier.add(header)))
        except FormatError as wrong:
            # what an interrupted deletion of old chains leaves in front is of no use and no harm
            if wrong.reason == "log-order" and not self.points and seq != 1:
                return
            raise

    def _break(self, seq: int, why: str, cause: Exception) -> None:
        whole = newest_before(self.points, seq)
        self.broken = chain_broken(seq, why, whole.seq if whole else None)
        self.broken.__cause__ = cause


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


def header_of(prefix: bytes) -> bytes:
    """Signed("entry") in what comes before a body. Raises FormatError when it is not there."""
    length = parse_prefix(prefix[:PREFIX_SIZE])
    return prefix[PREFIX_SIZE : PREFIX_SIZE + length]
