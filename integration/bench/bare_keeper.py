"""One process that takes bytes over gRPC with mTLS, writes them, and gives them back. Knows nothing else.

    python -m integration.bench.bare_keeper FOLDER

FOLDER holds key.pem, certificate.pem and roots.pem; it says the port that the kernel chose when it is ready.

Rules:
* It makes durable what it answers for, as a keeper does: written to a temporary file, synced every 16 MiB and
  at the end, renamed, the folder synced.
* No hash, no index, no signature, no protobuf: this is what the bytes alone cost.
* `Store` and `Commit` are for the bare house: a small fragment in one message; and a record beside a large
  one, after which both are in place, as ours are: three syncs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import grpc
from piccolo_chassis.state import sync_folder

from integration.bench.bare_process import MESSAGE, OPTIONS, serve

SERVICE: Final = "bench.Bare"
NAME: Final = "name"
GREETED: Final = "greeted"
RECEIPT: Final = bytes(304)
_CHECKPOINT: Final = 16 << 20


class Keeper:
    """Keeps each upload as one file.

    What only touches the page cache is done at once: a hop to a thread for each message was measured to cost
    a quarter of a keeper's time, and a floor should not have it. Syncing waits for the disk, in a thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, pieces: AsyncIterator[bytes], context: Any) -> bytes:
        """Writes what comes, durably; a caller that waits to be greeted is."""
        asked = dict(context.invocation_metadata())
        place = self._folder / str(asked[NAME])
        partial = place.with_suffix(".new")
        with partial.open("wb", buffering=0) as file:
            if GREETED in asked:
                await context.send_initial_metadata(())
            waiting = 0
            async for piece in pieces:
                file.write(piece)
                waiting += len(piece)
                if waiting >= _CHECKPOINT:
                    await asyncio.to_thread(os.fsync, file.fileno())
                    waiting = 0
            await asyncio.to_thread(_keep, file.fileno(), partial, place)
        return RECEIPT

    async def store(self, request: bytes, context: Any) -> bytes:
        """Writes what came in one message, durably."""
        await asyncio.to_thread(_write, self._place(context), request)
        return RECEIPT

    async def commit(self, request: bytes, context: Any) -> bytes:
        """Writes a record beside what was put, durably, and makes durable once more where both lie."""
        await asyncio.to_thread(_commit, self._place(context), request)
        return RECEIPT

    async def get(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        """Gives back what was written."""
        del request
        with self._place(context).open("rb", buffering=0) as file:
            while piece := file.read(MESSAGE):
                yield piece

    def handlers(self) -> grpc.GenericRpcHandler:
        """What is served: raw bytes in both directions."""
        methods: dict[str, Any] = {
            "Put": grpc.stream_unary_rpc_method_handler(self.put),
            "Store": grpc.unary_unary_rpc_method_handler(self.store),
            "Commit": grpc.unary_unary_rpc_method_handler(self.commit),
            "Get": grpc.unary_stream_rpc_method_handler(self.get),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def _place(self, context: Any) -> Path:
        return self._folder / str(dict(context.invocation_metadata())[NAME])


def _write(place: Path, data: bytes) -> None:
    partial = place.with_suffix(".new")
    with partial.open("wb", buffering=0) as file:
        file.write(data)
        _keep(file.fileno(), partial, place)


def _commit(place: Path, record: bytes) -> None:
    _write(place.with_suffix(".record"), record)
    sync_folder(place.parent)


def _keep(descriptor: int, partial: Path, place: Path) -> None:
    os.fsync(descriptor)
    partial.replace(place)
    sync_folder(place.parent)


async def run(folder: Path) -> None:
    """Serves until SIGTERM."""
    kept = folder / "kept"
    kept.mkdir()
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Keeper(kept).handlers(),))
    pair = ((folder / "key.pem").read_bytes(), (folder / "certificate.pem").read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], (folder / "roots.pem").read_bytes(), require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await serve(server, folder, str(port))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
