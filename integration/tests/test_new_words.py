"""New recovery words: what the circle, the cloud and a burnt device make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.circle import circle
from integration.client import OperationFailedError

FILES = {f"/before/{number}": bytes([number]) * (1_000 if number % 2 else 700_000) for number in range(6)}


@pytest.mark.circle
async def test_new_words_bring_everything_back_and_the_old_ones_nothing(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """The vault is killed in the middle, the device burns: the new words recover it, the old ones do not."""
    async with circle(tmp_path, 4) as made:
        owner = made.owners[1]
        for path, data in FILES.items():
            await owner.api.put(path, data)
        await owner.api.backed_up()
        old = owner.api.words
        operation = await owner.api.new_words()
        assert owner.api.words != old
        await owner.device.kill(["vault"])
        await owner.device.run({"vault": owner.device.settings("vault")})
        await owner.api.log_in()
        await owner.api.finished(operation, 120)
        for path, data in FILES.items():
            assert await owner.api.get(path) == data
        await owner.api.put("/after", b"under the new words")
        await owner.api.backed_up()
        new = owner.api.words

        await owner.burn()
        await owner.start()
        owner.api.words = old
        with pytest.raises(OperationFailedError, match="replaced by new ones on 20"):
            await owner.api.recover()
        owner.api.words = new
        await owner.api.recover()
        for path, data in {**FILES, "/after": b"under the new words"}.items():
            assert await owner.api.get(path) == data
        await owner.api.put("/again", b"and it goes on")
        assert await owner.api.get("/again") == b"and it goes on"


@pytest.mark.circle
async def test_a_member_that_was_away_takes_the_new_words_later(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Until its commit records are renewed it is not over, and the device says so; then twice in a row."""
    async with circle(tmp_path, 4) as made:
        owner, away = made.owners[2], made.owners[3]
        await owner.api.put("/kept", b"k" * 400_000)
        await owner.api.backed_up()
        await away.device.kill()
        operation = await owner.api.new_words()
        await owner.api.put("/meanwhile", b"written while one is away")
        assert await owner.api.get("/kept") == b"k" * 400_000
        assert (await owner.api.status())["new_words"]
        await away.device.start()
        await owner.api.finished(operation, 600)
        assert not (await owner.api.status())["new_words"]
        await owner.api.finished(await owner.api.new_words(), 600)
        assert await owner.api.get("/meanwhile") == b"written while one is away"
