"""After new words: every keeper's commit records open by the new words alone, whoever was away meanwhile."""

from __future__ import annotations

from piccolo_chassis.errors import PiccoloError
from piccolo_formats.commit_record import open_commit
from piccolo_formats.errors import FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SealingKey
from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

from piccolo_vault.engine.storage.renewal import Renewal, State
from piccolo_vault.testing import FakeKeeper, random_bytes
from piccolo_vault.tests.world import World, world

NEW = Kek(bytes(range(1, 33)))


class Told:
    """The keys' half: wants records renewed, and hears how far that is."""

    def __init__(self) -> None:
        self.done = False
        self.last = (0, 0, 0)

    def renewing(self) -> bool:
        return not self.done

    def renewed(self, done: int, total: int, waiting: int) -> None:
        self.last = (done, total, waiting)
        self.done = done == total and not waiting


async def rotated(here: World) -> Told:
    """Files under the old words, and new ones in force."""
    for number in range(3):
        await here.put(f"/{number}", random_bytes(300_000))
        await here.put(f"/small/{number}", random_bytes(900))
    here.keyring.backup_public = lambda: NEW.backup().public  # type: ignore[method-assign]
    return Told()


def opens(keeper: FakeKeeper, key: SealingKey) -> set[bool]:
    """Whether this keeper's records open by a key."""
    found = set()
    for kept in keeper.fragments.values():
        try:
            open_commit(open_signed(Commit, kept.record), key)
            found.add(True)
        except FormatError:
            found.add(False)
    return found


async def rounds(here: World, renewal: Renewal, told: Told, most: int) -> None:
    """So many rounds, without the pauses between them."""
    for _ in range(most):
        renewal._again = 0.0
        try:
            await renewal.renew()
        except PiccoloError:
            continue
        if told.done:
            return


async def test_all_records_are_renewed_and_it_is_told() -> None:
    async with world() as here:
        told = await rotated(here)
        old = here.keyring.kek().backup()
        assert all(opens(keeper, old) == {True} for keeper in here.keepers)
        await rounds(here, Renewal(here.context, told), told, 3)
        assert told.done
        assert all(opens(keeper, NEW.backup()) == {True} for keeper in here.keepers)
        assert all(opens(keeper, old) == {False} for keeper in here.keepers)
        assert await here.objects.get_state("renewal") is None
        for number in range(3):
            assert len(await here.get(f"/{number}")) == 300_000


async def test_a_keeper_that_is_away_is_waited_for_and_only_its_own_is_tried_again() -> None:
    async with world() as here:
        told = await rotated(here)
        here.keepers[0].down = True
        renewal = Renewal(here.context, told)
        await rounds(here, renewal, told, 2)
        assert not told.done
        assert told.last[2] > 0
        kept = await here.objects.get_state("renewal")
        assert kept is not None
        state = State.from_bytes(kept)
        assert state is not None
        assert state.whole
        assert len(state.failed) == told.last[2]
        await here.crash()
        here.keepers[0].down = False
        await rounds(here, Renewal(here.context, told), told, 5)
        assert told.done
        assert all(opens(keeper, NEW.backup()) == {True} for keeper in here.keepers)


async def test_nothing_happens_while_nobody_wants_it() -> None:
    async with world() as here:
        await here.put("/a", b"x")
        told = Told()
        told.done = True
        await Renewal(here.context, told).renew()
        assert await here.objects.get_state("renewal") is None


def test_a_note_that_cannot_be_read_begins_anew() -> None:
    state = State(epoch=2, token="t", whole=True, failed=(bytes(16),), done=7)
    assert State.from_bytes(state.to_bytes()) == state
    assert State.from_bytes(b"torn") is None
