"""The cloud is gone for good: words and printed contacts bring the owner back."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo_formats import cbor
from piccolo_formats.contacts import Contacts, contacts_of
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.roster import Roster
from piccolo_formats.signed import countersign, open_signed, sign
from piccolo_formats.tls import certificate_fingerprint, generate_key, make_certificate

from piccolo_vault.core.compared import Compared
from piccolo_vault.core.keys.bundle import joined
from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.recovering import Wish
from piccolo_vault.testing_keys import Crash, MemoryFiles
from piccolo_vault.tests.burned import FAILED, NEW, SUCCEEDED, Burned, burned
from piccolo_vault.tests.vault_on import Vault, reason_of, until


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Burned]:
    """A device that burned, and the cloud with it; the members know their circle."""
    async with burned(tmp_path) as made:
        know_the_circle(made)
        made.cloud.logs.clear()
        yield made


def know_the_circle(scene: Burned) -> None:
    """The members know what the owner's device knew of the circle."""
    records = cbor.decode(scene.old.metadata.state["attestation/bundle"])
    assert isinstance(records, list)
    for keeper in scene.keepers:
        keeper.knows = [record for record in records if isinstance(record, bytes)]


def contacts(scene: Burned) -> Contacts:
    """What the owner had printed."""
    first = open_signed(Roster, scene.old.attestation.roster).record_hash()
    certificates = [keeper.who.device.record.tls.fragment_store for keeper in scene.keepers]
    addresses = [f"127.0.0.1:{keeper.port}" for keeper in scene.keepers]
    return contacts_of(first, [*zip(addresses, map(certificate_fingerprint, certificates), strict=True)])


async def told(vault: Vault, compared: Compared) -> None:
    """The members told what they keep, as soon as the recovery waits for it."""
    while vault.custody.stage is not Stage.UNLOCKED:
        await vault.custody.changed.wait()
    vault.keyring.comparing(0, compared.files)
    vault.keyring.compared(compared)


