"""Streams that end with the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from piccolo_chassis.errors import Kind, PiccoloError

T = TypeVar("T")


async def until(stopping: asyncio.Event, items: AsyncIterator[T]) -> AsyncGenerator[T]:
    """The items, until the process stops; then PiccoloError UNAVAILABLE, STOPPING."""
    stop = asyncio.ensure_future(stopping.wait())
    try:
        while True:
            following = asyncio.ensure_future(anext(items))
            try:
                await asyncio.wait((following, stop), return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    raise PiccoloError(
                        Kind.UNAVAILABLE, "STOPPING", "The service is stopping; watch again in a moment."
                    )
                yield following.result()
            finally:
                following.cancel()
    finally:
        stop.cancel()
