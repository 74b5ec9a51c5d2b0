"""LOCK and UNLOCK.

Rules:
* A lock on a name that is free makes an empty file there (RFC 4918, section 7.3).
* Who asks again with its token begins the lock's time anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.core.dav.asked import Lockinfo
from piccolo_gateway.core.dav.locks import Lock
from piccolo_gateway.engine.dav.changes import Changes
from piccolo_gateway.engine.dav.guard import Asked, Guard
from piccolo_gateway.ports.machine import Clock

_TOKEN_BYTES: Final = 16


class Locking:
    """Locks and unlocks."""

    def __init__(self, changes: Changes, guard: Guard, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._changes, self._guard, self._clock, self._random = changes, guard, clock, random

    async def lock(self, asked: Asked, info: Lockinfo, *, deep: bool, seconds: int) -> tuple[Lock, bool]:
        """A new lock, and whether an empty file was made for it.

        Raises PiccoloError LOCKED (LOCK_CONFLICT, LOCK_TOKEN_NEEDED), CONFLICT or EXHAUSTED.
        """
        present = await self._guard.judge(asked)
        if present is None:
            await self._changes.may_make(asked)
        lock = self._new(asked, info, present, deep=deep, seconds=seconds)
        self._guard.locks.grant(lock, self._clock.running())
        if present is not None:
            return lock, False
        try:
            return lock, await self._changes.make_empty(asked)
        except BaseException:
            self._release(lock)
            raise

    async def refresh(self, asked: Asked, seconds: int) -> Lock:
        """Begins a lock's time anew. Raises PiccoloError CONFLICT (PRECONDITION_FAILED, LOCK_GONE)."""
        await self._guard.judge(asked)
        now = self._clock.running()
        return self._guard.locks.refresh(asked.path, asked.tokens, asked.holder, seconds, now)

    def unlock(self, asked: Asked, token: str) -> None:
        """Ends a lock. Raises PiccoloError CONFLICT (LOCK_FOREIGN) or DENIED (LOCK_OF_ANOTHER)."""
        self._guard.locks.release(asked.path, token, asked.holder, self._clock.running())

    def _new(self, asked: Asked, info: Lockinfo, present: Entry | None, *, deep: bool, seconds: int) -> Lock:
        return Lock(
            token=uuid.UUID(bytes=self._random(_TOKEN_BYTES), version=4).urn,
            path=asked.path,
            deep=deep,
            exclusive=info.exclusive,
            holder=asked.holder,
            owner=info.owner,
            seconds=seconds,
            ends=self._clock.running() + seconds,
            directory=present is not None and present.kind == "directory",
        )

    def _release(self, lock: Lock) -> None:
        with suppress(PiccoloError):  # its time may be over
            self._guard.locks.release(lock.path, lock.token, lock.holder, self._clock.running())
