"""A cloud, or the thief of its account, that hands out what the owner's device never wrote there.

Each entry is well-formed and signed, by somebody. A recovery refuses it in words before anything of it is
used; of a history that the owner's own stolen device signed, the heads that members keep decide
(docs/adr/0013).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import pytest
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Delegation
from piccolo_formats.signed import open_signed, sign

from integration.bad_days.false_cloud import Entry, Forger, entries_of, false_cloud, key_of
from integration.bad_days.owed import Owed
from integration.circle import Circle, circle
from integration.client import Client, OperationFailedError
from integration.tests.test_backup_doubted import burned_and_blank, left, log_end

pytestmark = [pytest.mark.circle, pytest.mark.usefixtures("no_leaked_processes")]

_SEED: Final = 41
_BROKEN: Final = "The backup is broken at entry"


@dataclass(frozen=True, slots=True)
class Loot:
    """What a forger has: two logs, the key of a device that was stolen, and what that one was delegated.

    `claim`: where the device that came after it took over.
    """

    log: list[Entry]
    others: list[Entry]
    thief: Forger
    stolen: Forger
    chance: Random

    @property
    def claim(self) -> int:
        return next(index for index, entry in enumerate(self.log) if entry.said.generation == 2)

    def any_but_the_first(self) -> int:
        return self.chance.randrange(1, len(self.log))


def _by_a_thief(loot: Loot) -> list[Entry]:
    """The next entry, under a delegation that the thief signed in the locator's name."""
    return [*loot.log, loot.thief.appends(loot.log[-1], os.urandom)]


def _by_a_thief_under_the_devices_delegation(loot: Loot) -> list[Entry]:
    forger = Forger(loot.thief.key, loot.log[-1].said.delegation)
    return [*loot.log, forger.appends(loot.log[-1], os.urandom)]


def _by_the_older_device(loot: Loot) -> list[Entry]:
    """The stolen device goes on behind the claim of the one that replaced it."""
    return [*loot.log, loot.stolen.appends(loot.log[-1], os.urandom)]


def _by_the_older_device_as_the_newer(loot: Loot) -> list[Entry]:
    forger = Forger(loot.stolen.key, loot.log[-1].said.delegation)
    return [*loot.log, forger.appends(loot.log[-1], os.urandom)]


def _of_another_owner(loot: Loot) -> list[Entry]:
    return [*loot.log, replace(loot.others[-1], seq=loot.log[-1].seq + 1)]


def _all_of_another_owner(loot: Loot) -> list[Entry]:
    return loot.others


def _at_another_seq(loot: Loot) -> list[Entry]:
    """Two entries have changed their places."""
    at = loot.any_but_the_first()
    one, two = loot.log[at - 1 : at + 1]
    return [*loot.log[: at - 1], replace(two, seq=one.seq), replace(one, seq=two.seq), *loot.log[at + 1 :]]


def _replayed(loot: Loot) -> list[Entry]:
    """An entry once more, at the end."""
    again = loot.log[loot.chance.randrange(len(loot.log))]
    return [*loot.log, replace(again, seq=loot.log[-1].seq + 1)]


def _left_out(loot: Loot) -> list[Entry]:
    at = loot.chance.randrange(1, len(loot.log) - 1)
    return [*loot.log[:at], *(replace(entry, seq=entry.seq - 1) for entry in loot.log[at + 1 :])]


def _another_body(loot: Loot) -> list[Entry]:
    """The newest snapshot's header, and a body that is another entry's."""
    snapshot = next(entry for entry in reversed(loot.log) if entry.said.base == entry.said.seq)
    other = next(entry for entry in loot.log if entry.body != snapshot.body)
    return [replace(entry, body=other.body) if entry is snapshot else entry for entry in loot.log]


_REFUSED: Final[list[tuple[Callable[[Loot], list[Entry]], str]]] = [
    (_by_a_thief, _BROKEN),
    (_by_a_thief_under_the_devices_delegation, _BROKEN),
    (_by_the_older_device, _BROKEN),
    (_by_the_older_device_as_the_newer, _BROKEN),
    (_of_another_owner, _BROKEN),
    (_all_of_another_owner, _BROKEN),
    (_at_another_seq, _BROKEN),
    (_replayed, _BROKEN),
    (_left_out, _BROKEN),
    (_another_body, _BROKEN),
]


def _history_without_the_claim(loot: Loot) -> list[Entry]:
    """What the stolen device signed, and nothing of the one that replaced it: an older log."""
    before = loot.log[: loot.claim]
    return [*before[:-1], loot.stolen.signs(before[-1], time=before[-1].said.time + 1)]


