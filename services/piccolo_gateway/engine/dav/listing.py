"""PROPFIND: an entry and, at depth 1, what is in it, page by page.

Rules:
* A page at a time is in memory, however large the directory.
* What was noted is only fetched where it may be asked for; the quota likewise, and it is believed for a
  minute.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core.dav import live, multistatus
from piccolo_gateway.core.dav.asked import Propfind, Wanted
from piccolo_gateway.core.dav.headers import href
from piccolo_gateway.core.dav.live import PROTECTED, QUOTA, Quota
from piccolo_gateway.core.dav.locks import LockTable
from piccolo_gateway.core.dav.quota import quota
from piccolo_gateway.ports.dav import DavFiles, Noted
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.ports.store import Store

_BELIEVED: Final = 60.0


class Listing:
    """Tells of entries."""

    def __init__(self, files: Files, names: DavFiles, store: Store, locks: LockTable, clock: Clock) -> None:
        self._files, self._names, self._store, self._locks, self._clock = files, names, store, locks, clock
        self._quota: Quota | None = None
        self._quota_until = float("-inf")

    async def responses(self, path: str, asked: Propfind, *, children: bool) -> AsyncIterator[str]:
        """A `response` element for the entry, then one for each child."""
        noted = asked.wanted is not Wanted.SOME or not PROTECTED.issuperset(asked.names)
        room = None if QUOTA.isdisjoint(asked.names) else await self._room()
        own = await self._names.stat(path, noted=noted)
        yield self._response(own, asked, room)
        token = ""
        while children and own.entry.kind == "directory":
            page, token = await self._names.list(path, noted=noted, page_token=token)
            for one in page:
                yield self._response(one, asked, room)
            children = bool(token)

    def _response(self, noted: Noted, asked: Propfind, room: Quota | None) -> str:
        entry, now = noted.entry, self._clock.running()
        known = live.of(entry, self._locks.covering(entry.path, now), now, room)
        where = href(entry.path, directory=entry.kind == "directory")
        return multistatus.response(where, multistatus.found(asked, known, noted.properties))

    async def _room(self) -> Quota | None:
        """None when nobody can tell: a device without a circle, or one whose members were not heard yet."""
        if self._clock.running() >= self._quota_until:
            found = None
            with suppress(PiccoloError):
                members, _ = await self._store.members()
                found = quota(members, (await self._files.totals("/")).bytes)
            self._quota, self._quota_until = found, self._clock.running() + _BELIEVED
        return self._quota
