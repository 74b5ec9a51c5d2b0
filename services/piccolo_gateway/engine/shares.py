"""Share links: made, shown, followed, ended; kept in metadata.

Rules:
* That a download was begun is kept before its ticket is told: a restart gives nobody a further one.
* What is kept is read at most every half minute, whatever strangers send.
* Passwords are judged one at a time, slower after each wrong one; the delays are each link's own.
* What a link leads to is looked up by the entry's id each time.
* Of each link so many downloads may begin at once, then one a minute: each costs a line of the audit log and
  of the backup, for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import shares as core
from piccolo_gateway.core.api import PREFIX
from piccolo_gateway.core.bodies import shares as bodies
from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.core.seldom import Firsts, Rate
from piccolo_gateway.core.shares import Record
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.machine import Clock, Passwords
from piccolo_gateway.ports.memory import State

AT_ONCE: Final = 100
_PACE_SECONDS: Final = 60.0
_TICKETS: Final = 4096
_BELIEVED: Final = 30.0
_MOST: Final = 1000


class Shares:
    """All links."""

    def __init__(
        self, state: State, files: Files, passwords: Passwords, clock: Clock, random: Callable[[int], bytes]
    ) -> None:
        self._state, self._files, self._passwords = state, files, passwords
        self._clock, self._random = clock, random
        self._known: dict[str, Record] = {}
        self._read_at = float("-inf")
        self._busy, self._guessing = asyncio.Lock(), asyncio.Lock()
        self._wrong: dict[str, tuple[int, float]] = {}
        self._beginning, self._noting = Rate(AT_ONCE, _PACE_SECONDS), Rate(AT_ONCE, _PACE_SECONDS)
        self._tickets = Firsts(_TICKETS)

    async def make(self, asked: bodies.NewShare) -> bodies.MadeShare:
        """A new link. Raises PiccoloError NOT_FOUND, or EXHAUSTED (TOO_MANY_SHARES)."""
        entry, now = await self._files.stat(asked.path), self._clock.now()
        password = await self._passwords.make(asked.password) if asked.password else ""
        made = core.make(asked, entry.entry_id, entry.path, entry.kind, now, self._random(core.RANDOM_BYTES))
        record = msgspec.structs.replace(made.record, password=password)
        async with self._busy:
            await self._read(0)
            await self._forget(now - core.REMEMBERED)
            if len(self._known) >= _MOST:
                raise PiccoloError(
                    Kind.EXHAUSTED, "TOO_MANY_SHARES", f"There are {_MOST} links; end one first."
                )
            await self._keep(record)
        told = msgspec.structs.asdict(record.told(now, entry.path))
        return bodies.MadeShare(**told, secret=made.secret, address=f"/s/{made.secret}")

    async def all(self) -> list[bodies.Share]:
        """All links, the latest first."""
        async with self._busy:
            await self._read(0)
            records = sorted(self._known.values(), key=lambda record: record.created, reverse=True)
        return [await self._told(record) for record in records]

    async def end(self, share_id: str) -> Record:
        """Ends a link, and what was begun with it. Raises PiccoloError NOT_FOUND (SHARE_NOT_FOUND)."""
        async with self._busy:
            await self._read(0)
            for record in self._known.values():
                if record.share_id == share_id:
                    await self._state.remove(core.KEY + share_id)
                    del self._known[record.digest]
                    return record
        raise PiccoloError(Kind.NOT_FOUND, "SHARE_NOT_FOUND", "There is no such link (any more).")

    async def find(self, secret: str) -> Record:
        """The link of a secret, where a download may be begun. Raises PiccoloError NOT_FOUND (SHARE_OVER)."""
        record = await self._find(secret)
        if not record.open(self._clock.now()):
            raise core.over()
        return record

    async def show(self, record: Record, password: str | None) -> bodies.Shared:
        """A link as its holder sees it; without its password that is little.

        Raises PiccoloError NOT_FOUND (SHARE_OVER), DENIED (SHARE_PASSWORD_WRONG) or EXHAUSTED.
        """
        entry = await self.entry(record)
        if password is None and record.password:
            return record.shown(None)
        await self._judge(record, password or "")
        size, files = entry.size, 1
        if entry.kind == "directory":
            totals = await self._files.totals(entry.path)
            size, files = totals.bytes, totals.files
        name = entry.path.rpartition("/")[2]
        return record.shown(bodies.SharedEntry(name=name, kind=entry.kind, size=size, files=files))

    async def begin(self, record: Record, secret: str, password: str) -> bodies.BegunDownload:
        """Begins a download, which counts. Raises as `show`; EXHAUSTED (SHARE_BUSY) after too many."""
        await self._judge(record, password)
        async with self._busy:
            await self._read(0)
            present = self._known.get(record.digest)
            now = self._clock.now()
            if present is None or not present.open(now):
                raise core.over()
            if wait := self._beginning.spend(record.share_id, self._clock.running()):
                raise _busy(wait)
            await self._keep(msgspec.structs.replace(present, used=present.used + 1))
        until = now + core.TICKET_SECONDS
        address = f"{PREFIX}/shared/{secret}/content?ticket={record.ticket(until)}"
        return bodies.BegunDownload(address=address, until=until)

    async def admitted(self, secret: str, ticket: str) -> Record:
        """The link of a good ticket. Raises PiccoloError NOT_FOUND (SHARE_OVER)."""
        record = await self._find(secret)
        if not record.admits(ticket, self._clock.now()):
            raise core.over()
        return record

    def require(self, record: Record) -> None:
        """Lets a download go on. Raises PiccoloError NOT_FOUND (SHARE_OVER) when its link was withdrawn."""
        if record.digest not in self._known:
            raise core.over()

    def first(self, record: Record, ticket: str) -> bool:
        """Whether a ticket's first use is to be noted now."""
        new = self._tickets.first(f"{record.share_id} {ticket}")
        return new and not self._noting.spend(record.share_id, self._clock.running())

    async def entry(self, record: Record) -> Entry:
        """Where a link leads now. Raises PiccoloError NOT_FOUND (SHARE_OVER)."""
        try:
            return await self._files.locate(record.entry_id)
        except PiccoloError as failed:
            raise (core.over() if failed.kind is Kind.NOT_FOUND else failed) from failed

    async def _find(self, secret: str) -> Record:
        if self._clock.running() - self._read_at > _BELIEVED:
            async with self._busy:
                await self._read(_BELIEVED)
        record = self._known.get(core.digest(secret))
        if record is None:
            raise core.over()
        return record

    async def _told(self, record: Record) -> bodies.Share:
        try:
            path: str | None = (await self._files.locate(record.entry_id)).path
        except PiccoloError as failed:
            if failed.kind is not Kind.NOT_FOUND:
                raise
            path = None
        return record.told(self._clock.now(), path)

    async def _judge(self, record: Record, password: str) -> None:
        """Returns when the password is the link's, or it has none."""
        if not record.password:
            return
        async with self._one_guess(record):
            if await self._passwords.fits(record.password, password):
                self._wrong.pop(record.share_id, None)
                return
            wrong = self._wrong.get(record.share_id, (0, 0.0))[0] + 1
            self._wrong[record.share_id] = (wrong, self._clock.running() + core.delay(wrong))
        raise PiccoloError(Kind.DENIED, "SHARE_PASSWORD_WRONG", "This is not the link's password.")

    @asynccontextmanager
    async def _one_guess(self, record: Record) -> AsyncIterator[None]:
        wait = self._wrong.get(record.share_id, (0, 0.0))[1] - self._clock.running()
        if wait > 0 or self._guessing.locked():
            raise PiccoloError(
                Kind.EXHAUSTED,
                "SHARE_PASSWORD_DELAY",
                "After wrong passwords the next must wait. Try again in a moment.",
                {"retry_after": str(max(1.0, wait))},
            )
        async with self._guessing:
            yield

    async def _read(self, believed: float) -> None:
        if self._clock.running() - self._read_at <= believed:
            return
        kept = await self._state.list(core.KEY)
        records = [record for value in kept.values() if (record := core.decode(value))]
        self._known = {record.digest: record for record in records}
        self._read_at = self._clock.running()

    async def _forget(self, before: int) -> None:
        old = [record for record in self._known.values() if record.expires < before]
        if old:
            await self._state.remove(*(core.KEY + record.share_id for record in old))
            for record in old:
                del self._known[record.digest]

    async def _keep(self, record: Record) -> None:
        await self._state.put({core.KEY + record.share_id: record.encode()})
        self._known[record.digest] = record


def _busy(wait: float) -> PiccoloError:
    return PiccoloError(
        Kind.EXHAUSTED,
        "SHARE_BUSY",
        "Many downloads were begun by this link. Try again in a moment.",
        {"retry_after": str(max(1.0, wait))},
    )
