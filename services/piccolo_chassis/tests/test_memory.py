"""What bulk frees stays at hand until it is given back: in processes of their own, which have no past."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Final

import pytest

from piccolo_chassis import command, memory

_PROGRAM: Final = """
import ctypes, json, resource
from pathlib import Path
from piccolo_chassis import memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

def bulk():
    pieces = [bytes([1]) * (1 << 20) for _ in range(48)]

# PR_SET_THP_DISABLE of linux/prctl.h: a huge page would count as one, and whether there is one is chance
assert ctypes.CDLL(None).prctl(41, 1, 0, 0, 0) == 0
if TUNED:
    memory.tune()
bulk()
before = faults()
bulk()
again, held = faults() - before, resident()
memory.give_back()
print(json.dumps([again, held - resident()]))
"""
_PAGES: Final = 48 * 256


async def _ran(*, tuned: bool) -> tuple[int, int]:
    """Pages touched anew when the same bulk comes again, and pages given back afterwards."""
    program = _PROGRAM.replace("TUNED", str(tuned))
    told = await command.run([sys.executable, "-c", program], seconds=60)
    again, given = json.loads(told.stdout)
    return again, given


async def test_bulk_that_comes_again_touches_no_new_pages() -> None:
    touched, without = (await _ran(tuned=True))[0], (await _ran(tuned=False))[0]
    assert touched < _PAGES // 10
    assert touched < without // 4, "this is what it would cost"


async def test_what_is_free_goes_back() -> None:
    assert (await _ran(tuned=True))[1] > _PAGES * 9 // 10


async def test_it_goes_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    times, twice = 0, asyncio.Event()
    loop = asyncio.get_running_loop()

    def given() -> None:
        nonlocal times
        times += 1
        if times == 2:
            loop.call_soon_threadsafe(twice.set)

    monkeypatch.setattr(memory, "give_back", given)
    monkeypatch.setattr(memory, "_SECONDS", 0)
    keeping = asyncio.create_task(memory.keep_small())
    await asyncio.wait_for(twice.wait(), 10)
    keeping.cancel()
