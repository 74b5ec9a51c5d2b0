"""Members that say what their disks lost: healed where it lay, and believed no further than is wise."""

from __future__ import annotations

import pytest

from piccolo_vault.engine.storage.check import Checker
from piccolo_vault.engine.storage.hints import A_DAY, AGAIN_SECONDS, Hints
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import FakeKeeper, random_bytes
from piccolo_vault.tests.world import World, world


def hints(here: World) -> Hints:
    store = here.store
    checker: Checker = store._checker
    return Hints(here.context, checker)


def damage(keeper: FakeKeeper) -> list[bytes]:
    """Everything on a keeper's disk rots, and its scrub finds it."""
    for kept in keeper.fragments.values():
        kept.state = KeptState.DAMAGED
        kept.blocks = [bytes(len(block)) for block in kept.blocks]
    return list(keeper.fragments)


@pytest.mark.parametrize("size", [3_000, 700_000, 9 << 20])
@pytest.mark.parametrize("locked", [False, True])
async def test_what_a_member_lost_is_put_again_where_it_was(size: int, locked: bool) -> None:
    data = random_bytes(size)
    async with world(9) as here:
        await here.put("/f", data)
        for _ in range(4):
            here.joins()  # others that could take it
        hurt = next(keeper for keeper in here.keepers if keeper.fragments)
        lost = damage(hurt)
        here.keyring.locked = locked
        await here.store.maintenance.look_at_all()
        await hints(here).follow()
        assert here.objects.repairs
        await here.store.maintenance.repair_due(impatient=False)
        assert [hurt.fragments[each].state for each in lost] == [KeptState.LIVE] * len(lost)
        assert not any(keeper.fragments for keeper in here.keepers[9:])
        assert not here.objects.repairs
        here.keyring.locked = False
        others = [keeper for keeper in here.keepers[:9] if keeper is not hurt][:4]
        for keeper in others:
            keeper.down = True
        assert await here.get("/f") == data


async def test_a_member_that_cries_wolf_costs_a_question_now_and_then() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        liar = here.keepers[0]
        liar.false_hints = (*liar.fragments, bytes(16))
        followed = hints(here)
        await here.store.maintenance.look_at_all()
        gets = sum(keeper.gets for keeper in here.keepers)
        for _ in range(5):
            await followed.follow()
        assert not here.objects.repairs
        assert sum(keeper.gets for keeper in here.keepers) == gets
        assert followed._believed[liar.member.owner_id].followed == 2
        here.clock_offset += AGAIN_SECONDS
        await followed.follow()
        assert (
            followed._believed[liar.member.owner_id].followed == 3
        )  # what nobody knows is not looked for twice


async def test_only_so_many_hints_of_a_member_are_followed_a_day() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        liar = here.keepers[0]
        liar.false_hints = tuple(number.to_bytes(16) for number in range(A_DAY + 500))
        followed = hints(here)
        await here.store.maintenance.look_at_all()
        for _ in range(4):
            await followed.follow()
            here.clock_offset += AGAIN_SECONDS
        assert followed._believed[liar.member.owner_id].followed == A_DAY
        here.clock_offset += 86_400
        await followed.follow()
        assert followed._believed[liar.member.owner_id].followed == A_DAY
