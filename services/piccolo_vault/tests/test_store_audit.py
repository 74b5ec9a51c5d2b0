"""Audits: what they find, how surely, how quietly, and what they never take for a loss."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_vault.core.storage import auditing
from piccolo_vault.core.storage.auditing import Draw, blocks_to_find
from piccolo_vault.core.storage.figures import Figures, from_json, to_json
from piccolo_vault.core.storage.settings import StoreSettings
from piccolo_vault.engine.storage.audit import Auditor
from piccolo_vault.engine.storage.figures import FIGURES_KEY, KeptFigures
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import FakeKeeper, random_bytes
from piccolo_vault.tests.world import MIB, QUICK, World, world

BUSY = StoreSettings(**{**{name: getattr(QUICK, name) for name in QUICK.__slots__}, "audit_requests": 2_295})


def auditor(here: World) -> tuple[Auditor, KeptFigures]:
    figures = KeptFigures(here.context)
    return Auditor(here.context, here.store._fetcher, here.store._checker, figures), figures


async def audit_a_day(here: World) -> KeptFigures:
    audits, figures = auditor(here)
    await figures.load()
    for drawn in await audits.plan():
        await audits.audit(drawn)
    return figures


def rot(keeper: FakeKeeper, share: float, seed: int) -> int:
    """Spoils a share of a member's blocks; returns how many."""
    chance = random.Random(seed)
    places = [(kept, at) for kept in keeper.fragments.values() for at in range(len(kept.blocks))]
    chosen = chance.sample(places, max(1, round(share * len(places))))
    for kept, at in chosen:
        kept.blocks[at] = bytes(len(kept.blocks[at]))
    return len(chosen)


