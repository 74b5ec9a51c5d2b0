"""The bare house's vault: hands bytes from the front on to the keepers, and back.

    python -m integration.bench.house.vault FOLDER

Rules:
* A file is cut into stripes of k messages of 1 MiB; keeper i gets part i modulo k of each stripe.
* A few messages of each keeper are under way at most, as in ours.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import grpc
from piccolo_chassis import memory as allocator

from integration.bench import bare_keeper
from integration.bench.bare import connected
from integration.bench.bare_process import MESSAGE, serve
from integration.bench.house import memory, shape
from integration.bench.house.shape import RECORD, SIZE_BYTES, SMALL_FILE, cut, name_of, named

SERVICE: Final = "bench.Vault"
_UNDER_WAY: Final = 3
_GREETED: Final = ((bare_keeper.GREETED, "yes"),)


class Vault:
    """Moves bytes between the front and the keepers."""

    def __init__(self, keepers: Sequence[grpc.aio.Channel], remembers: grpc.aio.Channel, k: int) -> None:
        self._keepers: Sequence[Any] = keepers  # grpc's types know no messages of plain bytes
        self._memory, self._k = remembers, k

    async def write(self, pieces: AsyncIterator[bytes], context: Any) -> bytes:
        """Stores what comes."""
        name, kept = name_of(context), list[bytes]()
        async for piece in pieces:
            kept.append(piece)
            if sum(map(len, kept)) > SMALL_FILE:
                await self._stream(name, kept, pieces)
                return b""
        await self._store(name, kept)
        return b""

    async def read(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        """Gives back what was stored, its size first."""
        del request
        name = name_of(context)
        head = (await self._remember("Lookup", name))[:SIZE_BYTES]
        yield head
        left = int.from_bytes(head)
        asked = self._keepers[: self._k]
        calls = [each.unary_stream(_keeps("Get"))(b"", metadata=named(name)) for each in asked]
        parts = [aiter(call) for call in calls]
        while left:
            size = min(MESSAGE, -(-left // self._k))
            for part in parts:
                piece = (await anext(part))[: min(size, left)]
                left -= len(piece)
                if piece:
                    yield piece
        for call in calls:
            call.cancel()  # of a small file its record may follow

    async def _store(self, name: str, pieces: Sequence[bytes]) -> None:
        """A small file: one message to each keeper."""
        stripes = [cut(pieces[at : at + self._k], self._k) for at in range(0, len(pieces), self._k)]
        parts = [b"".join(stripe[index] for stripe in stripes) for index in range(self._k)]
        await self._prepare(name, sum(map(len, pieces)))
        # what our messages have beside the bytes is sent too, and written
        await _all(
            each.unary_unary(_keeps("Store"))(parts[index % self._k] + RECORD, metadata=named(name))
            for index, each in enumerate(self._keepers)
        )
        await self._remember("Publish", name, shape.PUBLISH)

    async def _stream(self, name: str, begun: Sequence[bytes], pieces: AsyncIterator[bytes]) -> None:
        """A large file: streams to all keepers, once all have answered, and a record to each."""
        lanes = [asyncio.Queue[bytes](_UNDER_WAY) for _ in self._keepers]
        calls = [
            each.stream_unary(_keeps("Put"))(_drained(lane), metadata=(*named(name), *_GREETED))
            for each, lane in zip(self._keepers, lanes, strict=True)
        ]
        await _all(call.initial_metadata() for call in calls)
        size, stripe = 0, list[bytes]()
        async for piece in _chained(begun, pieces):
            size += len(piece)
            stripe.append(piece)
            if len(stripe) == self._k:
                await self._push(lanes, stripe)
                stripe = []
        if stripe:
            await self._push(lanes, stripe)
        for lane in lanes:
            await lane.put(b"")
        await _all(calls)
        await self._prepare(name, size)
        await _all(each.unary_unary(_keeps("Commit"))(RECORD, metadata=named(name)) for each in self._keepers)
        await self._remember("Publish", name, shape.PUBLISH)

    async def _push(self, lanes: Sequence[asyncio.Queue[bytes]], stripe: Sequence[bytes]) -> None:
        parts = cut(stripe, self._k)
        for index, lane in enumerate(lanes):
            await lane.put(parts[index % self._k])

    async def _prepare(self, name: str, size: int) -> None:
        await self._remember("Prepare", name, size.to_bytes(SIZE_BYTES).ljust(shape.INTENT_BYTES, b"\0"))

    async def _remember(self, method: str, name: str, request: bytes = b"") -> bytes:
        call: Any = self._memory.unary_unary(f"/{memory.SERVICE}/{method}")
        return bytes(await call(request, metadata=named(name)))


def _keeps(method: str) -> str:
    return f"/{bare_keeper.SERVICE}/{method}"


async def _all(calls: Iterable[Any]) -> None:
    await asyncio.gather(*calls)


async def _drained(lane: asyncio.Queue[bytes]) -> AsyncIterator[bytes]:
    while piece := await lane.get():
        yield piece


async def _chained(first: Sequence[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    async for piece in rest:
        yield piece


async def run(folder: Path) -> None:
    """Serves until SIGTERM."""
    known = shape.read_shape(folder)
    async with connected(Path(known.peers)) as keepers, shape.local(known.memory) as remembers:
        vault = Vault(keepers, remembers, known.k)
        methods: dict[str, Any] = {
            "Write": grpc.stream_unary_rpc_method_handler(vault.write),
            "Read": grpc.unary_stream_rpc_method_handler(vault.read),
        }
        await serve(shape.server(SERVICE, methods, known.vault), folder, "")


if __name__ == "__main__":
    allocator.tune()
    asyncio.run(run(Path(sys.argv[1])))