async def test_words_and_contacts_bring_the_owner_back(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        members = asyncio.ensure_future(told(vault, Compared(3, 2, 40, 1, 0)))
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        await members
        assert (ended.state, ended.error_message) == (SUCCEEDED, "")
        result = json.loads(ended.result)
        assert (result["backup"], result["generation"], result["circle"]) == ("circle", 2, True)
        assert (result["files"], result["members"], result["heard"], result["left"]) == (40, 3, 2, 1)
        assert result["words"].startswith("40 files were brought back from 2 of 3 members. 1 more pieces")
        assert "took the place" not in result["words"]
        assert "exposed" not in result
        assert scene.new.metadata.rebuilt
        assert scene.new.metadata.state["vault/owner"] == vault.owner.owner
        assert scene.new.attestation.rejoined == 1
        assert [claim.generation for claim in scene.claims()] == [2]  # a new log begins
        assert not vault.keyring.may_bury()
        assert vault.keyring.kek() == Kek.from_words(scene.words)


async def test_with_the_cloud_away_the_claim_waits_for_it(scene: Burned) -> None:
    scene.cloud.away = True
    async with scene.new.vault() as vault:
        members = asyncio.ensure_future(told(vault, Compared(3, 3, 1, 0, 0)))
        assert (await scene.recover(vault, contacts=contacts(scene).text())).state == SUCCEEDED
        await members
        assert vault.owner.claim is not None
        scene.cloud.away = False
        vault.follow()
        await until(scene.new, vault, lambda: vault.owner.claim is None)
        assert [claim.generation for claim in scene.claims()] == [2]


async def test_a_cloud_that_only_hesitated_is_asked_again(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        know_the_circle(scene)
        scene.cloud.away = True
        operation = await vault.recovery.start(scene.words, NEW, Wish(contacts=contacts(scene).text()))
        async with asyncio.timeout(10):
            while "once more" not in scene.new.metadata.operations[operation].phase:
                await scene.new.metadata.changed.wait()
        scene.cloud.away = False
        ended = await scene.new.metadata.ended(operation)
        assert json.loads(ended.result)["files"] == 7
        assert not scene.new.metadata.rebuilt


async def test_a_memory_that_ends_in_a_restore_is_no_cloud_that_is_gone(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        know_the_circle(scene)
        scene.new.metadata.dies = 1
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert (ended.state, ended.error_reason) == (FAILED, "MEMORY_AWAY")
        assert "neither the cloud nor your circle" in ended.error_message
        assert not scene.new.metadata.rebuilt
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert json.loads(ended.result)["files"] == 7


async def test_a_log_that_is_damaged_does_not_hold_up_the_circle(scene: Burned) -> None:
    scene.new.metadata.damaged = True
    async with scene.new.vault() as vault:
        members = asyncio.ensure_future(told(vault, Compared(3, 3, 1, 0, 0)))
        ended = await scene.recover(vault, contacts=contacts(scene).text(), from_circle=True)
        await members
        assert ended.state == SUCCEEDED
        assert vault.owner.claim is not None  # it waits until somebody has looked after the log


async def test_without_contacts_it_says_what_is_missing(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert (ended.state, ended.error_reason) == (FAILED, "NOTHING_BACKED_UP")
        assert "give your circle's contacts" in ended.error_message
        assert vault.custody.stage is Stage.EMPTY
        start = vault.recovery.start
        assert await reason_of(start(scene.words, NEW, Wish(from_circle=True))) == "CONTACTS_MISSING"
        typo = contacts(scene).text().replace("127.0.0.1", "127.0.0.2")
        assert await reason_of(start(scene.words, NEW, Wish(contacts=typo))) == "CONTACTS_WRONG"


async def test_a_cloud_that_is_there_is_asked_first_unless_the_owner_says_otherwise(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene:
        know_the_circle(scene)
        async with scene.new.vault() as vault:
            members = asyncio.ensure_future(told(vault, Compared(3, 3, 1, 0, 0)))
            ended = await scene.recover(vault, contacts=contacts(scene).text(), from_circle=True)
            await members
            assert json.loads(ended.result)["backup"] == "circle"


async def test_a_backup_that_is_there_is_used_although_contacts_were_given(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert json.loads(ended.result)["files"] == 7
        assert not scene.new.metadata.rebuilt


async def test_one_member_that_answers_is_enough_to_find_the_circle(scene: Burned) -> None:
    printed = contacts(scene)
    scene.keepers[0].knows = []
    gone = replace(printed.contacts[1], endpoint="127.0.0.1:1")
    printed = replace(printed, contacts=(printed.contacts[0], gone, printed.contacts[2]))
    async with scene.new.vault() as vault:
        members = asyncio.ensure_future(told(vault, Compared(3, 3, 1, 0, 0)))
        assert (await scene.recover(vault, contacts=printed.text())).state == SUCCEEDED
        await members


async def test_nobody_answers(scene: Burned) -> None:
    for keeper in scene.keepers:
        keeper.away = True
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert (ended.state, ended.error_reason) == (FAILED, "CONTACTS_AWAY")
        assert vault.custody.stage is Stage.EMPTY
        assert not scene.new.metadata.rebuilt


async def test_another_device_at_a_contacts_address_is_not_spoken_to(scene: Burned) -> None:
    stranger = certificate_fingerprint(make_certificate(generate_key()))
    printed = contacts(scene)
    swapped = tuple(replace(each, mark=stranger[:16]) for each in printed.contacts)
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault, contacts=replace(printed, contacts=swapped).text())
        assert ended.error_reason == "CONTACTS_AWAY"
        assert "another device answers" in ended.error_message


async def test_a_circle_that_begins_otherwise_than_printed_is_not_believed(scene: Burned) -> None:
    """A member that turned liar makes up a circle of its own around the owner's true certificate."""
    liar = scene.keepers[0]
    roster = open_signed(Roster, scene.old.attestation.roster).record
    alone = replace(roster, members=roster.members[:2])
    forged = sign(alone, liar.who.kek.admin()).to_bytes()
    liar.knows = [forged, *liar.knows[1:]]
    for keeper in scene.keepers[1:]:
        keeper.away = True
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert ended.error_reason == "CONTACTS_AWAY"
        assert "tells of another circle" in ended.error_message
    for both in ([forged, *scene.keepers[1].knows], [*scene.keepers[1].knows, forged]):
        liar.knows = both
        async with scene.new.vault() as vault:
            assert (
                await scene.recover(vault, contacts=contacts(scene).text())
            ).error_reason == "CONTACTS_AWAY"


def kept(scene: Burned) -> list[bytes]:
    """The circle's records that the memory of the new device began with."""
    records = cbor.decode(joined(_attestation(scene)))
    assert isinstance(records, list)
    return [record for record in records if isinstance(record, bytes)]


def _attestation(scene: Burned) -> dict[str, bytes]:
    state = scene.new.metadata.state
    return {key.removeprefix("attestation/"): state[key] for key in state if key.startswith("attestation/")}


async def test_a_contact_that_lies_beside_honest_ones_spoils_nothing(scene: Burned) -> None:
    """What it adds holds by itself, or looks like a first roster, or is never at an end."""
    liar, flood, honest = scene.keepers
    first = open_signed(Roster, scene.old.attestation.roster)
    stranger = SigningKey(bytes(32))
    more, unfounded = countersign(first, stranger).to_bytes(), sign(first.record, stranger).to_bytes()
    junk = [cbor.encode([cbor.encode({"type": "roster", "generation": 1, "n": n}), []]) for n in range(2)]
    liar.knows = [more, unfounded, *junk, *honest.knows[1:]]
    flood.knows = [*honest.knows, *(cbor.encode([os.urandom(2**18), []]) for _ in range(80))]
    async with scene.new.vault() as vault:
        members = asyncio.ensure_future(told(vault, Compared(3, 3, 1, 0, 0)))
        assert (await scene.recover(vault, contacts=contacts(scene).text())).state == SUCCEEDED
        await members
    assert sorted(kept(scene)) == sorted(honest.knows)


async def test_words_that_the_circle_does_not_know(scene: Burned) -> None:
    """The enrolment identity lets nobody in whom the roster does not name."""
    async with scene.new.vault() as vault:
        words = " ".join(Kek(os.urandom(32)).to_words())
        ended = await scene.recover(vault, words=words, contacts=contacts(scene).text())
        assert ended.error_reason == "CONTACTS_AWAY"
        assert vault.custody.stage is Stage.EMPTY


async def test_a_circle_without_the_owners_device_is_not_joined(scene: Burned) -> None:
    for keeper in scene.keepers:
        keeper.knows = [keeper.knows[0], *keeper.knows[2:]]
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert ended.error_reason == "NOT_A_MEMBER"
        assert not scene.new.metadata.rebuilt


async def test_cut_off_it_goes_on_from_the_words_alone(scene: Burned) -> None:
    for keeper in scene.keepers[:2]:
        keeper.on_claim = lambda: None
    scene.new.patience = 0.0
    scene.keepers[0].away = scene.keepers[1].away = True
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert ended.error_reason == "NO_MAJORITY"
        assert vault.custody.stage is Stage.RECOVERING
    scene.keepers[0].away = scene.keepers[1].away = False
    scene.new.patience = 20.0
    async with scene.new.vault() as vault:
        members = asyncio.ensure_future(told(vault, Compared(3, 3, 1, 0, 0)))
        ended = await scene.recover(vault)
        await members
        assert json.loads(ended.result)["backup"] == "circle"


async def test_members_that_do_not_tell_in_time_are_not_waited_for(scene: Burned) -> None:
    scene.new.patience = 2.0
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault, contacts=contacts(scene).text())
        assert ended.state == SUCCEEDED
        assert "still being asked" in json.loads(ended.result)["words"]


async def test_a_crash_at_any_moment_is_gone_on_with_by_the_same_words(tmp_path: Path) -> None:
    crashes = 0
    for at in range(2, 40):
        folder = tmp_path / str(at)
        folder.mkdir()
        async with burned(folder) as scene:
            know_the_circle(scene)
            scene.cloud.logs.clear()
            scene.new.patience = 0.2  # nobody waits long for the members' inventories
            scene.new.files = MemoryFiles(crash_at=at, torn=bool(at % 2))
            if not await _crashed(scene):
                break
            crashes += 1
            scene.new.files = scene.new.files.rebooted()
            async with scene.new.vault() as vault:
                await vault.recovery.run()
                if vault.custody.stage is not Stage.LOCKED:
                    ended = await scene.recover(vault, contacts=contacts(scene).text())
                    assert (ended.state, ended.error_message) == (SUCCEEDED, "")
                    assert json.loads(ended.result)["backup"] == "circle"
                    assert vault.keyring.generation() == 2
            assert {claim.generation for claim in scene.claims()} == {2}
    else:
        pytest.fail("it never came through")
    assert crashes >= 8


async def _crashed(scene: Burned) -> bool:
    crashed = False
    try:
        async with scene.new.vault() as vault:
            wish = Wish(contacts=contacts(scene).text())
            operation = await vault.recovery.start(scene.words, NEW, wish)
            running = asyncio.ensure_future(scene.new.metadata.ended(operation))
            (work,) = [task for task in asyncio.all_tasks() if task.get_name() == "recovery"]
            await asyncio.wait([running, work], return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                running.cancel()
            await asyncio.wait([work])
    except* Crash:
        crashed = True
    return crashed
