"""Processes are killed at any moment of anything that an owner does; everything owed is there all the same.

Rules:
* One seed and one round's number decide what is done, who is killed, and when.
* A killed process is started again, as its manager does; one device at a time, so that no more is lost than
  was promised to be bearable.
* What the owner's programs saw acknowledged is owed; every refusal and every cut connection is no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol, TypeAlias

import aiohttp

from integration.bad_days.promises import NOTHING, Content, Promises, content_of
from integration.circle import Circle, Say
from integration.client import ApiError, Client, OperationFailedError
from integration.device import SERVICES, Box

_SIZES: Final = (0, 1, 3_000, 60_000, 262_144, 262_145, 1_048_576, 3_500_000, 4_194_305, 9_000_000)
_PATHS: Final = 24
_SAMPLE: Final = 4
_READY_SECONDS: Final = 300.0
_ACT_SECONDS: Final = 120.0
NO_ANSWER: Final = (ApiError, aiohttp.ClientError, OperationFailedError, TimeoutError)

_DONE: Final = "done"

Act: TypeAlias = Callable[[Random], Coroutine[Any, Any, None]]


class Harm(Protocol):
    """What befalls a circle in one round."""

    async def die(self) -> None:
        """Waits for the moment, and does it."""

    async def restart(self) -> None:
        """Whatever died runs again."""


@dataclass(frozen=True, slots=True)
class Victim:
    """Processes of one box that die together, so many seconds from now."""

    box: Box
    names: tuple[str, ...]
    after: float

    async def die(self) -> None:
        """No warning is given."""
        await asyncio.sleep(self.after)  # the moment is what is at random
        await self.box.kill(self.names)

    async def restart(self) -> None:
        """They are started as a service manager starts them."""
        await self.box.run({name: self.box.settings(name) for name in self.names})

    def __str__(self) -> str:
        """Whose they are, what, and when."""
        return f"after {self.after:.3f} s {self.box.name} loses {', '.join(self.names)}"


@dataclass(slots=True)
class Kills:
    """Rounds on one circle; the first owner's files are at stake."""

    made: Circle
    seed: int
    say: Say
    promises: Promises = field(default_factory=Promises)

    @property
    def api(self) -> Client:
        """The owner's way in."""
        return self.made.owners[0].api

    async def round(self, number: int) -> None:
        """One act, again and again until somebody dies, and what is owed then. Raises BrokenPromiseError."""
        chance = Random(f"{self.seed}/{number}")
        act = chance.choices(list(acts := self._acts()), list(acts.values()))[0]
        await self._before(act)
        harm = self._harm(chance)
        self.say(f"round {number}: {act.__name__.strip('_')}, and {harm}")
        dead = asyncio.Event()
        working = asyncio.ensure_future(_repeated(act, chance, dead))
        await harm.die()
        dead.set()
        await harm.restart()
        self.say(f"round {number}: {await working}")
        await self._ready()
        await self._after(act)
        await self._look(chance.sample(self.promises.paths(), k=min(_SAMPLE, len(self.promises.paths()))))

    async def everything(self) -> None:
        """Nothing that is owed is missing, and nothing else is there. Raises BrokenPromiseError."""
        await self._ready()
        await self._look(self.promises.paths())
        async for entry in self.api.list():
            if entry["version_id"] and entry["path"] not in self.promises.there():
                self.promises.seen(entry["path"], await self._read(entry["path"]))

    async def healed(self) -> int:
        """Lets the circle repair; returns how many losses everything survives then."""
        await self.api.check()
        await self.api.repair()
        return (await self.api.health()).survives

    async def _before(self, act: Act) -> None:
        """What must have happened for an act to make sense."""
        if act == self._recover:
            await self._burn()

    async def _after(self, act: Act) -> None:
        """Carries to its end, in peace, what an act began and later rounds build on."""

    def _acts(self) -> dict[Act, int]:
        """What may be done, and how often in comparison."""
        return {
            self._put: 8,
            self._put_many: 3,
            self._get: 3,
            self._remove: 3,
            self._check_and_repair: 2,
            self._lock: 1,
            self._back_up: 1,
            self._recover: 1,
        }

    def _harm(self, chance: Random) -> Harm:
        box, names = self._victim(chance)
        return Victim(box, names, chance.uniform(0, 0.02 * 2 ** chance.randrange(7)))

    def _victim(self, chance: Random) -> tuple[Box, tuple[str, ...]]:
        owner, *others = (each.device for each in self.made.owners)
        match chance.randrange(10):
            case 0:
                return self.made.cloud, ("cloud",)
            case 1 | 2:
                return chance.choice(others), SERVICES
            case 3 | 4:
                return chance.choice(others), ("fragment-store",)
            case 5:
                return owner, SERVICES
            case _:
                return owner, (chance.choice(SERVICES),)

    # --- what the owner does ---

    async def _put(self, chance: Random) -> None:
        await self.store(f"/{chance.randrange(_PATHS)}", chance.randbytes(chance.choice(_SIZES)))

    async def _put_many(self, chance: Random) -> None:
        paths = chance.sample(range(_PATHS), k=12)
        files = {f"/many/{number}": chance.randbytes(chance.randrange(5_000)) for number in paths}
        await asyncio.gather(*(unanswered(self.store(path, data)) for path, data in files.items()))

    async def _get(self, chance: Random) -> None:
        if there := self.promises.there():
            await self._look([chance.choice(there)])

    async def _remove(self, chance: Random) -> None:
        await self.store(f"/{chance.randrange(_PATHS)}", chance.randbytes(1_000))
        if there := self.promises.there():
            path = chance.choice(there)
            self.promises.asked(path, NOTHING)
            await self.api.delete(path)
            self.promises.acknowledged(path, NOTHING)

    async def _check_and_repair(self, chance: Random) -> None:
        await self.api.check(percent=chance.choice((0, 100)), seconds=_ACT_SECONDS)
        await self.api.repair(seconds=_ACT_SECONDS)

    async def _lock(self, _: Random) -> None:
        await self.api.lock()

    async def _back_up(self, _: Random) -> None:
        await self.api.backed_up(_ACT_SECONDS)
        self.promises.saved()

    async def _recover(self, _: Random) -> None:
        if (await self.api.status())["keys"] == "empty":
            await self.api.recover(seconds=_ACT_SECONDS)

    async def _burn(self) -> None:
        owner = self.made.owners[0]
        self.promises.burned()
        await owner.burn()
        await owner.start()

    async def store(self, path: str, data: bytes) -> None:
        """Puts a file, and notes what was asked for and what was acknowledged."""
        content = content_of(data)
        self.promises.asked(path, content)
        await self.api.put(path, data)
        self.promises.acknowledged(path, content)

    # --- what is found afterwards ---

    async def _look(self, paths: list[str]) -> None:
        for path in paths:
            self.promises.seen(path, await self._read(path))

    async def _read(self, path: str) -> Content:
        try:
            return content_of(await self.api.get(path))
        except ApiError as refused:
            if refused.reason == "ENTRY_NOT_FOUND":
                return NOTHING
            raise

    async def _ready(self) -> None:
        """Returns when the device is unlocked; what was cut off is begun anew, as people do."""
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                try:
                    status = await self.api.status()
                    if status["keys"] in ("empty", "unconfirmed"):
                        await self.api.recover(seconds=_ACT_SECONDS)
                    else:
                        await self.api.log_in()
                    if not (await self.api.health()).unreconciled:
                        return
                    self.say("not yet: members are still asked for what is newer than the backup")
                    await asyncio.sleep(0.5)
                except NO_ANSWER as refused:
                    self.say(f"not yet: {refused}")
                    await asyncio.sleep(0.2)


async def _repeated(act: Act, chance: Random, dead: asyncio.Event) -> str:
    """Does it over and over, to the first that is cut off or the death; returns how the last one ended."""
    times = 1
    while (ended := await unanswered(act(chance))) == _DONE and not dead.is_set():
        times += 1
        await asyncio.sleep(0)
    return f"{times} times, the last {ended}"


async def unanswered(work: Awaitable[None]) -> str:
    """Work that may be cut off at any moment; returns how it ended."""
    try:
        await work
    except NO_ANSWER as failed:
        return f"cut off: {failed or type(failed).__name__}"
    return _DONE