def test_the_figures_of_the_rules() -> None:
    assert blocks_to_find(0.05, 0.99) == 90
    assert blocks_to_find(0.01, 0.99) == 459
    for wrong in ((0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            blocks_to_find(*wrong)


@given(st.floats(0.001, 0.9), st.floats(0.01, 0.9999))
def test_so_many_blocks_are_enough_and_one_less_is_not(loss: float, confidence: float) -> None:
    count = blocks_to_find(loss, confidence)
    assert 1 - (1 - loss) ** count >= confidence - 1e-9
    assert count == 1 or 1 - (1 - loss) ** (count - 1) < confidence + 1e-9


@given(st.integers(1, 50), st.lists(st.integers(1, 30), min_size=1, max_size=40), st.randoms())
def test_a_draw_has_as_many_blocks_as_asked_and_only_such_as_there_are(
    count: int, sizes: list[int], chance: random.Random
) -> None:
    draw = Draw(count, chance.random)
    for number, size in enumerate(sizes):
        draw.add(number.to_bytes(16), number, size)
    assert len(draw.drawn) == count
    for each in draw.drawn:
        assert each.block < sizes[each.index]
    assert Draw(count, chance.random).drawn == []


def test_every_block_is_as_likely_as_any_other_however_large_its_object() -> None:
    chance = random.Random(1)
    sizes, seen, draws = [1, 500, 1, 1, 40, 1], Counter[int](), 200
    for _ in range(draws):
        draw = Draw(90, chance.random)
        for number, size in enumerate(sizes):
            draw.add(bytes(16), number, size)
        seen.update(each.index for each in draw.drawn)
    total = sum(sizes)
    for number, size in enumerate(sizes):
        expected = draws * 90 * size / total
        assert abs(seen[number] - expected) < 6 * expected**0.5, (number, seen[number], expected)


@given(st.integers(1, 10**6), st.integers(1, 1 << 40), st.integers(0, 1 << 22), st.floats(0, 1))
def test_a_pause_keeps_the_days_budget_on_average(
    requests: int, bytes_: int, size: int, drawn: float
) -> None:
    mean = auditing.pause(requests, bytes_, size, 0.5)
    assert mean * requests >= 86_400 * 0.999
    assert mean * bytes_ >= 86_400 * size * 0.999
    assert 0.499 * mean <= auditing.pause(requests, bytes_, size, drawn) <= 1.501 * mean


async def test_a_member_that_lost_a_twentieth_of_its_blocks_is_found_and_healed_by_a_locked_device() -> None:
    files = {f"/{number}": random_bytes(6 * MIB) for number in range(2)}
    async with world(5, BUSY) as here:
        for path, data in files.items():
            await here.put(path, data)
        hurt = here.keepers[2]
        assert rot(hurt, 0.05, seed=7) == 1
        here.keyring.locked = True
        figures = await audit_a_day(here)
        assert figures.of(hurt.member.owner_id).failed == 1
        others = [keeper.member.owner_id for keeper in here.keepers if keeper is not hurt]
        assert all(figures.of(owner).failed == 0 for owner in others)
        assert all(figures.of(owner).audited >= 90 for owner in others)
        assert here.objects.repairs
        await here.store.maintenance.repair_due(impatient=False)
        assert (await audit_a_day(here)).of(hurt.member.owner_id).failed == 1  # of before; nothing new
        assert not here.objects.repairs
        here.keyring.locked = False
        for keeper in [each for each in here.keepers if each is not hurt][:2]:
            keeper.down = True
        for path, data in files.items():
            assert await here.get(path) == data


@pytest.mark.parametrize("state", [KeptState.ABSENT, KeptState.DAMAGED])
async def test_what_is_not_there_is_noted_and_queued(state: KeptState) -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        for kept in here.keepers[1].fragments.values():
            kept.state = state
        figures = await audit_a_day(here)
        assert figures.of(here.keepers[1].member.owner_id).failed > 0
        (stored,) = here.objects.objects.values()
        assert len(stored.missing) == 1
        assert len(here.objects.repairs) == 1


async def test_who_is_away_has_not_failed() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[1].down = True
        figures = await audit_a_day(here)
        assert figures.of(here.keepers[1].member.owner_id) == Figures()
        assert not (await here.objects.get_object(next(iter(here.objects.objects)))).missing


async def test_what_was_deleted_or_moved_since_it_was_drawn_is_no_failure() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        audits, figures = auditor(here)
        await figures.load()
        drawn = await audits.plan()
        await here.store.delete("/f", recursive=False, expected_revision=None)
        for each in drawn:
            await audits._audit(each)
        assert all(figures.of(keeper.member.owner_id).failed == 0 for keeper in here.keepers)
        assert not here.objects.repairs


async def test_an_audit_is_one_get_of_one_block() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(9 * MIB))
        before = {keeper.member.name: keeper.gets for keeper in here.keepers}
        audits, figures = auditor(here)
        await figures.load()
        drawn = await audits.plan()
        for each in drawn:
            assert await audits.audit(each) > 0
        assert sum(keeper.gets - before[keeper.member.name] for keeper in here.keepers) == len(drawn)


async def test_figures_outlive_a_restart_and_are_written_rarely() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        figures = await audit_a_day(here)
        await here.store.maintenance.look_at_all()
        await figures.keep()
        assert FIGURES_KEY not in here.objects.state  # an hour has not passed
        here.clock_offset += 3_600
        await figures.keep()
        again = KeptFigures(here.context)
        await again.load()
        for keeper in here.keepers:
            owner = keeper.member.owner_id
            assert again.of(owner) == figures.of(owner)
            assert again.of(owner).availability == 1.0
            assert again.of(owner).audited > 0
            assert again.of(owner).offer_bytes == 2**40


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"zz": {}}', b'{"00": {}}', b'{"00": {"days": 1}}'])
def test_figures_that_cannot_be_read_begin_anew(data: bytes) -> None:
    assert from_json(data) == {}


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_availability_is_that_of_the_last_thirty_days_and_survives_keeping(
    looks: list[tuple[int, int, int]],
) -> None:
    figures = Figures()
    for day, answers, more in looks:
        figures.looked(day, answers + more, answers)
    assert len(figures.days) <= 30
    assert figures.availability is None or 0 <= figures.availability <= 1
    assert from_json(to_json({b"member": figures})) == {b"member": figures}


async def test_it_runs_by_itself_and_never_when_it_is_switched_off() -> None:
    quick = {**{name: getattr(QUICK, name) for name in QUICK.__slots__}}
    settings = StoreSettings(**{**quick, "audit_requests": 86_400_000, "audit_bytes": 1 << 50})
    async with world(4, settings) as here:
        await here.put("/f", random_bytes(700_000))
        audits, figures = auditor(here)
        await figures.load()
        before = here.keepers[0].gets
        task = asyncio.create_task(audits.run())

        async def audited() -> bool:
            return here.keepers[0].gets > before

        await here.until(audited)
        task.cancel()
    async with world(4, StoreSettings(**{**quick, "audit_requests": 0})) as here:
        await auditor(here)[0].run()
