"""A whole way of a file on fakes, which can crash and live again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from piccolo_vault.adapters.codecs import best_codec
from piccolo_vault.core.storage.settings import StoreSettings
from piccolo_vault.engine.storage.context import Context, Numbers
from piccolo_vault.engine.storage.files import Finish, Step, WriteStart, Written
from piccolo_vault.engine.storage.peers import Peers
from piccolo_vault.engine.storage.pipeline import Pipeline
from piccolo_vault.engine.storage.read import ReadHead
from piccolo_vault.engine.storage.store import Store
from piccolo_vault.testing import (
    FakeKeeper,
    FakeKeepers,
    FakeKeyring,
    FakeObjects,
    FakeOperations,
    FakeTasks,
    Steps,
    fake_circle,
    random_bytes,
)

MIB = 1_048_576
QUICK = StoreSettings(
    heard_seconds=0.0,
    open_seconds=0.5,
    stall_seconds=0.6,
    hold_seconds=0.3,
    tail_seconds=0.5,
    grace_seconds=0.05,
    idle_seconds=5.0,
    look_seconds=30.0,
    settle_seconds=0.0,
    return_seconds=0.3,
    repair_pause=0.0,
    quiet_seconds=0.0,
    compact_seconds=0.0,
)


@dataclass
class Bytes:
    """A sink that keeps everything."""

    told: ReadHead | None = None
    content: bytearray = field(default_factory=bytearray)

    async def head(self, head: ReadHead) -> None:
        self.told = head

    async def data(self, data: bytes | memoryview) -> None:
        self.content += data


class World:
    """Ten devices: this one and nine keepers; the vault on it can be started and killed."""

    def __init__(self, keepers: int = 9, settings: StoreSettings = QUICK, *, at_risk: bool = False) -> None:
        self.steps = Steps()
        self.keyring = FakeKeyring()
        self.settings = settings
        self.keepers: list[FakeKeeper] = []
        for _ in range(keepers):
            self.one_more()
        self.circle = fake_circle(self.keepers, self.keyring.owner_id(), at_risk=at_risk)
        self.clock_offset = 0.0
        self.objects = FakeObjects(self.steps, self.now)
        self.operations = FakeOperations()
        self.pipeline = Pipeline(best_codec(), 2)
        self.tasks = FakeTasks()
        self.durable: list[int] = []
        self.boot()

    def one_more(self) -> FakeKeeper:
        """A keeper that knows this device by the certificate which it has at that moment."""
        number, keyring = len(self.keepers), self.keyring
        keeper = FakeKeeper(number, keyring.owner_id(), self.steps, lambda: keyring.number)
        self.keepers.append(keeper)
        return keeper

    def joins(self) -> FakeKeeper:
        """A member that joins now."""
        keeper = self.one_more()
        self.peers._keepers.by_owner[keeper.member.owner_id] = keeper  # type: ignore[attr-defined]
        self.circle.replace([*self.circle.circle.members, keeper.member])
        return keeper

    def now(self) -> float:
        return time.time() + self.clock_offset

    def boot(self) -> None:
        """A fresh vault over the same metadata and keepers."""
        fakes = FakeKeepers(self.keepers)
        self.peers = Peers(self.circle, fakes, self.objects, self.now, self.keyring)
        self.tasks = FakeTasks()
        self.context = Context(
            keyring=self.keyring,
            peers=self.peers,
            objects=self.objects,
            operations=self.operations,
            pipeline=self.pipeline,
            settings=self.settings,
            random=random_bytes,
            now=self.now,
            numbers=Numbers(self.objects, self.keyring),
            tasks=self.tasks,
        )
        self.store = Store(self.context, self.circle, self.keyring)
        self.tasks.create_task(self.store._packer.run())

    async def crash(self) -> None:
        """The vault's process is gone; what others know stays."""
        await self.tasks.finish()
        self.steps.stop_at = None
        self.steps.reached.clear()
        self.boot()

    async def close(self) -> None:
        await self.tasks.finish()
        self.pipeline.close()

    async def put(
        self, path: str, data: bytes, *, finish: bool = True, piece: int = MIB, **start: object
    ) -> Written | None:
        return await self.put_pieces(
            WriteStart(path, **start),  # type: ignore[arg-type]
            (data[at : at + piece] for at in range(0, len(data), piece)),
            len(data) if finish else None,
        )

    async def put_rest(self, path: str, data: bytes, offset: int, upload_id: str) -> Written | None:
        """Goes on with an upload."""
        rest = (data[at : at + MIB] for at in range(offset, len(data), MIB))
        return await self.put_pieces(WriteStart(path, upload_id=upload_id), rest, len(data))

    async def put_pieces(
        self, start: WriteStart, pieces: Iterable[bytes], size: int | None
    ) -> Written | None:
        async def steps() -> AsyncIterator[Step]:
            for piece in pieces:
                yield piece
            if size is not None:
                yield Finish(size)

        return await self.store.write(start, steps(), self._report)

    async def _report(self, durable: int) -> None:
        self.durable.append(durable)

    async def get(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        sink = Bytes()
        await self.store.read(path, sink, offset=offset, length=length)
        return bytes(sink.content)

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Returns once the background has brought it about; the world's own time limit bounds it."""
        while not await condition():
            await self.steps.next()

    def named(self) -> set[str]:
        return set(self.objects.entries)

    def holders(self) -> int:
        """How many live fragments there are."""
        return sum(
            kept.state.value == "live" for keeper in self.keepers for kept in keeper.fragments.values()
        )


@asynccontextmanager
async def world(
    keepers: int = 9, settings: StoreSettings = QUICK, *, at_risk: bool = False
) -> AsyncIterator[World]:
    made = World(keepers, settings, at_risk=at_risk)
    try:
        async with asyncio.timeout(60):
            yield made
    finally:
        await made.close()
