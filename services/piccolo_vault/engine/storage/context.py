"""What every use case of the way of a file works with."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.storage import promise
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.engine.storage.exclusive import Exclusive
from piccolo_vault.engine.storage.pace import Quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from piccolo_formats.secret import Random

    from piccolo_vault.core.storage.erasure import Code
    from piccolo_vault.core.storage.settings import StoreSettings
    from piccolo_vault.engine.storage.nursery import TaskParent
    from piccolo_vault.engine.storage.peers import Peers
    from piccolo_vault.engine.storage.pipeline import Pipeline
    from piccolo_vault.ports.keyring import Keyring
    from piccolo_vault.ports.objects import Objects, Operations

_NUMBERS = 64


class Numbers:
    """The owner's mutation numbers, drawn from metadata some at a time; never one twice, always rising."""

    def __init__(self, objects: Objects, keyring: Keyring) -> None:
        self._objects, self._keyring = objects, keyring
        self._next = self._end = self._generation = 0
        self._lock = asyncio.Lock()

    async def draw(self) -> int:
        """Returns the next number. Raises PiccoloError PRECONDITION, GENERATION_MOVED on an older device."""
        async with self._lock:
            if self._next == self._end or self._generation != self._keyring.generation():
                first, generation = await self._objects.reserve(_NUMBERS)
                if generation != self._keyring.generation():
                    raise PiccoloError(
                        Kind.PRECONDITION,
                        "GENERATION_MOVED",
                        "This device's certificate is of another generation than its memory; restart it.",
                    )
                self._next, self._end, self._generation = first, first + _NUMBERS, generation
            self._next += 1
            return self._next - 1


@dataclass(slots=True)
class Context:
    """The world as the use cases see it. `now`: seconds since 1970."""

    keyring: Keyring
    peers: Peers
    objects: Objects
    operations: Operations
    pipeline: Pipeline
    settings: StoreSettings
    random: Random
    now: Callable[[], float]
    numbers: Numbers
    tasks: TaskParent
    repairs_due: asyncio.Event = field(default_factory=asyncio.Event)
    chores_due: asyncio.Event = field(default_factory=asyncio.Event)
    quiet: Quiet = field(default_factory=Quiet)
    placing: Exclusive[bytes] = field(default_factory=Exclusive)
    """Objects whose fragments are being moved, rebuilt or buried, by id."""
    wanted: tuple[int, int] = (0, 0)
    _ask_again: float = 0.0

    async def code(self) -> Code:
        """Returns the code of a new object, by what the owner wants, or did when asked just before.

        Raises PiccoloError NO_KEEPERS, TWO_DEVICES, REDUNDANCY, and UNAVAILABLE while metadata is away.
        """
        now = asyncio.get_running_loop().time()
        if now < self._ask_again:
            with suppress(PiccoloError):  # before a no the owner is asked
                return self._code()
        self.wanted = await self.objects.redundancy()
        self._ask_again = now + self.settings.heard_seconds
        return self._code()

    async def check_code(self) -> None:
        """Raises what `code` would raise. Most files go into an object with others, so what was heard last is
        enough for a yes; before a no the owner is asked."""
        try:
            self._code()
        except PiccoloError:
            await self.code()

    def _code(self) -> Code:
        return promise.code_for(
            self.peers.devices(),
            at_risk_agreed=self.peers.circle().at_risk_agreed,
            wanted=self.wanted if any(self.wanted) else self.settings.wanted_code,
        )

    def promise(self, code: Code, *, at_risk: bool, losses: int = 0) -> Promise:
        """Returns what must hold before yes: with one fragment only what the circle agreed to is possible.

        `losses`: so many should be survived at least, as far as the code can.
        """
        least = Promise.of(at_risk=at_risk or code.m == 1)
        return Promise(max(least.losses, min(losses, code.m - code.k)))

    def time(self) -> int:
        """Returns whole seconds since 1970."""
        return int(self.now())
