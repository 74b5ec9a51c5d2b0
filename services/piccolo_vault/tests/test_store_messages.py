"""A large file travels in few messages, and none of it waits for more to come."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from piccolo_vault.engine.storage import fanout
from piccolo_vault.engine.storage.files import Finish, Step, WriteStart
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, QUICK, world

_SENT = "member-0.put.send"


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, nothing is sent because a moment is over."""
    monkeypatch.setattr(fanout, "_MOMENT", 3600.0)


@pytest.mark.usefixtures("no_hurry")
async def test_messages_are_full() -> None:
    async with world(9) as here:
        await here.put("/f", data := random_bytes(24 * MIB))
        sent = Counter(name for name in here.steps.names if name.endswith("put.send"))
        assert len(sent) == 9
        # 24 MiB as 4 of 9: 6 MiB of each fragment, and what the sealing adds
        assert max(sent.values()) <= 8
        assert await here.get("/f") == data


@pytest.mark.usefixtures("no_hurry")
async def test_a_window_smaller_than_the_file_hurries_what_waits() -> None:
    async with world(9, replace(QUICK, window=8 * MIB)) as here:
        await here.put("/f", data := random_bytes(24 * MIB))
        assert await here.get("/f") == data


async def test_what_a_slow_client_sent_does_not_wait_for_the_rest() -> None:
    data, go_on = random_bytes(8 * MIB), asyncio.Event()

    async def steps() -> AsyncIterator[Step]:
        yield data[: 4 * MIB]  # less than a message for each keeper
        await go_on.wait()
        yield data[4 * MIB :]
        yield Finish(len(data))

    async def nothing(durable: int) -> None:
        del durable

    async with world(9) as here:
        writing = asyncio.ensure_future(here.store.write(WriteStart("/f", size=len(data)), steps(), nothing))

        async def arrived() -> bool:
            return _SENT in here.steps.names

        await here.until(arrived)
        go_on.set()
        await writing
        assert await here.get("/f") == data
