"""Resumable uploads as a stranger's client makes them: tuspy, the protocol's own reference in Python."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from piccolo_chassis.testing import Service, spawned, until_ready
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from integration.client import Client
from piccolo_gateway.tests.conftest import PASSPHRASE, World
from piccolo_gateway.tests.fakes import device
from piccolo_gateway.tests.test_process import settings

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
PIECE: Final = 1 << 20
NAME: Final = "/Ünï/日本 (1).bin"


class Sender:
    """tuspy, run beside the loop, and known by a token."""

    def __init__(self, url: str, token: str) -> None:
        self.client = TusClient(f"{url}/api/v1/uploads", {"Authorization": f"Bearer {token}"})

    async def uploader(self, content: bytes, **options: Any) -> Any:
        """An uploader; one with an address asks for its offset at once."""
        made = {"metadata": {"path": NAME, "filetype": "x/y"}, "chunk_size": PIECE, **options}
        return await asyncio.to_thread(self.client.uploader, file_stream=io.BytesIO(content), **made)


@pytest.fixture
async def sender(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sender]:
    """A program that may store."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.client.certificate))
    yield Sender(world.client.url, await world.client.make_token("tuspy", "write"))
    gc.collect()  # tuspy leaves the connection of a refused request to the collector


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
async def test_a_strangers_client_stores_a_file(world: World, sender: Sender, size: int) -> None:
    content = os.urandom(size)
    uploader = await sender.uploader(content)
    await asyncio.to_thread(uploader.upload)
    assert uploader.offset == size
    assert await world.client.get(NAME) == content


async def test_it_goes_on_by_the_address_alone(world: World, sender: Sender) -> None:
    content = os.urandom(3 * PIECE)
    first = await sender.uploader(content)
    await asyncio.to_thread(first.upload, stop_at=PIECE + 5)
    second = await sender.uploader(content, url=first.url)
    assert second.offset == PIECE + 5
    await asyncio.to_thread(second.upload)
    assert await world.client.get(NAME) == content
    done = await sender.uploader(content, url=first.url)
    assert done.offset == len(content)


async def test_it_understands_refusals(world: World, sender: Sender) -> None:
    with pytest.raises(TusCommunicationError) as refused:
        await asyncio.to_thread((await sender.uploader(b"x", metadata={"path": "/../x"})).upload)
    assert refused.value.status_code == 400
    ended = await sender.uploader(bytes(3 * PIECE))
    await asyncio.to_thread(ended.upload, stop_at=PIECE)
    async with world.request("DELETE", ended.url, headers={"Tus-Resumable": "1.0.0"}) as response:
        assert response.status == 204
    with pytest.raises(TusUploadFailed) as gone:
        await asyncio.to_thread(ended.upload)
    assert gone.value.status_code == 404


async def _terminate(service: Service) -> None:
    assert await service.stop() == 0


@pytest.mark.component
@pytest.mark.parametrize("end", [_terminate, Service.kill])
async def test_an_upload_goes_on_over_the_end_of_the_process(
    short: Path, monkeypatch: pytest.MonkeyPatch, end: Callable[[Service], Any]
) -> None:
    content = os.urandom(24 * PIECE)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(short / "g" / "tls.pem"))
    async with device(short) as fakes:
        fakes.keys.set_up(PASSPHRASE)
        config = {**settings(short, fakes), "address": f"127.0.0.1:{free_port()}"}
        url = f"https://{config['address']}"
        async with spawned("gateway", config, short / "p") as service:
            await until_ready(service)
            async with Client(url, short / "g" / "tls.pem", passphrase=PASSPHRASE) as owner:
                await owner.log_in()
                sender = Sender(url, await owner.make_token("tuspy", "write"))
            uploader = await sender.uploader(content, chunk_size=8 * PIECE, retries=60, retry_delay=1)
            sending = asyncio.ensure_future(asyncio.to_thread(uploader.upload))
            await fakes.store.seen(lambda: fakes.store.taken > 10 * PIECE, 60)
            await end(service)
        assert not sending.done()
        async with spawned("gateway", config, short / "q") as service:
            await until_ready(service)
            async with asyncio.timeout(60):
                await sending
        assert uploader.offset == len(content)
        assert fakes.store.digests[NAME] == hashlib.sha256(content).hexdigest()
    gc.collect()


def free_port() -> int:
    """A port that nobody uses at the moment, for a service that must come back where it was."""
    with closing(socket.socket()) as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
