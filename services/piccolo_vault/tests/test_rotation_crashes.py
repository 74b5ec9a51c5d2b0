"""New words and power that goes: at any call and at any write, whatever is asked of whom.

Half as many moments as rounds are tried, drawn from the seed: script/test component --seed S --rounds R
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from piccolo_vault.engine.keys.custody import ROTATION_FILE
from piccolo_vault.testing_keys import Crash, MemoryFiles
from piccolo_vault.tests.burned import SUCCEEDED
from piccolo_vault.tests.test_rotation import Power, Scene, scene_at, through, unlocked

pytestmark = pytest.mark.component


@pytest.fixture
def dice(pytestconfig: pytest.Config) -> random.Random:
    """Draws the moments."""
    seed = pytestconfig.getoption("--seed")
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f"seed {seed}")  # noqa: T201 - told when it fails
    return random.Random(seed)


@pytest.fixture
def moments(pytestconfig: pytest.Config) -> int:
    """How many are tried."""
    return max(1, int(pytestconfig.getoption("--rounds")) // 2)


async def calls_of(folder: Path, *, exposed: bool) -> int:
    """How many calls a whole rotation makes."""
    power = Power()
    async with scene_at(folder, exposed=exposed) as scene:
        scene.box.around = power.around
        async with scene.box.vault() as vault:
            await unlocked(vault)
            await scene.begin(vault)
            power.count = 0
            await through(scene.box, vault)
    return power.count


async def crashed(scene: Scene, power: Power) -> bool:
    """A rotation whose device loses power in the middle; False when it came to its end before."""
    ended = False
    scene.box.around = power.around
    async with scene.box.vault() as vault:
        await unlocked(vault)
        at, power.at = power.at, 0
        await scene.begin(vault)
        power.count, power.at = 0, at
        try:
            await through(scene.box, vault)
            ended = True
        except (Crash, BaseExceptionGroup):  # members are asked in a group
            pass
    scene.box.around = lambda neighbour: neighbour
    return not ended


async def totals_of(folder: Path) -> dict[bool, int]:
    """The same of plain new words, and of words that were exposed."""
    return {each: await calls_of(folder / f"count {each}", exposed=each) for each in (False, True)}


def drawn(dice: random.Random, totals: dict[bool, int], moments: int) -> list[tuple[bool, int]]:
    """Moments of both kinds."""
    every = [(exposed, at) for exposed, total in totals.items() for at in range(1, total + 1)]
    return sorted(dice.sample(every, min(moments, len(every))))


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_call_is_gone_on_from(
    tmp_path: Path, dice: random.Random, moments: int, after: bool
) -> None:
    totals = await totals_of(tmp_path)
    assert min(totals.values()) > 15
    for number, (exposed, at) in enumerate(drawn(dice, totals, moments)):
        async with scene_at(tmp_path / f"{number}", exposed=exposed) as scene:
            if not await crashed(scene, Power(at, after)):
                assert at > totals[exposed] - 3
                continue
            async with scene.box.vault() as vault:
                await unlocked(vault)
                await through(scene.box, vault)
                scene.check_done(scene.box, vault)


@pytest.mark.parametrize("torn", [False, True])
async def test_a_crash_at_any_write_to_the_disk_is_gone_on_from(
    tmp_path: Path, dice: random.Random, moments: int, torn: bool
) -> None:
    step = max(1, 20 // moments)
    for at in range(dice.randint(1, step), 40, step):
        async with scene_at(tmp_path / f"{at}", exposed=dice.random() < 0.5) as scene:
            files = scene.box.files = MemoryFiles(dict(scene.box.files.content))
            ended = False
            async with scene.box.vault() as vault:
                await unlocked(vault)
                files.changes, files.crash_at, files.torn = 0, at, torn
                try:
                    await scene.begin(vault)
                    await through(scene.box, vault)
                    ended = True
                except Crash:
                    pass
            scene.box.files = files.rebooted()
            async with scene.box.vault() as vault:
                scene.box.clock.pass_by(600)  # a guess that was cut off counts as a wrong one
                await unlocked(vault)
                if ROTATION_FILE not in scene.box.files.content and vault.owner.epoch == 1:
                    continue  # it never began
                await through(scene.box, vault)
                scene.check_done(scene.box, vault)
            if ended:
                return
    raise AssertionError("the rotation writes more often than was thought")


@pytest.mark.parametrize("after", [False, True])
async def test_the_device_burns_at_any_call_and_the_right_words_bring_it_back(
    tmp_path: Path, dice: random.Random, moments: int, after: bool
) -> None:
    totals = await totals_of(tmp_path)
    for number, (exposed, at) in enumerate(drawn(dice, totals, moments)):
        async with scene_at(tmp_path / f"{number}", exposed=exposed) as scene:
            if not await crashed(scene, Power(at, after)):
                assert at > totals[exposed] - 3
                continue
            owner = scene.box.metadata.state["vault/owner"]
            begun = bool(scene.burned.cloud.logs.get(scene.new.locator().public))
            words = scene.words if begun else scene.burned.words
            async with scene.burned.new.vault() as blank:
                ended = await scene.burned.recover(blank, words=words)
                assert (ended.state, ended.error_message) == (SUCCEEDED, ""), at
                assert blank.owner.owner == owner
                if not begun:
                    assert scene.opened(scene.burned.new, lambda _, it=scene: it.old)  # type: ignore[misc]
                    continue
                scene.burned.new.metadata.files = 0
                await through(scene.burned.new, blank)
                scene.check_done(scene.burned.new, blank)
