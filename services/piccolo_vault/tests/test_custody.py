"""The custody of the KEK: every order of calls, every moment of a crash, wrong passphrases, delays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.passphrase import SealedKek

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.delay import delay_after
from piccolo_vault.core.keys.shown import Shown
from piccolo_vault.engine.keys.custody import OWNER_FILE, SEALED_FILE, Custody
from piccolo_vault.testing_keys import CHEAP, Crash, MemoryFiles, SetClock, good_new
from piccolo_vault.tests.vault_on import reason_of

GOOD = "seven green kettles"
OTHER = "eleven purple anvils"
WRONG = "nineteen blue lanterns"


def custody_on(files: MemoryFiles, clock: SetClock | None = None) -> Custody:
    return Custody(files, os.urandom, clock or SetClock(), CHEAP, good_new)


def answer(shown: Shown) -> str:
    return " ".join(shown.words[at - 1] for at in shown.ask)


@contextmanager
def refused(reason: str, kind: Kind | None = None) -> Iterator[None]:
    with pytest.raises(PiccoloError) as caught:
        yield
    assert caught.value.reason == reason
    assert kind is None or caught.value.kind is kind


async def owned(files: MemoryFiles, clock: SetClock | None = None) -> tuple[Custody, Shown]:
    custody = custody_on(files, clock)
    shown = await custody.setup(GOOD)
    await custody.confirm(answer(shown))
    return custody, shown


async def test_setup_shows_words_and_confirming_three_of_them_opens_the_vault() -> None:
    files = MemoryFiles()
    custody = custody_on(files)
    shown = await custody.setup(GOOD)
    with refused("WORDS_UNCONFIRMED", Kind.PRECONDITION):
        custody.kek()
    await custody.confirm(answer(shown))
    assert custody.stage is Stage.UNLOCKED
    assert custody.kek().to_words() == shown.words


async def test_the_kek_is_on_the_disk_before_the_words_are_shown() -> None:
    files = MemoryFiles()
    shown = await custody_on(files).setup(GOOD)
    again = custody_on(files.rebooted())
    assert again.stage is Stage.UNCONFIRMED
    assert again.asked == shown.ask
    with refused("LOCKED", Kind.LOCKED):
        await again.confirm(answer(shown))
    await again.unlock(GOOD)
    assert again.stage is Stage.UNCONFIRMED
    await again.confirm(answer(shown))
    assert again.kek().to_words() == shown.words


async def test_an_unconfirmed_setup_can_be_repeated_and_the_old_words_are_worth_nothing() -> None:
    files = MemoryFiles()
    custody = custody_on(files)
    first = await custody.setup(GOOD)
    second = await custody.setup(OTHER)
    assert first.words != second.words
    with refused("PASSPHRASE_WRONG"):
        await custody.verify(GOOD)
    await custody.confirm(answer(second))
    assert not custody.test_words(" ".join(first.words))
    assert custody.test_words(" ".join(second.words))


async def test_wrong_words_are_named_and_nothing_is_confirmed() -> None:
    custody = custody_on(MemoryFiles())
    shown = await custody.setup(GOOD)
    said = answer(shown).split()
    said[1] = "zoo" if said[1] != "zoo" else "zone"
    with pytest.raises(PiccoloError) as caught:
        await custody.confirm(" ".join(said))
    assert caught.value.details["positions"] == str(shown.ask[1])
    assert custody.stage is Stage.UNCONFIRMED


async def test_lock_forgets_and_unlock_brings_back_the_same_key() -> None:
    files = MemoryFiles()
    custody, shown = await owned(files)
    await custody.lock()
    await custody.lock()
    assert custody.stage is Stage.LOCKED
    with refused("LOCKED", Kind.LOCKED):
        custody.kek()
    assert bytes(custody._box._buffer) == bytes(32)
    assert custody.owner().backup
    await custody.unlock(GOOD)
    assert custody.kek().to_words() == shown.words


async def test_a_weak_passphrase_changes_nothing() -> None:
    files = MemoryFiles()
    custody = custody_on(files)
    with refused("PASSPHRASE_TRIVIAL"):
        await custody.setup("12345678")
    assert files.content == {}
    custody, _ = await owned(files)
    before = dict(files.content)
    with refused("PASSPHRASE_SHORT"):
        await custody.change(GOOD, "short")
    assert files.content == before


async def test_another_passphrase_opens_the_same_key() -> None:
    files = MemoryFiles()
    custody, shown = await owned(files)
    await custody.lock()
    await custody.change(GOOD, OTHER)
    assert custody.stage is Stage.LOCKED
    await custody.unlock(OTHER)
    assert custody.kek().to_words() == shown.words
    with refused("PASSPHRASE_WRONG", Kind.UNAUTHENTICATED):
        await custody.unlock(GOOD)


async def test_passphrases_are_compared_in_normal_form() -> None:
    custody = custody_on(MemoryFiles())
    await custody.setup("Fünf Köche würzen")
    await custody.verify("Fu\u0308nf Ko\u0308che wu\u0308rzen")


async def test_wrong_passphrases_wait_longer_and_longer() -> None:
    clock = SetClock()
    custody, _ = await owned(MemoryFiles(), clock)
    for failures in range(1, 12):
        with pytest.raises(PiccoloError) as caught:
            await custody.unlock(WRONG)
        assert caught.value.kind is Kind.UNAUTHENTICATED
        assert float(caught.value.details["retry_after"]) == delay_after(failures)
        assert custody.retry_after == delay_after(failures)
        clock.pass_by(delay_after(failures) - 0.5)
        with pytest.raises(PiccoloError) as early:
            await custody.unlock(GOOD)
        assert (early.value.kind, early.value.reason) == (Kind.EXHAUSTED, "PASSPHRASE_DELAY")
        assert float(early.value.details["retry_after"]) == pytest.approx(0.5)
        assert "Wait 1 s" in early.value.message
        clock.pass_by(0.5)
    await custody.unlock(GOOD)
    assert custody.retry_after == 0


@pytest.mark.parametrize("ask", ["unlock", "verify", "change"])
async def test_every_way_to_guess_counts(ask: str) -> None:
    custody, _ = await owned(MemoryFiles())
    with refused("PASSPHRASE_WRONG"):
        await (custody.change(WRONG, OTHER) if ask == "change" else getattr(custody, ask)(WRONG))
    with refused("PASSPHRASE_DELAY"):
        await custody.verify(GOOD)


async def test_a_restart_does_not_shorten_the_delay() -> None:
    files, clock = MemoryFiles(), SetClock()
    custody, _ = await owned(files, clock)
    for failures in range(1, 5):
        with refused("PASSPHRASE_WRONG"):
            await custody.verify(WRONG)
        if failures < 4:
            clock.pass_by(delay_after(failures))
    rebooted = custody_on(files.rebooted(), SetClock())
    assert rebooted.retry_after == delay_after(4)
    with refused("PASSPHRASE_DELAY"):
        await rebooted.unlock(GOOD)


async def test_a_process_that_dies_while_it_guesses_has_counted_the_guess() -> None:
    files = MemoryFiles()
    custody, _ = await owned(files)
    files.crash_at = files.changes + 1
    with pytest.raises(Crash):
        await custody.verify(WRONG)
    assert custody_on(files.rebooted()).retry_after == delay_after(1)


async def test_an_unreadable_count_is_taken_for_many_failures() -> None:
    files = MemoryFiles()
    await owned(files)
    files.content["tries"] = b"?"
    assert custody_on(files).retry_after == delay_after(16)


async def test_a_caller_who_gives_up_has_used_up_a_guess_and_nothing_else() -> None:
    files = MemoryFiles()
    custody, _ = await owned(files)
    await custody.lock()
    before = files.content[SEALED_FILE], files.content[OWNER_FILE]
    guess = asyncio.ensure_future(custody.unlock(WRONG))
    await asyncio.sleep(0)
    guess.cancel()
    with pytest.raises(asyncio.CancelledError):
        await guess
    assert custody.stage is Stage.LOCKED
    assert custody.retry_after == delay_after(1)
    assert (files.content[SEALED_FILE], files.content[OWNER_FILE]) == before


async def test_guesses_at_once_are_made_one_by_one() -> None:
    custody, _ = await owned(MemoryFiles())
    results = await asyncio.gather(*(custody.verify(WRONG) for _ in range(8)), return_exceptions=True)
    reasons = [result.reason for result in results if isinstance(result, PiccoloError)]
    assert reasons == ["PASSPHRASE_WRONG"] + ["PASSPHRASE_DELAY"] * 7


async def test_a_full_disk_does_not_lock_the_owner_out() -> None:
    class Full(MemoryFiles):
        def save(self, name: str, content: bytes) -> None:
            raise PiccoloError(Kind.FULL, "STATE_FULL", "The disk is full.")

    files = MemoryFiles()
    await owned(files)
    custody = custody_on(Full(content=files.content))
    await custody.unlock(GOOD)
    assert custody.stage is Stage.UNLOCKED
    with refused("STATE_FULL"):
        await custody.change(GOOD, OTHER)
    await custody.verify(GOOD)


@pytest.mark.parametrize("name", [SEALED_FILE, OWNER_FILE])
async def test_a_damaged_state_is_said_and_left_alone(name: str) -> None:
    files = MemoryFiles()
    await owned(files)
    files.content[name] = files.content[name][:-1]
    before = dict(files.content)
    with refused("STATE_DAMAGED", Kind.DATA_LOSS):
        custody_on(files)
    assert files.content == before


async def test_a_lost_sealed_key_is_not_taken_for_an_empty_device() -> None:
    files = MemoryFiles()
    await owned(files)
    del files.content[SEALED_FILE]
    with refused("STATE_DAMAGED", Kind.DATA_LOSS):
        custody_on(files)


async def test_a_key_wrapped_at_another_cost_still_opens() -> None:
    files = MemoryFiles()
    await owned(files)
    sealed = SealedKek.from_record(files.content[SEALED_FILE])
    assert (sealed.ops, sealed.mem) == (CHEAP.ops, CHEAP.mem)
    dearer = Custody(files, os.urandom, SetClock(), type(CHEAP)(ops=2, mem=2 * CHEAP.mem), good_new)
    await dearer.change(GOOD, OTHER)
    sealed = SealedKek.from_record(files.content[SEALED_FILE])
    assert (sealed.ops, sealed.mem) == (2, 2 * CHEAP.mem)
    await dearer.unlock(OTHER)


Act = Callable[[Custody], Awaitable[object]]


async def _crashes(files: MemoryFiles, act: Act) -> list[MemoryFiles]:
    """The disks that a crash at every change of `act`, before it or after it, leaves behind."""
    disks = []
    for torn in (True, False):
        for at in range(1, 20):
            disk = MemoryFiles(content=dict(files.content), crash_at=at, torn=torn)
            custody = custody_on(disk)
            try:
                await act(custody)
            except Crash:
                disks.append(disk.rebooted())
            else:
                break
    assert len(disks) >= 2
    return disks


async def test_a_crash_in_setup_leaves_a_device_that_can_be_set_up() -> None:
    for disk in await _crashes(MemoryFiles(), lambda custody: custody.setup(GOOD)):
        custody = custody_on(disk)
        assert custody.stage in (Stage.EMPTY, Stage.UNCONFIRMED)
        shown = await custody.setup(OTHER)
        await custody.confirm(answer(shown))
        assert custody.kek().to_words() == shown.words


async def test_a_crash_in_a_repeated_setup_never_confirms_words_that_open_nothing() -> None:
    files = MemoryFiles()
    first = await custody_on(files).setup(GOOD)
    for disk in await _crashes(files, lambda custody: custody.setup(OTHER)):
        custody = custody_on(disk)
        assert custody.stage is Stage.UNCONFIRMED
        if custody.asked == first.ask:
            await _either(custody, GOOD, OTHER)
            why = await reason_of(custody.confirm(answer(first)))
            assert why == "WORDS_DIFFER" or (not why and custody.kek().to_words() == first.words)
        elif not custody.asked:
            with refused("SETUP_AGAIN"):
                await custody.unlock(GOOD)
        if custody.stage is Stage.UNCONFIRMED:
            await custody.setup(GOOD)


async def test_a_crash_while_confirming_leaves_either() -> None:
    files = MemoryFiles()
    shown = await custody_on(files).setup(GOOD)

    async def act(custody: Custody) -> None:
        await custody.unlock(GOOD)
        await custody.confirm(answer(shown))

    stages = set()
    for disk in await _crashes(files, act):
        custody = custody_on(disk, clock := SetClock())
        clock.pass_by(1)
        stages.add(custody.stage)
        await custody.unlock(GOOD)
        if custody.stage is Stage.UNCONFIRMED:
            await custody.confirm(answer(shown))
        assert custody.kek().to_words() == shown.words
    assert stages == {Stage.UNCONFIRMED, Stage.LOCKED}


async def test_a_crash_while_changing_the_passphrase_leaves_one_that_opens() -> None:
    files = MemoryFiles()
    _, shown = await owned(files)
    opened = set()
    for disk in await _crashes(files, lambda custody: custody.change(GOOD, OTHER)):
        custody = custody_on(disk, clock := SetClock())
        clock.pass_by(1)
        opened.add(await _either(custody, GOOD, OTHER, clock))
        assert custody.kek().to_words() == shown.words
    assert opened == {GOOD, OTHER}


async def _either(custody: Custody, one: str, other: str, clock: SetClock | None = None) -> str:
    why = await reason_of(custody.unlock(one))
    if not why:
        return one
    assert why in ("PASSPHRASE_WRONG", "PASSPHRASE_DELAY")
    if clock:
        clock.pass_by(custody.retry_after)
        await custody.unlock(other)
    return other


async def test_no_door_takes_a_passphrase_that_leaked() -> None:
    custody = custody_on(MemoryFiles())
    with refused("PASSPHRASE_COMMON", Kind.INVALID):
        await custody.setup("liverpool")
    await custody.confirm(answer(await custody.setup(GOOD)))
    with refused("PASSPHRASE_COMMON", Kind.INVALID):
        await custody.change(GOOD, "Liverpool!")
    await custody.verify(GOOD)
