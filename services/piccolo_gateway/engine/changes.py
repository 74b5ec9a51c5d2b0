"""That something has changed, for every screen that shows it.

Rules:
* Each topic has a tag; another tag is that it may have changed, and whoever shows it reads it again. Who
  listens hears all present tags first, then each that becomes another: so nothing is missed, also over a
  restart, and who is slow hears the last one.
* A call that changed something tells its noun; whatever door it came by.
* What changes by itself, without a word from its service, is looked at every few seconds, once for all who
  listen and only while somebody does, and at once after a call that may have changed it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
from piccolo_chassis.errors import PiccoloError

_HERE: Final = ("sessions", "tokens", "shares", "network")
_LOOKED_AT: Final = frozenset({"device", "safety", "circle", "recovery"})
_TOLD_BY_METADATA: Final = frozenset(
    {"files", "directories", "trash", "uploads", "settings", "operations", "audit", "about"}
)


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at, and after how many seconds again."""

    read: Callable[[], Awaitable[msgspec.Struct]]
    seconds: float


class Changes:
    """The tags of what this process and its looks know."""

    def __init__(self, boot: str, looks: Mapping[str, Look]) -> None:
        """Prepares it.

        Args:
            boot: a text that no other process ever had: counts begin anew with each.
            looks: what is looked at, by topic.
        """
        self._boot, self._looks = boot, looks
        self._counts = dict.fromkeys(_HERE, 0)
        self._seen: dict[str, str] = {}
        self._listeners = 0
        self._changed, self._look_now = asyncio.Event(), asyncio.Event()

    def called(self, noun: str) -> None:
        """A call changed something of a noun of the API."""
        if noun in _LOOKED_AT:
            self._look_now.set()
        elif noun not in _TOLD_BY_METADATA:
            self.tell(noun)

    def tell(self, topic: str) -> None:
        """Something has changed."""
        self._counts[topic] = self._counts.get(topic, 0) + 1
        self._wake()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """Topics and their tags: all that are known, then those that become others."""
        self._listeners += 1
        looking = asyncio.ensure_future(self._look()) if self._listeners == 1 else None
        if looking is not None:
            self._looking = looking
        try:
            yield self._news()
        finally:
            self._listeners -= 1
            if not self._listeners:
                ended = self._looking
                ended.cancel()
                await asyncio.gather(ended, return_exceptions=True)

    async def _news(self) -> AsyncIterator[tuple[str, str]]:
        told: dict[str, str] = {}
        while True:
            changed = self._changed
            counted = {topic: f"{self._boot}-{count}" for topic, count in self._counts.items()}
            for topic, tag in {**counted, **self._seen}.items():
                if told.get(topic) != tag:
                    told[topic] = tag
                    yield topic, tag
            await changed.wait()

    async def _look(self) -> None:
        clock, due = asyncio.get_running_loop().time, dict.fromkeys(self._looks, 0.0)
        while True:
            now, asked = clock(), self._look_now.is_set()
            self._look_now.clear()
            for topic, look in self._looks.items():
                if asked or due[topic] <= now:
                    await self._look_at(topic, look)
                    due[topic] = clock() + look.seconds
            with suppress(TimeoutError):
                async with asyncio.timeout(min(due.values(), default=now + 60.0) - clock()):
                    await self._look_now.wait()

    async def _look_at(self, topic: str, look: Look) -> None:
        with suppress(PiccoloError):  # away, locked, or there is no circle yet
            tag = sha256(msgspec.json.encode(await look.read())).hexdigest()[:16]
            if self._seen.get(topic) != tag:
                self._seen[topic] = tag
                self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
