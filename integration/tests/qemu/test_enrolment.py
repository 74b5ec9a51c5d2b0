"""A firmware that knows nobody's keys takes ours from the image, as on a real board (docs/device.md)."""

from __future__ import annotations

import asyncio

import pytest

from integration.machines.facts import is_measured, is_sealed
from integration.machines.images import Image
from integration.machines.qemu import Qemu, device

pytestmark = pytest.mark.qemu
OFFER = "Enroll Secure Boot keys: piccolo"
SECONDS = 300.0
BEATS_SECONDS = 0.2


async def hold_until(made: Qemu, key: str, words: str) -> None:
    """Holds a key down until the console says this."""
    async with asyncio.timeout(SECONDS):
        while words not in made.said():
            await made.press(key)
            await asyncio.sleep(BEATS_SECONDS)  # a key that is held is one that is struck again and again


async def test_setup_mode_takes_the_keys_when_somebody_asks_for_it(development: Image) -> None:
    """Nothing is enrolled unasked; then Secure Boot is on, and the data is made under it."""
    async with device(development, "setup_mode", secure=False) as made:
        await made.switch_on()
        await hold_until(made, "spc", OFFER)
        made.power.monitor.forget()
        await made.press("end")
        await made.press("ret")
        await made.power.monitor.event("RESET", SECONDS)
        await made.faced()
        for fact in (is_measured, is_sealed):
            await fact(made)
        await made.stop()
        made.forget()
        await made.start()
        await is_sealed(made)
