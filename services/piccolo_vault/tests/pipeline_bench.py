"""Measures the pipeline alone: seal, code and hash, in MB of plaintext a second.

python -m piccolo_vault.tests.pipeline_bench
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass

from piccolo_formats.fek import Fek, Scope
from piccolo_formats.segments import SEGMENT_SIZE, Segment, SegmentSealer
from piccolo_formats.stripes import LONE_STRIPE_SIZE, StripePlan

from piccolo_vault.adapters.codecs import best_codec
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.engine.storage.pipeline import Pipeline, seal_stripe


@dataclass(frozen=True, slots=True)
class Figure:
    """MB (10^6) of plaintext a second, by the clock and by the processor's time."""

    k: int
    m: int
    threads: int
    codec: str
    mb_per_second: float
    mb_per_cpu_second: float


async def measure(code: Code, threads: int, mebibytes: int = 256) -> Figure:
    """Seals, codes and hashes so much plaintext in worker threads, as an upload does."""
    pipeline = Pipeline(best_codec(), threads)
    sealer = SegmentSealer(Fek.generate(os.urandom), Scope(bytes(16), bytes(16)), os.urandom)
    size = StripePlan(2**40, LONE_STRIPE_SIZE, code.k).block_size * code.m
    plain = memoryview(os.urandom(SEGMENT_SIZE))
    free = [bytearray(size) for _ in range(threads + 1)]
    began, cpu = time.perf_counter(), time.process_time()
    running = []
    for index in range(mebibytes):
        segment = Segment(index, False, SEGMENT_SIZE, SEGMENT_SIZE)
        running.append(pipeline.submit(seal_stripe, pipeline.codec, code, sealer, segment, plain, free.pop()))
        if not free:
            free.append((await running.pop(0)).buffer)
    await asyncio.gather(*running)
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    pipeline.close()
    total = mebibytes * SEGMENT_SIZE / 1e6
    return Figure(code.k, code.m, threads, pipeline.codec.name, round(total / wall), round(total / spent))


def figures() -> list[dict[str, object]]:
    """All figures, as plain values."""
    codes = [Code(2, 4), Code(5, 9), Code(6, 9), Code(20, 30)]
    return [asdict(asyncio.run(measure(code, threads))) for code in codes for threads in (1, 2)]


if __name__ == "__main__":
    for figure in figures():
        sys.stdout.write(json.dumps(figure) + "\n")
