"""One process that takes bytes over gRPC with mTLS, writes them, and gives them back. Knows nothing else.

    python -m integration.bench.bare_keeper FOLDER

FOLDER holds key.pem, certificate.pem and roots.pem; the port that the kernel chose is written to FOLDER/port.

Rules:
* It makes durable what it answers for, as a keeper does: written to a temporary file, synced every 16 MiB and
  at the end, renamed, the folder synced.
* No hash, no index, no signature, no protobuf: this is what the bytes alone cost.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import grpc
from piccolo_chassis.state import sync_folder, write_durably

SERVICE: Final = "bench.Bare"
NAME: Final = "name"
MESSAGE: Final = 1 << 20
OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", 2 * MESSAGE),
    ("grpc.max_send_message_length", 2 * MESSAGE),
    ("grpc.so_reuseport", 0),
]
_CHECKPOINT: Final = 16 << 20
_GRACE: Final = 1.0


class Keeper:
    """Keeps each upload as one file.

    What only touches the page cache is done at once: a hop to a thread for each message was measured to cost
    a quarter of a keeper's time, and a floor should not have it. Syncing waits for the disk, in a thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, pieces: AsyncIterator[bytes], context: Any) -> bytes:
        """Writes what comes, durably."""
        place = self._place(context)
        partial = place.with_suffix(".new")
        with partial.open("wb", buffering=0) as file:
            waiting = 0
            async for piece in pieces:
                file.write(piece)
                waiting += len(piece)
                if waiting >= _CHECKPOINT:
                    await asyncio.to_thread(os.fsync, file.fileno())
                    waiting = 0
            await asyncio.to_thread(_keep, file.fileno(), partial, place)
        return b""

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
            "Get": grpc.unary_stream_rpc_method_handler(self.get),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def _place(self, context: Any) -> Path:
        return self._folder / str(dict(context.invocation_metadata())[NAME])


def _keep(descriptor: int, partial: Path, place: Path) -> None:
    os.fsync(descriptor)
    partial.replace(place)
    sync_folder(place.parent)


async def serve(folder: Path) -> None:
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
    await server.start()
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    write_durably(folder / "port", str(port).encode())
    await asked.wait()
    await server.stop(_GRACE)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
