"""Waits that several things end."""

from __future__ import annotations

import asyncio


async def until_any(seconds: float, *events: asyncio.Event) -> None:
    """Returns when one of the events is set, after so many seconds at most."""
    waits = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
