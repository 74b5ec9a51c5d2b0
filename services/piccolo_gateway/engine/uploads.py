"""Resumable uploads (tus 1.0) on the vault's named uploads.

Rules:
* What an upload is for is kept in metadata before the client learns its address: a restart of any process
  loses no upload. How far it is, the vault knows alone.
* The offset that a client hears is what the vault has; after a crash of the vault it may be less than
  before, and the client goes on from there.
* To a client of tus "all bytes are here" means "stored", and it does not come back: that is said only when
  the file has its name, and whoever asks gives it.
* What is known of an upload goes after its bytes, never before: else these would lie in the vault for ever.
* An upload that is done is remembered for a day, for clients that missed the answer; one that is not
  touched for a week ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_gateway.core.tus import Target
from piccolo_gateway.engine.pump import DURABLE, Pump, nothing, with_durable
from piccolo_gateway.engine.slots import Slots
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.ports.memory import State
from piccolo_gateway.ports.store import Store, WriteStart, Writing

_KEY: Final = "upload/"
_LIFETIME: Final = 7 * 86400
_REMEMBERED: Final = 86400
_MOST: Final = 1000
_PARK_SECONDS: Final = 15.0
_FINISH_SECONDS: Final = 60.0
_SWEEP_SECONDS: Final = 3600.0
_RESUMABLE: Final = frozenset({Kind.UNAVAILABLE, Kind.TIMEOUT, Kind.CANCELLED, Kind.LOCKED})
_log = logging.getLogger(__name__)


class Record(msgspec.Struct, frozen=True):
    """An upload as it is kept."""

    upload_id: str
    path: str
    media: str
    modified: int
    size: int
    expires: int
    version_id: str = ""

    @property
    def done(self) -> bool:
        """Whether the file has its name."""
        return bool(self.version_id)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is."""

    record: Record
    offset: int


