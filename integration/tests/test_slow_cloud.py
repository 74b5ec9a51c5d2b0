"""A line to the cloud that trickles from the first byte of a recovery to its last.

At a few KiB a second it takes its time and tells how far it is. At a byte a second nothing can come of it:
that is said, in words that name the cloud, and the device stays blank.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from piccolo_formats.client_seal import Purpose

from integration.bad_days.owed import Owed
from integration.bad_days.wire import Way, only_root
from integration.bad_days.wired import wired
from integration.client import Client

_SEED: Final = 7
_FILES: Final = 200  # their names and keys are some eighty KiB in a backup
_RATE: Final = 4096  # bytes a second, of each connection and each way
_RECOVERED_SECONDS: Final = 240.0  # a third of it goes by on a quiet machine
_REFUSED_SECONDS: Final = 90.0  # a connection to the cloud is given up after twenty


@only_root
@pytest.mark.circle
async def test_a_recovery_over_a_line_that_trickles(tmp_path: Path, no_leaked_processes: None) -> None:
    """First a byte a second, then a few KiB; what is newer than the backup comes from the members."""
    async with wired(tmp_path, 3) as (made, wires):
        owner, chance = made.owners[0], Random(_SEED)
        owed = Owed(owner.api)
        await owed.api.reaches_all()
        files = {f"/{number}": chance.randbytes(2_000) for number in range(_FILES)}
        await asyncio.gather(*(owed.put(path, data) for path, data in files.items()))
        await owed.api.back_up()
        await owed.api.backed_up()
        wires.between([owner.device], [made.cloud], Way.trickle())
        await owed.put("/newer than the backup", b"known to the members")
        await owner.burn()
        await owner.start()

        async with asyncio.timeout(_REFUSED_SECONDS):
            *_, refused = await _recovery(owner.api)
        assert (refused["state"], refused["error_reason"]) == ("failed", "CLOUD_AWAY")
        assert "give your circle's contacts" in refused["error_message"]
        assert (await owner.api.status())["keys"] == "empty"

        wires.between([owner.device], [made.cloud], Way(rate=_RATE))
        async with asyncio.timeout(_RECOVERED_SECONDS):
            told = await _recovery(owner.api)
        assert told[-1]["state"] == "succeeded", told[-1]["error_message"]
        on_the_way = {each["done"] for each in told if each["phase"] == "Fetching the snapshot"}
        assert len(on_the_way) >= 3, "a line that is slow is seen to move"
        await owner.api.log_in()
        await owed.look()
        await owed.put("/afterwards", b"the line still trickles")
        wires.heal()
        await owed.api.backed_up()
        await owed.look()


async def _recovery(api: Client) -> list[dict[str, Any]]:
    """All that is told of a recovery, to its end."""
    started = await api.ask(
        "POST",
        "/recovery",
        {
            "words": await api.sealed(Purpose.WORDS, api.words),
            "passphrase": await api.sealed(Purpose.PASSPHRASE, api.passphrase),
        },
    )
    told = []
    async for _, operation in api.events(started["operation_id"]):
        told.append(dict(operation))
        if operation["state"] != "running":
            break
    return told
