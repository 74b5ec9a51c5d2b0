"""Seals, codes and hashes in worker threads, off the event loop.

Rules:
* One hop to a thread per segment (or per object that fits in memory): the event loop only hands over and
  takes back. What is smaller than the hop is dear is done at once.
* The heavy calls release the GIL, so that two threads use two cores.
* Buffers are used again; what held plaintext belongs to one upload and goes with it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from piccolo_formats.merkle import RootBuilder, leaf, leaves_of

from piccolo_vault.core.storage.erasure import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from piccolo_formats.records.manifest import Layout
    from piccolo_formats.segments import Segment, SegmentSealer
    from piccolo_formats.stripes import StripePlan

    from piccolo_vault.ports.codec import Codec

_AT_ONCE = 131_072  # bytes that are sealed, coded or hashed in less time than a hop to a thread takes
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Coded:
    """One stripe's blocks and their leaves. `waiting`: the lanes that still need its bytes.

    `indexes` says which blocks they are; empty: all, in order.
    """

    buffer: bytearray
    block_size: int
    leaves: tuple[bytes, ...]
    indexes: tuple[int, ...] = ()
    waiting: set[int] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Bytes of all its blocks."""
        return self.block_size * len(self.leaves)

    def block(self, index: int) -> memoryview:
        """Block `index`."""
        slot = self.indexes.index(index) if self.indexes else index
        return memoryview(self.buffer)[slot * self.block_size : (slot + 1) * self.block_size]


@dataclass(frozen=True, slots=True)
class Fragments:
    """A whole small object's fragments, blocks joined, and their roots."""

    parts: tuple[bytes, ...]
    roots: tuple[bytes, ...]


class BufferPool:
    """Buffers of one size, used again."""

    def __init__(self, size: int, most: int) -> None:
        self._size, self._most = size, most
        self._free: list[bytearray] = []

    def take(self) -> bytearray:
        """Returns a buffer; what is in it is old."""
        return self._free.pop() if self._free else bytearray(self._size)

    def give(self, buffer: bytearray) -> None:
        """Takes a buffer back."""
        if len(self._free) < self._most:
            self._free.append(buffer)

    def clear(self) -> None:
        """Lets go of all buffers, and takes none back any more."""
        self._free.clear()
        self._most = 0


class Pipeline:
    """The worker threads of the way of a file, and the codec they use."""

    def __init__(self, codec: Codec, threads: int) -> None:
        self.codec = codec
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="pipeline")

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Runs work in a thread; the future is the event loop's."""
        return asyncio.wrap_future(self._executor.submit(work, *args, **kwargs))

    async def run(self, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs work on so many bytes, in a thread if they are many."""
        if size <= _AT_ONCE:
            return work(*args, **kwargs)
        return await self.submit(work, *args, **kwargs)

    def close(self) -> None:
        """Ends the threads; work under way is finished first."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def seal_stripe(
    codec: Codec,
    code: Code,
    sealer: SegmentSealer,
    segment: Segment,
    plain: memoryview,
    buffer: bytearray,
) -> Coded:
    """Seals a segment into the buffer, which becomes its stripe; in a thread."""
    length = sealer.seal_into(segment, plain, buffer)
    return code_stripe(codec, code, buffer, length)


def code_stripe(codec: Codec, code: Code, buffer: bytearray, length: int) -> Coded:
    """Adds parity and leaves to a stripe whose first `length` bytes are in the buffer; in a thread."""
    block_size = -(-length // code.k)
    end = code.k * block_size
    buffer[length:end] = bytes(end - length)
    codec.encode(code, buffer, block_size)
    view = memoryview(buffer)
    blocks = [view[at : at + block_size] for at in range(0, code.m * block_size, block_size)]
    return Coded(buffer, block_size, leaves_of(blocks))


def code_object(
    codec: Codec, code: Code, plan: StripePlan, data: bytes | bytearray | memoryview
) -> Fragments:
    """Codes a whole object that fits in memory; in a thread."""
    view = memoryview(data)
    buffer = bytearray(plan.block_size * code.m)
    parts: list[list[bytes]] = [[] for _ in range(code.m)]
    builders = [RootBuilder() for _ in range(code.m)]
    for stripe in range(plan.count):
        begin, length = stripe * plan.stripe_size, plan.stripe_length(stripe)
        buffer[:length] = view[begin : begin + length]
        coded = code_stripe(codec, code, buffer, length)
        for index, each in enumerate(coded.leaves):
            builders[index].add(each)
            parts[index].append(bytes(coded.block(index)))
    roots = tuple(builder.root(plan.block_size, plan.last_block_size) for builder in builders)
    return Fragments(tuple(b"".join(each) for each in parts), roots)


def rebuild_stripes(
    codec: Codec,
    layout: Layout,
    stripes: range,
    blocks: dict[int, list[memoryview]],
    indexes: tuple[int, ...],
) -> list[Coded]:
    """Returns the wanted blocks of each stripe and their leaves; in a thread."""
    plan, code, made = layout.plan(), Code(layout.k, layout.m), []
    for number, stripe in enumerate(stripes):
        size = plan.block_length(stripe)
        buffer = bytearray(size * len(indexes))
        view = memoryview(buffer)
        want = {index: view[slot * size : (slot + 1) * size] for slot, index in enumerate(indexes)}
        codec.rebuild(code, {index: each[number] for index, each in blocks.items()}, want)
        made.append(Coded(buffer, size, leaves_of(want.values()), indexes))
    return made


def copy_blocks(index: int, blocks: list[memoryview]) -> list[Coded]:
    """Returns a fragment's checked blocks as they are sent, with their leaves; in a thread."""
    return [Coded(bytearray(block), len(block), (leaf(block),), (index,)) for block in blocks]