def _longer_history_without_the_claim(loot: Loot) -> list[Entry]:
    """The same, and as many entries as members keep heads of, and more."""
    forged = _history_without_the_claim(loot)
    while len(forged) < len(loot.log) + 2:
        forged.append(loot.stolen.appends(forged[-1], os.urandom))
    return forged


async def test_what_the_device_never_wrote_is_refused_and_nothing_of_it_is_used(tmp_path: Path) -> None:
    async with circle(tmp_path, 4) as made:
        owed, loot = await _robbed(made)
        printed = await owed.api.contacts()
        owed.api = await burned_and_blank(made)
        async with false_cloud(made.cloud) as cloud:
            for forged, words in _REFUSED:
                cloud.log = forged(loot)
                await _refused(owed.api, words, forged.__name__)
            cloud.log = _history_without_the_claim(loot)
            await _refused(owed.api, "Members keep the mark of later ones", "without the claim")
            owed.api = await burned_and_blank(made)
            cloud.log = _longer_history_without_the_claim(loot)
            await _refused(owed.api, "another backup than the one that your device wrote", "longer")
            await _refused(owed.api, "another backup than the one that", "longer", accept_rolled_back=True)
            assert cloud.taken == 0
            owed.api = await burned_and_blank(made)
            cloud.log = _by_a_thief(loot)
            result = await owed.api.recover(contacts=printed, from_circle=True)
            assert (result["backup"], result["generation"]) == ("circle", 3)
            await owed.look()
        await owed.put("/after", b"the real cloud is back")
        await owed.api.backed_up(120)
        owed.api = await burned_and_blank(made)
        assert (await owed.api.recover())["generation"] == 4
        await owed.look()


async def test_a_history_that_is_shown_once_and_then_withheld_is_not_believed(tmp_path: Path) -> None:
    """A cloud that answers until the members are asked, and then no more, is no better than a fork."""
    async with circle(tmp_path, 4) as made:
        owed, loot = await _robbed(made)
        owed.api = await burned_and_blank(made)
        async with false_cloud(made.cloud) as cloud:
            cloud.log = _longer_history_without_the_claim(loot)
            cloud.withholds = True
            with pytest.raises(OperationFailedError, match="does not let it be compared"):
                await owed.api.recover()
            assert (await owed.api.status())["keys"] == "empty"
            assert cloud.taken == 0


async def test_the_whole_part_of_a_forged_log_brings_the_owner_back(tmp_path: Path) -> None:
    """As its refusal says; the log's end waits for the real cloud."""
    async with circle(tmp_path, 4) as made:
        owed, loot = await _robbed(made)
        whole = loot.log[-1].seq
        owed.api = await burned_and_blank(made)
        async with false_cloud(made.cloud) as cloud:
            cloud.log = _by_a_thief(loot)
            await _refused(owed.api, f"It is whole up to entry {whole}; ask for that", "by a thief")
            assert (await owed.api.recover(seq=whole))["generation"] == 3
            await owed.look()
            await owed.put("/while it is forged", b"the members take it")
            assert f"broken at entry {whole + 1}" in (await owed.api.backup())["problem"]
        await owed.api.backed_up(120)
        assert (await owed.api.backup())["problem"] == ""
        await owed.look()


async def _refused(api: Client, words: str, what: str, **wish: bool) -> None:
    """The recovery ends with these words, and the device is nobody's."""
    with pytest.raises(OperationFailedError) as refused:
        await api.recover(**wish)
    assert words in str(refused.value), what
    assert (await api.status())["keys"] == "empty", what


async def _robbed(made: Circle) -> tuple[Owed, Loot]:
    """An owner whose first device was stolen, who wrote on with a second one, and what a forger has then."""
    owner, other, chance = made.owners[0], made.owners[1], Random(_SEED)
    owed = Owed(owner.api)
    for number in range(3):
        await owed.put(f"/first/{number}", chance.randbytes(20_000))
        await log_end(owed.api)
    key = key_of(owner.device)
    owed.api = await burned_and_blank(made)
    await owed.api.recover()
    for number in range(3):
        await owed.put(f"/second/{number}", chance.randbytes(20_000))
        end = await log_end(owed.api)
    await left(made, end)
    await other.api.put("/others", b"another owner's")
    await other.api.backed_up()
    await made.cloud.kill()
    log, others = (entries_of(made.cloud, _locator(api)) for api in (owed.api, other.api))
    await made.cloud.start()
    stolen = Forger(key, log[0].said.delegation)
    delegated = open_signed(Delegation, log[-1].said.delegation).record
    thief = SigningKey(chance.randbytes(SigningKey.SIZE))
    forged = sign(replace(delegated, key=thief.public), thief).to_bytes()
    return owed, Loot(log, others, Forger(thief, forged), stolen, chance)


def _locator(api: Client) -> bytes:
    return Kek.from_words(api.words).locator().public
