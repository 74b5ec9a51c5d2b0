"""Keeps this process's memory off every disk: no swap, no core dump, no debugger.

Rules:
* Core dumps are forbidden twice: by RLIMIT_CORE, and by PR_SET_DUMPABLE, which also keeps other processes
  of the same user from reading this one's memory (ptrace(2)).
* All memory, present and future, is locked (mlockall(2)), a page when it is first touched (MCL_ONFAULT), so
  that what is reserved and never used costs nothing.
* Locking what comes later is safe only without a limit: with one, some later allocation would fail and end
  the process. So where RLIMIT_MEMLOCK cannot be lifted nothing is locked, and that is said.
"""

from __future__ import annotations

import ctypes
import os
import resource
from dataclasses import dataclass
from pathlib import Path

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_PR_SET_DUMPABLE = 4
_CAP_IPC_LOCK = 14


@dataclass(frozen=True, slots=True)
class Protection:
    """What was achieved. `problem` says in words what was not; empty when all was."""

    locked: bool
    undumpable: bool
    problem: str


def protect() -> Protection:
    """Protects this process for the rest of its life."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mlockall.argtypes = [ctypes.c_int]
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    undumpable = libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    problem = "" if undumpable else "the kernel refused to forbid core dumps"
    if why := _lock(libc):
        return Protection(
            locked=False, undumpable=undumpable, problem="; ".join(filter(None, (problem, why)))
        )
    return Protection(locked=True, undumpable=undumpable, problem=problem)


def _lock(libc: ctypes.CDLL) -> str:
    """Locks all memory; returns why it could not, or nothing."""
    if not _unlimited():
        return "memory is not locked: the unit must set LimitMEMLOCK=infinity"
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        return f"memory is not locked: {os.strerror(ctypes.get_errno())}"
    return ""


def _unlimited() -> bool:
    if _may_lock_anything():
        return True
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard != resource.RLIM_INFINITY:
        return False
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    return True


def _may_lock_anything() -> bool:
    """Whether this process has CAP_IPC_LOCK, for which the limit does not count (capabilities(7))."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_IPC_LOCK & 1)
