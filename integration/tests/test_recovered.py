"""What an owner has back after the device burned: also what no backup had yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.circle import circle


@pytest.mark.circle
async def test_what_was_acknowledged_while_the_cloud_was_away_is_there_when_the_recovery_ends(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """The members' commit records bring back what is newer than the backup, before the end is told."""
    async with circle(tmp_path, 4) as made:
        owner = made.owners[0]
        await owner.api.put("/old", b"from the backup")
        await owner.api.put("/changed", b"as it was")
        await owner.api.backed_up()
        await made.cloud.kill()
        newer = {"/changed": b"as it is", "/new": b"small", "/large": bytes(range(256)) * 20_000}
        for path, data in newer.items():
            await owner.api.put(path, data)
        await owner.burn()
        await made.cloud.start()
        await owner.start()
        await owner.api.recover()
        assert await owner.api.get("/old") == b"from the backup"
        for path, data in newer.items():
            assert await owner.api.get(path) == data
        assert not (await owner.api.health()).unreconciled
