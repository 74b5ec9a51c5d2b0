"""Files in and out at the vault's own socket, as the gateway does it."""

from __future__ import annotations

from typing import Final

from piccolo.vault.v1 import store_pb2 as vault
from piccolo.vault.v1.store_pb2_grpc import StoreServiceStub

from integration.bench.errors import BenchError

_PIECE: Final = 1 << 20


async def put(store: StoreServiceStub, path: str, data: bytes) -> vault.WrittenFile:
    """Streams a file in; returns its new version. Raises BenchError when the vault ends without a word."""
    call = store.Write()
    await call.write(vault.WriteRequest(open=vault.WriteOpen(path=path)))
    for at in range(0, len(data), _PIECE):
        await call.write(vault.WriteRequest(data=data[at : at + _PIECE]))
    await call.write(vault.WriteRequest(finish=vault.WriteFinish(size=len(data))))
    await call.done_writing()
    async for answer in call:
        if answer.HasField("written"):
            return answer.written
    raise BenchError(f"{path}: the vault ended without a word")


async def get(store: StoreServiceStub, path: str) -> bytes:
    """Reads a whole file."""
    return b"".join([part.data async for part in store.Read(vault.ReadRequest(path=path))])
