"""A crash after every step that changes anything: no gap, no fork, nothing lost, nothing half."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.ports import OutboxEntry, Restoring
from piccolo_metadata.tests.test_backup_device import Device, check_log, device, quick
from piccolo_metadata.tests.test_backup_fakes import FakeCloud, Owner, Vault

__all__ = ["quick"]

CHANGING = {
    "outbox": {"acknowledge", "set_local", "snapshot", "set_generation", "restoring"},
    "spool": {"store", "discard", "read"},
    "cloud": {"append", "read"},
}


class CrashError(BaseException):
    """The power went. Not an Exception: nothing may handle it."""


class Tripwire:
    """Crashes after the n-th step that changes anything."""

    def __init__(self, step: int) -> None:
        self.left = step
        self.steps: list[str] = []

    @property
    def tripped(self) -> bool:
        return self.left <= 0

    def step(self, name: str) -> None:
        self.steps.append(name)
        self.left -= 1
        if self.left <= 0:
            raise CrashError(name)

    def wrap(self, name: str, part: Any) -> Any:
        """The same part, with the wire around what changes anything."""
        wire = self

        class Wired:
            def __getattr__(self, method: str) -> Any:
                inner = getattr(part, method)
                if method not in CHANGING[name]:
                    return inner
                return wire.around(f"{name}.{method}", inner)

        return Wired()

    def around(self, name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        async def called(*args: Any, **kwargs: Any) -> Any:
            result = await inner(*args, **kwargs)
            self.step(name)
            return result

        async def read(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async for piece in inner(*args, **kwargs):
                yield piece
                self.step(name)

        @asynccontextmanager
        async def restoring(*args: Any) -> AsyncIterator[Restoring]:
            async with inner(*args) as found:
                self.step(name)
                yield WiredRestoring(self, found)

        if name.endswith(".read"):
            return read
        return restoring if name.endswith(".restoring") else called


class WiredRestoring:
    """A restore with the wire around it."""

    def __init__(self, wire: Tripwire, inner: Restoring) -> None:
        self._wire, self._inner = wire, inner

    @property
    def number(self) -> int:
        return self._inner.number

    async def apply(self, entry: OutboxEntry) -> None:
        await self._inner.apply(entry)
        self._wire.step("restoring.apply")

    async def replace(self, local: Mapping[str, bytes | None]) -> int:
        files = await self._inner.replace(local)
        self._wire.step("restoring.replace")
        return files


async def crashes(wire: Tripwire, work: Awaitable[object]) -> bool:
    """Whether the power went during the work."""
    try:
        await work
    except CrashError:
        return True
    except BaseExceptionGroup as group:
        if group.split(CrashError)[1] is None:
            return True
        raise
    assert not wire.tripped
    return False


async def until_backed_up(one: Device) -> None:
    """Backs up, or crashes as the background task does."""
    task = asyncio.create_task(one.backup.run())
    done = asyncio.create_task(one.backed_up())
    await asyncio.wait((task, done), return_when=asyncio.FIRST_COMPLETED)
    for each in (task, done):
        each.cancel()
    results = await asyncio.gather(task, done, return_exceptions=True)
    if isinstance(results[0], BaseException) and not isinstance(results[0], asyncio.CancelledError):
        raise results[0]


async def lived(folder: Path, owner: Owner, cloud: FakeCloud, *, with_backup: bool) -> None:
    """A device with some changes that are not at the cloud yet."""
    async with device(folder, owner, cloud) as one:
        await one.make(*(f"at first {number}" for number in range(20)))
        if with_backup:
            async with one.running():
                await one.delegate()
                await one.backed_up()
        await one.make("a", "b", "c")


async def whole(folder: Path, owner: Owner, cloud: FakeCloud, expected: Path) -> None:
    """What is at the cloud brings back what the device has."""
    check_log(owner, cloud)
    async with device(folder / "blank", owner, cloud) as blank:
        await blank.restore(Vault(owner))
        found = blank.content()
    async with device(expected, owner, cloud) as one:
        assert found == one.content()


@pytest.mark.parametrize("with_backup", [False, True], ids=["first-snapshot", "changeset"])
async def test_writing(tmp_path: Path, with_backup: bool) -> None:
    owner = Owner()
    before = FakeCloud(owner.locator)
    await lived(tmp_path / "before", owner, before, with_backup=with_backup)
    crashed, step = True, 0
    seen: set[str] = set()
    while crashed:
        step += 1
        folder = tmp_path / str(step)
        shutil.copytree(tmp_path / "before", folder / "one")
        cloud, wire = FakeCloud(owner.locator, dict(before.entries)), Tripwire(step)
        async with device(folder / "one", owner, cloud, wrap=wire.wrap) as one:

            async def work(one: Device = one) -> None:
                await one.delegate()
                await until_backed_up(one)

            crashed = await crashes(wire, work())
        seen.update(wire.steps)
        async with device(folder / "one", owner, cloud) as one, one.running():
            await one.delegate()
            await one.backed_up()
            await one.make("after the crash")
            await one.backed_up()
        await whole(folder, owner, cloud, folder / "one")
    assert {"spool.store", "spool.read", "cloud.append", "outbox.set_local", "outbox.acknowledge"} <= seen
    assert ("outbox.snapshot" in seen) is not with_backup


async def test_restoring_and_claiming(tmp_path: Path) -> None:
    owner = Owner()
    before = FakeCloud(owner.locator)
    await lived(tmp_path / "one", owner, before, with_backup=True)
    async with device(tmp_path / "one", owner, before) as one, one.running():
        await one.backed_up()
        expected = one.content()
    crashed, step = True, 0
    seen: set[str] = set()
    while crashed:
        step += 1
        folder = tmp_path / f"two {step}"
        cloud, wire = FakeCloud(owner.locator, dict(before.entries)), Tripwire(step)
        async with device(folder, owner, cloud, generation=2, wrap=wire.wrap) as two:
            crashed = await crashes(wire, recover(two, owner))
        seen.update(wire.steps)
        async with device(folder, owner, cloud, generation=2) as two, two.running():
            await recover(two, owner)
            await two.backed_up()
            assert two.content() == expected
        check_log(owner, cloud)
        kinds = cloud.kinds()[len(before.entries) :]
        assert kinds[:2] == [EntryKind.CLAIM, EntryKind.SNAPSHOT]
    assert {"restoring.apply", "restoring.replace", "cloud.read", "cloud.append"} <= seen


async def recover(two: Device, owner: Owner) -> None:
    """What the vault does on a blank device, and does again after a crash."""
    if await two.outbox.is_empty():
        await two.restore(Vault(owner))
    await two.backup.claim(owner.claim(2), two.delegation())
