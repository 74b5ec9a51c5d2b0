"""Sealing, coding and hashing alone: the vault's own pipeline beside the barest program of the same kind.

The reference is written apart from the vault: AES-256-GCM with one key and a counter as nonce, ISA-L with the
matrix that zfec shows when it encodes unit vectors, BLAKE3 over each block; every buffer is used again. It
leaves out what a storage format needs (a key and a salt for each segment, associated data, padding), so it
is the floor, not a program that one could use.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

import zfec
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from piccolo_formats.fek import Fek, Scope
from piccolo_formats.segments import SEGMENT_SIZE, SegmentPlan, SegmentSealer
from piccolo_formats.stripes import LONE_STRIPE_SIZE
from piccolo_vault.adapters.codecs import best_codec
from piccolo_vault.adapters.isal import LIBRARY, IsalCodec
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.engine.storage.pipeline import BufferPool, Coded, Pipeline, seal_stripe

from integration.bench.figures import Figure
from integration.bench.work import order

NAMED: Final = "reference pipeline"
SEGMENTS: Final = 256
CODES: Final = (Code(3, 10), Code(6, 9))
THREADS: Final = (1, 2)
_SOURCE_SEGMENTS: Final = 16
_TAG: Final = 16
_ALIGN: Final = 64
_TABLE: Final = 32


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds on the wall, and of all cores together."""

    wall: float
    cpu: float


class Watch:
    """Takes the time of a block."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *failed: object) -> None:
        self.took = Took(time.perf_counter() - self._wall, time.process_time() - self._cpu)


async def measure(rounds: int, told: Callable[[str], None]) -> list[Figure]:
    """Both pipelines over the same bytes, in turn, for every code and number of threads.

    Raises PiccoloError UNIMPLEMENTED, ISAL_MISSING.
    """
    IsalCodec()  # with zfec instead there would be nothing to compare
    source = os.urandom(_SOURCE_SEGMENTS * SEGMENT_SIZE)
    figures = []
    for code in CODES:
        for threads in THREADS:
            ours, others = list[Took](), list[Took]()
            for turn in range(rounds):
                for contender in order(("ours", "other"), turn):
                    if contender == "ours":
                        ours.append(await vaults(source, code, threads))
                    else:
                        others.append(await asyncio.to_thread(reference, source, code, threads))
            figures += _figures(code, threads, ours, others)
            told(f"{code}, {threads} thread{'s' if threads > 1 else ''}: measured")
    return figures


def _figures(code: Code, threads: int, ours: list[Took], others: list[Took]) -> list[Figure]:
    size = SEGMENTS * SEGMENT_SIZE
    work = f"pipeline {code}, {size >> 20} MiB, {threads} thread{'s' if threads > 1 else ''}"
    wall = tuple(took.wall for took in ours), tuple(took.wall for took in others)
    cpu = tuple(took.cpu for took in ours), tuple(took.cpu for took in others)
    return [
        Figure(f"{work}, wall", NAMED, *wall, size=size),
        Figure(f"{work}, CPU", NAMED, *cpu, size=size),
    ]


async def vaults(source: bytes, code: Code, threads: int) -> Took:
    """The vault's pipeline, driven as an upload drives it: two segments at once, in threads."""
    plan, view = SegmentPlan(SEGMENTS * SEGMENT_SIZE), memoryview(source)
    sealer = SegmentSealer(Fek(os.urandom(32)), Scope(os.urandom(16), os.urandom(16)), os.urandom)
    pool = BufferPool(code.m * -(-LONE_STRIPE_SIZE // code.k), 64)
    pipeline = Pipeline(best_codec(), threads)
    working: deque[asyncio.Future[Coded]] = deque()
    try:
        with Watch() as watch:
            for index in range(plan.count):
                while len(working) > 1:
                    pool.give((await working.popleft()).buffer)
                at = index % _SOURCE_SEGMENTS * SEGMENT_SIZE
                plain = view[at : at + SEGMENT_SIZE]
                segment = plan.segment(index)
                working.append(
                    pipeline.submit(seal_stripe, pipeline.codec, code, sealer, segment, plain, pool.take())
                )
            for last in working:
                await last
    finally:
        pipeline.close()
    return watch.took


def reference(source: bytes, code: Code, threads: int) -> Took:
    """The barest pipeline, its segments dealt out to threads that share nothing."""
    workers = [Reference(code) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool, Watch() as watch:
        shares = [range(first, SEGMENTS, threads) for first in range(threads)]
        done = list(pool.map(lambda worker, share: worker.run(source, share), workers, shares))
    if sum(done) != SEGMENTS * code.m:
        raise RuntimeError("the reference pipeline left blocks out")
    return watch.took


class Reference:
    """One thread's buffers, tables and key."""

    def __init__(self, code: Code) -> None:
        self.code, self._cipher = code, AESGCM(os.urandom(32))
        self.block = (-(-(SEGMENT_SIZE + _TAG) // code.k) + _ALIGN - 1) // _ALIGN * _ALIGN
        self.stripe = bytearray(self.block * code.m)
        self._held = (ctypes.c_char * len(self.stripe)).from_buffer(self.stripe)
        base, pointer = ctypes.addressof(self._held), ctypes.c_void_p
        self._sources = (pointer * code.k)(*(base + at * self.block for at in range(code.k)))
        self._targets = (pointer * (code.m - code.k))(
            *(base + at * self.block for at in range(code.k, code.m))
        )
        library = ctypes.CDLL(LIBRARY)
        tables = library.ec_init_tables
        tables.argtypes, tables.restype = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, pointer], None
        self._encode: Any = library.ec_encode_data
        self._encode.argtypes, self._encode.restype = [ctypes.c_int] * 3 + [pointer] * 3, None
        self._tables = ctypes.create_string_buffer(_TABLE * code.k * (code.m - code.k))
        tables(code.k, code.m - code.k, parity_rows(code), self._tables)

    def run(self, source: bytes, share: range) -> int:
        """Seals, codes and hashes a share of the segments; returns how many blocks that made."""
        view, stripe = memoryview(source), memoryview(self.stripe)
        blocks = [stripe[at * self.block : (at + 1) * self.block] for at in range(self.code.m)]
        sealed = stripe[: SEGMENT_SIZE + _TAG]
        hashed = 0
        for index in share:
            at = index % _SOURCE_SEGMENTS * SEGMENT_SIZE
            plain = view[at : at + SEGMENT_SIZE]
            self._cipher.encrypt_into(index.to_bytes(12), plain, None, sealed)
            self.encode()
            hashed += len([blake3(block).digest() for block in blocks])
        return hashed

    def encode(self) -> None:
        """Writes the parity of the stripe."""
        rows = self.code.m - self.code.k
        self._encode(self.block, self.code.k, rows, self._tables, self._sources, self._targets)


def parity_rows(code: Code) -> bytes:
    """The coefficients of the parity blocks: what zfec makes of the unit vectors."""
    units = [bytes(at == row for at in range(code.k)) for row in range(code.k)]
    encoded: list[bytes] = zfec.Encoder(code.k, code.m).encode(units)
    return b"".join(bytes(block) for block in encoded[code.k :])
