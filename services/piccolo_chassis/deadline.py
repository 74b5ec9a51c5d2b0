"""How long the work at hand may still take, known to everything that runs on behalf of a request.

Rules:
* A handler's deadline bounds the calls that it makes: nobody works for a client that has given up.
* Work that outlives its request (an Operation) forgets the deadline: see `forget`, used by `tasks.Tasks`.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

_at: ContextVar[float | None] = ContextVar("piccolo_deadline", default=None)


def begin(seconds: float) -> float:
    """Sets the deadline of this task and its children; returns it in the event loop's time."""
    at = asyncio.get_running_loop().time() + seconds
    _at.set(at)
    return at


def forget() -> None:
    """Frees this context of its request's deadline."""
    _at.set(None)


def shortest(*seconds: float | None) -> float | None:
    """The smallest of the given limits and what is left of the request's own; None when there is no limit."""
    at = _at.get()
    left = None if at is None else max(0.0, at - asyncio.get_running_loop().time())
    return min((limit for limit in (*seconds, left) if limit is not None), default=None)
