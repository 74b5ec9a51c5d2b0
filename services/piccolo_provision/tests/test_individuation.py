"""Of seed, site and memory: by what the device runs, what it says, and what it remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_provision.core import seed
from piccolo_provision.core.memory import Memory, decode
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import Answer, Seed
from piccolo_provision.core.status import State
from piccolo_provision.engine.asking import Pace, ask
from piccolo_provision.engine.individuation import Asking, Outcome, individuate
from piccolo_provision.tests.nodes import NOW, Household

HOME = Household()
FILES = HOME.files(site=b"https://example.org")
FIRST, SECOND, THIRD = (HOME.answer(serial) for serial in (1, 2, 3))


def says(answer: Answer | Reason) -> Asking:
    async def asking(_seed: Seed) -> Answer:
        if isinstance(answer, Reason):
            raise RefusedError(answer)
        return answer

    return asking


async def run(
    files: Mapping[str, bytes] | None,
    answer: Answer | Reason | None = None,
    memory: Memory | None = None,
    *,
    later: int = 0,
    owned: bool = False,
) -> Outcome:
    asking = None if answer is None else says(answer)
    return await individuate(files, memory or Memory(), NOW + timedelta(days=later), asking, owned=owned)


async def remembering(answer: Answer) -> Memory:
    memory = (await run(FILES, answer)).memory
    assert memory is not None
    return memory


def shown(outcome: Outcome) -> tuple[State, str, int]:
    return outcome.status.state, outcome.status.reason, outcome.status.serial


async def test_without_a_seed_the_device_starts_empty() -> None:
    outcome = await run(None, FIRST, await remembering(FIRST))
    assert shown(outcome) == (State.EMPTY, "", 0)
    assert (outcome.node, outcome.memory) == (None, None)


async def test_the_site_s_answer_is_taken_and_remembered_as_it_came() -> None:
    outcome = await run(FILES, SECOND)
    assert shown(outcome) == (State.CURRENT, "", 2)
    assert outcome.memory is not None
    kept = decode(outcome.memory.encode())
    assert (kept.copy, kept.floor(HOME.seed(), owned=True)) == (SECOND, 2)
    assert b"ntp" not in kept.encode()


async def test_what_is_remembered_already_is_not_written_again() -> None:
    assert (await run(FILES, SECOND, await remembering(SECOND))).memory is None


@pytest.mark.parametrize("reason", [Reason.SITE_UNREACHABLE, Reason.SITE_UNKNOWN])
async def test_the_last_good_copy_is_taken_when_the_site_has_nothing(reason: Reason) -> None:
    outcome = await run(FILES, reason, await remembering(SECOND))
    assert shown(outcome) == (State.KEPT, reason.value, 2)


async def test_the_copy_expires_too() -> None:
    outcome = await run(FILES, Reason.SITE_UNREACHABLE, await remembering(SECOND), later=31)
    assert shown(outcome) == (State.REFUSED, Reason.SITE_UNREACHABLE.value, 0)


async def test_a_replayed_answer_is_refused_and_the_copy_taken() -> None:
    outcome = await run(FILES, FIRST, await remembering(SECOND))
    assert shown(outcome) == (State.KEPT, Reason.CONFIGURATION_REPLAYED.value, 2)
    assert outcome.memory is None


async def test_a_seed_alone_is_enough() -> None:
    files = HOME.files(node_age=FIRST.sealed, node_age_minisig=FIRST.signature)
    assert shown(await run(files, SECOND)) == (State.CURRENT, "", 1)


async def test_what_came_along_yields_to_what_is_newer() -> None:
    files = FILES | {"node.age": FIRST.sealed, "node.age.minisig": FIRST.signature}
    assert shown(await run(files, SECOND)) == (State.CURRENT, "", 2)
    later = await run(files, Reason.SITE_UNREACHABLE, await remembering(SECOND))
    assert shown(later) == (State.KEPT, Reason.SITE_UNREACHABLE.value, 2)


async def test_a_good_answer_is_current_whatever_became_of_the_copy() -> None:
    old = await remembering(HOME.answer(1, days=1))
    assert shown(await run(FILES, SECOND, old, later=2)) == (State.CURRENT, "", 2)


async def test_nothing_to_run_by_is_said() -> None:
    assert shown(await run(HOME.files(), SECOND)) == (State.REFUSED, "CONFIGURATION_MISSING", 0)


async def test_another_signer_s_seed_is_refused() -> None:
    stranger = Household("kitchen")
    files = stranger.files(site=b"https://example.org")
    outcome = await run(files, stranger.answer(9), await remembering(FIRST))
    assert shown(outcome) == (State.REFUSED, "SEED_FOREIGN", 0)
    assert outcome.memory is None


async def test_a_device_that_got_its_owner_first_belongs_to_no_signer_that_comes_later() -> None:
    files = FILES | {"node.age": FIRST.sealed, "node.age.minisig": FIRST.signature}
    outcome = await run(files, SECOND, owned=True)
    assert shown(outcome) == (State.REFUSED, "SEED_FOREIGN", 0)
    assert (outcome.node, outcome.memory, outcome.again) == (None, None, False)


async def test_an_owned_device_goes_on_with_the_signer_that_it_had_before() -> None:
    assert shown(await run(FILES, SECOND, await remembering(FIRST), owned=True)) == (State.CURRENT, "", 2)


@pytest.mark.parametrize(
    ("files", "answer", "owned", "again"),
    [
        (FILES, Reason.SITE_UNREACHABLE, False, True),
        (FILES, Reason.SITE_UNKNOWN, False, True),
        (FILES, HOME.answer(1, days=-1), False, True),
        (FILES, Reason.SITE_UNREACHABLE, True, False),
        (FILES, FIRST, False, False),
        (HOME.files(), FIRST, False, False),
        (HOME.files(site=b"nowhere"), FIRST, False, False),
        (None, FIRST, False, False),
    ],
)
async def test_a_site_is_asked_again_later_while_nobody_owns_the_device_and_nothing_was_taken(
    files: Mapping[str, bytes] | None, answer: Answer | Reason, owned: bool, again: bool
) -> None:
    assert (await run(files, answer, owned=owned)).again is again


async def test_what_is_kept_is_enough_until_the_next_boot() -> None:
    assert not (await run(FILES, Reason.SITE_UNREACHABLE, await remembering(SECOND))).again


async def test_one_signer_may_make_the_device_another_node_and_its_serials_stay() -> None:
    cellar = Household("cellar", HOME.key)
    outcome = await run(cellar.files(site=b"https://example.org"), cellar.answer(1), await remembering(THIRD))
    assert shown(outcome) == (State.CURRENT, "", 1)
    back = await run(FILES, SECOND, outcome.memory)
    assert shown(back) == (State.REFUSED, "CONFIGURATION_REPLAYED", 0)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=8))
async def test_serials_never_go_back(told: list[tuple[int, bool]]) -> None:
    memory, highest = Memory(), 0
    for serial, reached in told:
        answer: Answer | Reason = HOME.answer(serial) if reached else Reason.SITE_UNREACHABLE
        outcome = await run(FILES, answer, memory)
        memory = outcome.memory or memory
        assert outcome.status.serial >= highest
        highest = max(highest, serial if reached else 0)
        assert outcome.status.serial == highest


class Flaky:
    """A site that answers after so many failures."""

    def __init__(self, failures: int, last: Answer | Reason = FIRST) -> None:
        self.failures, self.last, self.asked = failures, last, list[str]()

    async def fetch(self, address: str) -> Answer:
        self.asked.append(address)
        if len(self.asked) <= self.failures:
            raise RefusedError(Reason.SITE_UNREACHABLE)
        if isinstance(self.last, Reason):
            raise RefusedError(self.last)
        return self.last


async def asked(site: Flaky, pauses: list[float], pace: Pace) -> Answer:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    return await ask(site, seed.parse(FILES), pace, pause=pause, chance=lambda: 0.5)


async def test_the_site_is_asked_again_ever_more_slowly() -> None:
    pauses: list[float] = []
    assert await asked(site := Flaky(3), pauses, Pace(5, 1.0, 30.0)) == FIRST
    assert set(site.asked) == {"https://example.org/nodes/kitchen"}
    assert pauses == [1.0, 2.0, 4.0]


async def test_asking_ends() -> None:
    pauses: list[float] = []
    with pytest.raises(RefusedError) as refused:
        await asked(site := Flaky(99), pauses, Pace(4, 1.0, 30.0))
    assert refused.value.why is Reason.SITE_UNREACHABLE
    assert (len(site.asked), len(pauses)) == (4, 3)


async def test_a_site_that_knows_nothing_is_not_asked_again() -> None:
    with pytest.raises(RefusedError) as refused:
        await asked(site := Flaky(0, Reason.SITE_UNKNOWN), [], Pace(4, 1.0, 30.0))
    assert (refused.value.why, len(site.asked)) == (Reason.SITE_UNKNOWN, 1)


async def test_a_site_that_hangs_holds_nothing_up() -> None:
    class Hanging:
        async def fetch(self, _address: str) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(RefusedError) as refused:
        await ask(Hanging(), HOME.seed(), Pace(3, 1.0, 0.01), pause=asyncio.sleep, chance=lambda: 0.0)
    assert refused.value.why is Reason.SITE_UNREACHABLE
