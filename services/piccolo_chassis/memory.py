"""How the C library keeps this process's memory: what bulk frees stays at hand, for a while.

Rules:
* Messages of about a mebibyte come and go all the time. glibc would take each from the kernel and give it
  back at once, and every page would be cleared and mapped anew: a third of the vault's processor time in a
  large upload (docs/performance.md). So they lie in the heap, and its free end is kept.
* One heap for all threads: memory that is free in another thread's heap is given back by nobody (mallopt(3)).
* What is free goes back to the kernel once a minute: a process does not stay as large as its largest hour.
"""

from __future__ import annotations

import asyncio
import ctypes
from typing import Final

# malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_LARGEST: Final = 32 * 1024 * 1024  # glibc takes no more (HEAP_MAX_SIZE / 2)
_KEPT: Final = 128 * 1024 * 1024
_SECONDS: Final = 60.0


def tune() -> None:
    """Settles it for the rest of the process's life; a C library that knows none of this stays as it is."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def give_back() -> None:
    """Gives to the kernel what is free."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(ctypes.c_size_t(0))


async def keep_small() -> None:
    """Gives back what is free, once a minute, until cancelled."""
    while True:
        await asyncio.sleep(_SECONDS)
        await asyncio.to_thread(give_back)
