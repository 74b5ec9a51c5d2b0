"""The end of the real process in the middle of an upload, by order and by its owner's hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from grpc.aio import EOF
from piccolo.vault.v1 import key_pb2, store_pb2_grpc
from piccolo.vault.v1 import key_pb2_grpc as wire
from piccolo.vault.v1 import store_pb2 as pb
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.client_seal import Purpose, seal_text

from integration.circle import Circle, circle

MIB = 1_048_576
MARK = b"The owner's plaintext, which no log may hold. "
pytestmark = [pytest.mark.circle, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Circle]:
    """A circle of four real devices."""
    async with circle(tmp_path_factory.mktemp("c"), 4) as made:
        yield made


class Vault:
    """A client of a vault's process."""

    def __init__(self, channel: Channel) -> None:
        self.store: Any = store_pb2_grpc.StoreServiceStub(channel)
        self.keys: Any = wire.KeyServiceStub(channel)

    async def unlock(self, passphrase: str) -> None:
        boot = await self.keys.GetBootKey(key_pb2.GetBootKeyRequest())
        sealed = seal_text(Purpose.PASSPHRASE, passphrase, boot.public_key)
        await self.keys.Unlock(key_pb2.UnlockRequest(passphrase=sealed))

    async def send(self, path: str, name: str, data: bytes) -> Any:
        """Begins an upload; returns its call when half of the data is durable and the rest on its way."""
        call = self.store.Write()
        await call.write(pb.WriteRequest(open=pb.WriteOpen(path=path, upload_id=name)))
        for piece in pieces(data):
            await call.write(pb.WriteRequest(data=piece))
        while (await call.read()).durable_bytes < len(data) // 2:
            pass
        return call

    async def go_on(self, path: str, name: str, rest: bytes, size: int) -> pb.WrittenFile:
        """Ends an upload."""

        async def requests() -> AsyncIterator[pb.WriteRequest]:
            yield pb.WriteRequest(open=pb.WriteOpen(path=path, upload_id=name))
            for piece in pieces(rest):
                yield pb.WriteRequest(data=piece)
            yield pb.WriteRequest(finish=pb.WriteFinish(size=size))

        answers = [answer async for answer in self.store.Write(requests())]
        return answers[-1].written  # type: ignore[no-any-return]

    async def offset(self, name: str) -> int:
        return int((await self.store.GetUpload(pb.GetUploadRequest(upload_id=name))).offset)

    async def read(self, path: str) -> bytes:
        answers = self.store.Read(pb.ReadRequest(path=path))
        return b"".join([answer.data async for answer in answers])


def content(seed: int, size: int) -> bytes:
    """Bytes that are told apart from any others, marked so that they can be found."""
    made = bytearray(random.Random(seed).randbytes(size))
    for at in range(0, size - len(MARK), 64 * 1024):
        made[at : at + len(MARK)] = MARK
    return bytes(made)


def pieces(data: bytes) -> Iterator[bytes]:
    return (data[at : at + MIB] for at in range(0, len(data), MIB))


async def how_it_ended(call: Any) -> PiccoloError:
    async def rest() -> None:
        while await call.read() is not EOF:
            pass

    with pytest.raises(PiccoloError) as ended:
        await rest()
    return ended.value


def logs(here: Circle) -> bytes:
    """What all services of all devices have logged."""
    return b"".join(path.read_bytes() for path in here.folder.glob("*/*/log"))


async def test_sigterm_in_an_upload_tells_how_far_it_is_durable(there: Circle) -> None:
    device, name = there.owners[0].device, "an-upload-over-a-restart"
    first, second = content(1, 24 * MIB + 7), content(2, 24 * MIB + 7)
    async with asyncio.timeout(90):
        async with device.connect("vault") as channel:
            call = await Vault(channel).send("/f", name, first[: 16 * MIB])
            stopping = asyncio.ensure_future(device.stop(["vault"]))
            told = await how_it_ended(call)
            await stopping
        assert (told.kind, told.reason) == (Kind.UNAVAILABLE, "STOPPING")
        durable = int(told.details["durable_bytes"])
        assert 15 * MIB <= durable <= 16 * MIB
        await device.run({"vault": device.settings("vault")})
        async with device.connect("vault") as channel:
            vault = Vault(channel)
            await vault.unlock(there.passphrase)
            offset = await vault.offset(name)
            assert offset == durable
            written = await vault.go_on("/f", name, second[offset:], len(second))
            assert written.health.survives >= 1
            assert await vault.read("/f") == first[:offset] + second[offset:]


async def test_a_lock_in_an_upload_ends_it_and_the_owner_goes_on(there: Circle) -> None:
    device, name, data = there.owners[0].device, "an-upload-over-a-lock", content(3, 12 * MIB + 1)
    async with asyncio.timeout(90), device.connect("vault") as channel:
        vault = Vault(channel)
        call = await vault.send("/g", name, data[: 8 * MIB])
        await vault.keys.Lock(key_pb2.LockRequest())
        told = await how_it_ended(call)
        assert told.kind is Kind.LOCKED
        durable = int(told.details["durable_bytes"])
        for refused in (vault.read("/f"), vault.go_on("/g", name, data[durable:], len(data))):
            with pytest.raises(PiccoloError) as why:
                await refused
            assert why.value.kind is Kind.LOCKED
        await vault.unlock(there.passphrase)
        offset = await vault.offset(name)
        assert offset == durable
        await vault.go_on("/g", name, data[offset:], len(data))
        assert await vault.read("/g") == data


async def test_sizes_at_every_border_come_back(there: Circle) -> None:
    async with asyncio.timeout(90), there.owners[0].device.connect("vault") as channel:
        vault = Vault(channel)
        for size in (0, 1, MIB - 1, MIB, MIB + 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1):
            data = content(size, size)
            assert (await vault.go_on(f"/{size}", "", data, size)).size == size
            assert await vault.read(f"/{size}") == data


async def test_no_plaintext_and_no_passphrase_is_in_any_log(there: Circle) -> None:
    """After all of the above."""
    seen = logs(there)
    assert b"memory is protected" in seen or b"memory is not fully protected" in seen
    assert MARK.strip() not in seen
    assert there.passphrase.encode() not in seen