class Uploads:
    """All resumable uploads."""

    def __init__(
        self,
        store: Store,
        state: State,
        pump: Pump,
        slots: Slots,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        self._store, self._state, self._pump, self._slots = store, state, pump, slots
        self._clock, self._random = clock, random
        self._finishing: dict[str, asyncio.Future[Progress]] = {}

    async def create(self, target: Target, size: int, pieces: AsyncIterator[bytes] | None) -> Progress:
        """Begins an upload, perhaps with its first bytes.

        Raises PiccoloError EXHAUSTED (TOO_MANY_UPLOADS).
        """
        if len(await self._state.list(_KEY)) >= _MOST:
            raise PiccoloError(
                Kind.EXHAUSTED, "TOO_MANY_UPLOADS", f"There are {_MOST} open uploads; end one first."
            )
        expires = self._clock.now() + _LIFETIME
        upload_id = self._random(16).hex()
        record = Record(upload_id, target.path, target.media, target.modified, size, expires)
        await self._keep(record)
        if size and pieces is None:
            return Progress(record, 0)
        try:
            return await self._append(record, 0, pieces or nothing())
        except PiccoloError as failed:
            if failed.kind not in _RESUMABLE:
                await self._give_up(upload_id)
                raise
            details = {**failed.details, "upload_id": upload_id}  # else nobody could go on with it
            raise PiccoloError(failed.kind, failed.reason, failed.message, details) from failed

    async def look(self, upload_id: str) -> Progress:
        """How far an upload is; one whose bytes are all here is stored first, which raises as `append`.

        Raises PiccoloError NOT_FOUND (NO_UPLOAD, UPLOAD_OVER).
        """
        progress = await self._look(upload_id)
        if progress.record.done or progress.offset < progress.record.size:
            return progress
        return await self._append(progress.record, progress.offset, nothing())

    async def append(self, upload_id: str, offset: int, pieces: AsyncIterator[bytes]) -> Progress:
        """Goes on with an upload. Raises as `look`; CONFLICT (UPLOAD_OFFSET) when it is not there."""
        progress = await self._look(upload_id)
        if progress.offset != offset:
            raise _elsewhere(progress.offset)
        if progress.record.done:
            return progress
        return await self._append(await self._refreshed(progress.record), offset, pieces)

    async def end(self, upload_id: str) -> None:
        """Ends an upload for good; a file that is done stays. Raises as `look`."""
        record = await self._find(upload_id)
        if not record.done:
            await self._store.abandon(upload_id)
        await self._state.remove(_KEY + upload_id)

    async def sweep(self) -> None:
        """For ever: ends what expired."""
        while True:
            try:
                await self._sweep()
            except PiccoloError as failed:
                _log.warning("sweeping uploads failed", extra=fields(reason=failed.reason))
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _sweep(self) -> None:
        now = self._clock.now()
        for key, value in (await self._state.list(_KEY)).items():
            record = _decode(value)
            if record is None or record.expires <= now:
                if record is None or not record.done:
                    await self._store.abandon(key.removeprefix(_KEY))
                await self._state.remove(key)

    async def _give_up(self, upload_id: str) -> None:
        """Ends an upload that nobody can go on with; what cannot be ended now is when it expires."""
        with suppress(PiccoloError):
            await self._store.abandon(upload_id)
            await self._state.remove(_KEY + upload_id)

    async def _look(self, upload_id: str) -> Progress:
        if (finishing := self._finishing.get(upload_id)) is not None:
            await asyncio.wait({finishing})
        record = await self._find(upload_id)
        if record.done:
            return Progress(record, record.size)
        state = await self._store.upload(upload_id)
        return Progress(record, state.offset if state else 0)

    async def _append(self, record: Record, offset: int, pieces: AsyncIterator[bytes]) -> Progress:
        async with self._slots.one(), self._store.write(_start(record)) as writing:
            if (at := await writing.offset()) != offset:
                raise _elsewhere(at)
            try:
                total = offset + await self._pump.move(pieces, writing, record.size - offset)
            except PiccoloError as failed:
                raise await self._parked(record, writing, failed) from failed
            except asyncio.CancelledError:
                await _park(writing)  # the client is gone, and may come back
                raise
            if total == record.size:
                return await self._complete(record, writing)
            await writing.park()
        state = await self._store.upload(record.upload_id)
        return Progress(record, state.offset if state else 0)

    async def _parked(self, record: Record, writing: Writing, failed: PiccoloError) -> PiccoloError:
        """The failure, after the vault has put away what came, with how much that is."""
        if writing.ended.is_set():
            return failed
        await _park(writing)
        try:
            state = await self._store.upload(record.upload_id)
        except PiccoloError:
            return failed
        details = {key: value for key, value in failed.details.items() if key != DURABLE}
        error = PiccoloError(failed.kind, failed.reason, failed.message, details)
        return with_durable(error, state.offset if state else 0)

    async def _complete(self, record: Record, writing: Writing) -> Progress:
        """Gives the file its name; a client that goes away now finds it done when it comes back."""
        finishing = asyncio.ensure_future(self._finish(record, writing))
        self._finishing[record.upload_id] = finishing
        try:
            return await asyncio.shield(finishing)
        except asyncio.CancelledError:
            await asyncio.wait({finishing}, timeout=_FINISH_SECONDS)
            finishing.cancel()
            await asyncio.gather(finishing, return_exceptions=True)
            raise
        finally:
            if self._finishing.get(record.upload_id) is finishing:  # and not that of a stream that took over
                self._finishing.pop(record.upload_id)

    async def _finish(self, record: Record, writing: Writing) -> Progress:
        written = await self._pump.finish(writing, record.size)
        expires = self._clock.now() + _REMEMBERED
        done = msgspec.structs.replace(record, version_id=written.version_id, expires=expires)
        await self._keep(done)
        return Progress(done, record.size)

    async def _refreshed(self, record: Record) -> Record:
        expires = self._clock.now() + _LIFETIME
        if expires - record.expires < _LIFETIME // 2:
            return record
        later = msgspec.structs.replace(record, expires=expires)
        await self._keep(later)
        return later

    async def _find(self, upload_id: str) -> Record:
        value = await self._state.get(_KEY + upload_id)
        record = _decode(value) if value is not None else None
        if record is None:
            raise PiccoloError(
                Kind.NOT_FOUND, "NO_UPLOAD", "There is no such upload: it was ended, or has expired."
            )
        if record.expires <= self._clock.now():
            raise PiccoloError(Kind.NOT_FOUND, "UPLOAD_OVER", "This upload has expired.")
        return record

    async def _keep(self, record: Record) -> None:
        await self._state.put({_KEY + record.upload_id: msgspec.json.encode(record)})


async def _park(writing: Writing) -> None:
    """Lets the vault put away what came, if it still can: a stream that is cancelled keeps less."""
    with suppress(PiccoloError, TimeoutError):
        async with asyncio.timeout(_PARK_SECONDS):
            await writing.park()


def _decode(value: bytes) -> Record | None:
    try:
        return msgspec.json.decode(value, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _start(record: Record) -> WriteStart:
    return WriteStart(
        record.path,
        modified=record.modified,
        media=record.media,
        upload_id=record.upload_id,
        size=record.size,
    )


def _elsewhere(offset: int) -> PiccoloError:
    return PiccoloError(
        Kind.CONFLICT,
        "UPLOAD_OFFSET",
        f"The upload is at {offset} bytes; go on from there.",
        {DURABLE: str(offset)},
    )
