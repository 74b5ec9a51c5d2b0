"""What the engine expects of its ports holds for the fakes and for the real adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.testing import no_leaked_processes, running

from piccolo_attestation.adapters.mailbox import CloudMailbox
from piccolo_attestation.adapters.metadata import MetadataMemory
from piccolo_attestation.adapters.state_files import StateFiles
from piccolo_attestation.config import CloudConfig
from piccolo_attestation.core import bundle
from piccolo_attestation.engine.remembering import PIECE
from piccolo_attestation.ports import Files, Mailbox, Memory
from piccolo_attestation.testing import FakeFiles, FakeMailbox, FakeMemory, Owner
from piccolo_attestation.tests.boxes import Box, running_box

REAL = pytest.param("real", marks=pytest.mark.component)
pytestmark = pytest.mark.usefixtures(no_leaked_processes.__name__)


@pytest.mark.parametrize("kind", ["fake", "real"])
async def test_files(kind: str, tmp_path: Path) -> None:
    files: Files = FakeFiles() if kind == "fake" else StateFiles(tmp_path)
    assert files.load("x") is None
    await files.save("x", b"one")
    await files.save("x", b"two")
    await files.save("y", b"")
    assert (files.load("x"), files.load("y")) == (b"two", b"")


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    files = StateFiles(tmp_path)
    await files.save("x", b"content")
    for damage in (b"", b"short", (tmp_path / "x").read_bytes()[:-1], (tmp_path / "x").read_bytes() + b"!"):
        (tmp_path / "x").write_bytes(damage)
        with pytest.raises(PiccoloError) as error:
            files.load("x")
        assert error.value.reason == "STATE_DAMAGED"


async def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    files = StateFiles(tmp_path / "folder")
    (tmp_path / "folder").mkdir()
    await files.save("x", b"old")
    (tmp_path / "folder" / ".x.new").mkdir()  # as good as a full disk: nothing can be written there
    with pytest.raises(PiccoloError) as error:
        await files.save("x", b"new")
    assert error.value.reason == "DISK_FULL"
    assert files.load("x") == b"old"


@asynccontextmanager
async def memory(kind: str, folder: Path) -> AsyncIterator[Memory]:
    if kind == "fake":
        yield FakeMemory()
        return
    async with (
        running("metadata", {"state": str(folder / "state")}, folder / "m") as service,
        service.connect() as channel,
    ):
        yield MetadataMemory(channel)


@pytest.mark.parametrize("kind", ["fake", REAL])
async def test_memory(kind: str, tmp_path: Path) -> None:
    async with memory(kind, tmp_path) as remembered:
        assert await remembered.load() == {}
        large = {f"bundle/{number:04}": bytes([number]) * PIECE for number in range(11)}
        await remembered.store(large, [])
        assert await remembered.load() == large
        await remembered.store({"bundle": b""}, list(large))
        assert await remembered.load() == {"bundle": b""}


@asynccontextmanager
async def mailbox(kind: str, folder: Path) -> AsyncIterator[Mailbox]:
    if kind == "fake":
        yield FakeMailbox()
        return
    async with AsyncExitStack() as stack:
        box = CloudMailbox(await stack.enter_async_context(cloud(folder)))
        stack.push_async_callback(box.close)
        yield box


@asynccontextmanager
async def cloud(folder: Path) -> AsyncIterator[CloudConfig]:
    state = folder / "cloud-state"
    async with running("cloud", {"state": str(state), "listen": "127.0.0.1:0"}, folder / "c"):
        port, pem = (state / "port").read_text().strip(), state / "tls.pem"
        yield CloudConfig(f"127.0.0.1:{port}", roots=pem)


@pytest.mark.parametrize("kind", ["fake", REAL])
async def test_mailbox(kind: str, tmp_path: Path) -> None:
    async with mailbox(kind, tmp_path) as box:
        assert await box.collect(bytes(32)) == []
        await box.drop(bytes(32), b"one")
        await box.drop(bytes(32), b"two")
        assert await box.collect(bytes(32)) == [b"one", b"two"]
        assert await box.collect(bytes([1]) * 32) == []


@pytest.mark.component
async def test_the_cloud_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    async with cloud(tmp_path) as config, AsyncExitStack() as stack:
        told = (tmp_path / "cloud-state" / "fingerprint").read_text().strip()
        right, wrong = (
            CloudMailbox(CloudConfig(config.address, fingerprint=each)) for each in (told, "00" * 32)
        )
        for box in (right, wrong):
            stack.push_async_callback(box.close)
        assert await right.collect(bytes(32)) == []
        with pytest.raises(PiccoloError) as error:
            await wrong.collect(bytes(32))
        assert error.value.reason == "SERVER_FOREIGN"


@pytest.mark.component
async def test_a_device_with_memory_and_cloud(tmp_path: Path) -> None:
    """A code alone is enough to join, and the circle gets into the memory that is backed up."""
    async with AsyncExitStack() as stack:
        config = await stack.enter_async_context(cloud(tmp_path))
        settings: dict[str, object] = {"cloud": {"address": config.address, "roots": str(config.roots)}}
        metadata = await stack.enter_async_context(
            running("metadata", {"state": str(tmp_path / "m-state")}, tmp_path / "m")
        )
        ana = Box(
            Owner.named("ana"), tmp_path / "ana", settings={**settings, "metadata": str(metadata.socket)}
        )
        ben = Box(Owner.named("ben"), tmp_path / "ben", settings=settings)
        for box in (ana, ben):
            await stack.enter_async_context(running_box(box))
        await ana.found()
        assert (await ben.join((await ana.invite()).code)).epoch == 2
        circle = await ana.until({"ana", "ben"})
        channel = await stack.enter_async_context(metadata.connect())
        await remembered(MetadataMemory(channel), circle.bundle)


async def remembered(memory: MetadataMemory, wanted: bytes) -> None:
    """Returns when the memory holds this bundle."""
    async with asyncio.timeout(20):
        while True:
            found = (await memory.load()).get("bundle", bundle.encode([]))
            if set(bundle.decode(found)) == set(bundle.decode(wanted)):
                return
            await asyncio.sleep(0.1)  # what metadata holds can be asked for, not watched
