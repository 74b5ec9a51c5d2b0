"""An owner's device burns, and the words bring everything back on a blank one, however often cut off."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from piccolo.metadata.v1 import memory_pb2 as memory
from piccolo_chassis.errors import PiccoloError
from piccolo_formats import cbor
from piccolo_formats.device_record import open_device
from piccolo_formats.kek import Kek

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.owner import owner_of
from piccolo_vault.core.keys.records import RecoveryJournal, RecoveryPhase
from piccolo_vault.core.keys.recovering import Wish, begin_journal
from piccolo_vault.engine.keys.custody import RECOVERY_FILE
from piccolo_vault.engine.keys.generations import FILE as SUCCESSION_FILE
from piccolo_vault.testing_keys import Crash, MemoryFiles
from piccolo_vault.tests.burned import FAILED, NEW, SUCCEEDED, Burned, burned
from piccolo_vault.tests.circle_fakes import FakeOwner
from piccolo_vault.tests.vault_on import Box, reason_of, until

PIECE = 768 * 1024  # as attestation cuts it


async def test_the_words_alone_bring_the_owner_back(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert (ended.state, ended.error_message) == (SUCCEEDED, "")
        assert json.loads(ended.result) == {
            "generation": 2, "files": 7, "confirmed_until": 1_700_000_000, "device_until": 1_700_000_100,
            "circle": True, "backup": "unproven",
            "words": "0 of 3 members confirmed that the backup is the newest; 2 would prove it. What the "
            "members have that is newer is brought back all the same, as they are heard.",
        }  # fmt: skip
        assert vault.unlocked
        assert vault.custody.kek() == Kek.from_words(scene.words)
        assert vault.keyring.generation() == 2
        device = open_device(scene.new.attestation.device).record
        assert (device.generation, device.name) == (2, "Ana's box")
        assert device.signing.vault == vault.roles.signing.public
        assert device.signing.metadata == scene.new.metadata.key.public
        assert scene.new.attestation.rejoined == 1
        assert sum(len(keeper.promised) for keeper in scene.keepers) >= 2
        assert [claim.generation for claim in scene.claims()] == [2]
        assert scene.new.metadata.delegation is not None
        assert scene.new.metadata.delegation.generation == 2
        assert not vault.keyring.may_bury()
        assert scene.new.files.load(RECOVERY_FILE) is None
        assert scene.new.files.load(SUCCESSION_FILE) is None
        assert [audit.action for audit in scene.new.metadata.audits] == ["vault.recover"]


async def test_after_it_the_new_passphrase_opens_and_the_old_does_not(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene:
        async with scene.new.vault() as vault:
            await scene.recover(vault)
        async with scene.new.vault() as vault:
            assert vault.custody.stage is Stage.LOCKED
            assert not vault.keyring.may_bury()
            assert await reason_of(vault.custody.unlock("seven green kettles")) == "PASSPHRASE_WRONG"
            scene.new.clock.pass_by(1)
            await vault.custody.unlock(NEW)
            assert vault.keyring.generation() == 2
            vault.keyring.reconciled()
            assert vault.keyring.may_bury()


async def test_another_owners_words_leave_the_device_blank(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        ended = await scene.recover(vault, words=" ".join(Kek(os.urandom(32)).to_words()))
        assert (ended.state, ended.error_reason) == (FAILED, "NOTHING_BACKED_UP")
        assert "another owner's" in ended.error_message
        assert vault.custody.stage is Stage.EMPTY
        assert scene.new.attestation.device == b""
        await vault.owned()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda words: " ".join(words.split()[:23]), "WORDS_COUNT"),
        (lambda words: words + " zoo", "WORDS_COUNT"),
        (lambda words: words.replace(words.split()[3], "piccolo"), "WORDS_UNKNOWN"),
        (lambda words: " ".join(reversed(words.split())), "WORDS_CHECKSUM"),
    ],
)
async def test_bad_words_begin_nothing(tmp_path: Path, spoil: Callable[[str], str], reason: str) -> None:
    words = " ".join(Kek(bytes(range(32))).to_words())
    box = Box(tmp_path / "d")
    async with box.services(), box.vault() as vault:
        assert await reason_of(vault.recovery.start(spoil(words), NEW, Wish())) == reason
        assert await reason_of(vault.recovery.start(words, "12345678", Wish())) == "PASSPHRASE_TRIVIAL"
        assert box.metadata.operations == {}
        assert RECOVERY_FILE not in box.files.content


async def test_a_device_with_an_owner_is_not_recovered(tmp_path: Path) -> None:
    async with burned(tmp_path, keepers=0) as scene, scene.new.vault() as vault:
        await vault.owned()
        assert await reason_of(vault.recovery.start(scene.words, NEW, Wish())) == "NOT_BLANK"


async def test_an_owner_in_no_circle_comes_back_and_can_found_one(tmp_path: Path) -> None:
    async with burned(tmp_path, keepers=0) as scene, scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert (ended.state, json.loads(ended.result)["circle"]) == (SUCCEEDED, False)
        assert [claim.generation for claim in scene.claims()] == [2]
        with pytest.raises(PiccoloError, match="no circle"):
            vault.keyring.generation()
        vault.follow()
        await until(scene.new, vault, lambda: vault.circle._heard)
        await vault.membership.found("box", at_risk=False)
        assert vault.keyring.generation() == 2


def large_bundle(bundle: bytes, members: int) -> bytes:
    """The bundle with the devices of so many others."""
    records = cbor.decode(bundle)
    assert isinstance(records, list)
    other = FakeOwner("somebody else", bytes(16))
    return cbor.encode([*records, *([other.device.to_bytes()] * members)])


async def test_a_large_bundle_in_pieces_is_joined(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        state = scene.old.metadata.state
        bundle = large_bundle(state.pop("attestation/bundle"), members=1500)
        assert len(bundle) > 3 * PIECE
        for number in range(-(-len(bundle) // PIECE)):
            state[f"attestation/bundle/{number:04}"] = bundle[number * PIECE : (number + 1) * PIECE]
        scene.old.metadata.back_up()
        ended = await scene.recover(vault)
        assert (ended.state, json.loads(ended.result)["circle"]) == (SUCCEEDED, True)
        assert vault.keyring.generation() == 2
        assert scene.new.attestation.rejoined == 1
        assert scene.new.attestation.brought == bundle


async def test_pieces_that_do_not_belong_together_leave_the_circle_to_an_invitation(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        state = scene.old.metadata.state
        bundle = state.pop("attestation/bundle")
        state["attestation/bundle/0000"], state["attestation/bundle/0002"] = bundle[:500], bundle[600:]
        scene.old.metadata.back_up()
        ended = await scene.recover(vault)
        assert (ended.state, json.loads(ended.result)["circle"]) == (SUCCEEDED, False)
        assert vault.unlocked


async def test_an_earlier_point_can_be_chosen(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        scene.old.metadata.files = 9
        scene.old.metadata.back_up()
        ended = await scene.recover(vault, seq=1)
        assert json.loads(ended.result)["files"] == 7


async def test_the_point_of_a_memory_that_is_here_is_not_changed(tmp_path: Path) -> None:
    async with burned(tmp_path, keepers=4) as scene:
        scene.old.metadata.files = 9
        scene.old.metadata.back_up()
        for keeper in scene.keepers[:2]:
            keeper.away = True
        scene.new.patience = 0.0
        async with scene.new.vault() as vault:
            assert (await scene.recover(vault, seq=1)).error_reason == "NO_MAJORITY"
            other = vault.recovery.start(scene.words, NEW, Wish(seq=2))
            assert await reason_of(other) == "RESTORED_ALREADY"
            assert (await scene.recover(vault, seq=1)).error_reason == "NO_MAJORITY"
            scene.keepers[0].away = False
            assert json.loads((await scene.recover(vault)).result)["files"] == 7


async def test_too_few_keepers_stop_it_and_the_same_words_go_on(tmp_path: Path) -> None:
    async with burned(tmp_path, keepers=4) as scene:
        for keeper in scene.keepers[:2]:
            keeper.away = True
        scene.new.patience = 0.0
        async with scene.new.vault() as vault:
            ended = await scene.recover(vault)
            assert (ended.state, ended.error_reason) == (FAILED, "NO_MAJORITY")
            assert "2 of the circle's members accepted" in ended.error_message
            assert "same 24 words" in ended.error_message
            assert vault.custody.stage is Stage.RECOVERING
            assert scene.claims() == []
            shown = scene.new.files.content[SUCCESSION_FILE]
            for refused in (vault.custody.setup(NEW), vault.custody.unlock(NEW), vault.custody.lock()):
                assert await reason_of(refused) == "RECOVERY_UNFINISHED"
            other = " ".join(Kek(os.urandom(32)).to_words())
            assert await reason_of(vault.recovery.start(other, NEW, Wish())) == "OTHER_WORDS"
        scene.keepers[0].away = False
        async with scene.new.vault() as vault:
            assert scene.new.files.content[SUCCESSION_FILE] == shown
            ended = await scene.recover(vault)
            assert ended.state == SUCCEEDED
            assert vault.keyring.generation() == 2


async def test_metadata_that_stops_after_it_restored_is_recognised(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        scene.new.metadata.cut_restore = True
        ended = await scene.recover(vault)
        assert ended.state == FAILED
        assert vault.custody.stage is Stage.RECOVERING
        ended = await scene.recover(vault)
        assert (ended.state, ended.error_message) == (SUCCEEDED, "")
        assert vault.keyring.generation() == 2


async def test_a_cloud_that_is_away_leaves_the_device_blank(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        scene.cloud.away = True
        ended = await scene.recover(vault)
        assert (ended.state, ended.error_reason) == (FAILED, "CLOUD_AWAY")
        assert "give your circle's contacts" in ended.error_message
        assert vault.custody.stage is Stage.EMPTY
        scene.cloud.away = False
        assert (await scene.recover(vault)).state == SUCCEEDED


async def test_somebody_may_ask_for_an_end(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:

        def cancel() -> None:
            for operation in scene.new.metadata.operations.values():
                operation.cancel_requested = True

        for keeper in scene.keepers:
            keeper.on_claim = cancel
        ended = await scene.recover(vault)
        assert ended.state == memory.OPERATION_STATE_CANCELLED
        assert vault.custody.stage is Stage.RECOVERING
        for keeper in scene.keepers:
            keeper.on_claim = None
        assert (await scene.recover(vault)).state == SUCCEEDED


async def test_keys_that_change_in_the_middle_cost_a_generation_and_no_more(tmp_path: Path) -> None:
    async with burned(tmp_path, keepers=2) as scene:
        scene.keepers[0].away = True
        scene.new.patience = 0.0
        async with scene.new.vault() as vault:
            assert (await scene.recover(vault)).error_reason == "NO_MAJORITY"
        scene.keepers[0].away = False
        scene.new.attestation.others_register()
        scene.new.patience = 20.0
        async with scene.new.vault() as vault:
            ended = await scene.recover(vault)
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")
            assert vault.keyring.generation() == 3
            assert open_device(scene.new.attestation.device).record.generation == 3


async def test_asking_twice_joins_the_one_that_runs(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        first = await vault.recovery.start(scene.words, NEW, Wish())
        assert await vault.recovery.start(scene.words, NEW, Wish()) == first
        other = " ".join(Kek(os.urandom(32)).to_words())
        assert await reason_of(vault.recovery.start(other, NEW, Wish())) == "RECOVERY_RUNNING"
        assert (await scene.new.metadata.ended(first)).state == SUCCEEDED


async def test_a_crash_at_any_moment_is_gone_on_with_by_the_same_words(tmp_path: Path) -> None:
    crashes = 0
    for torn in (True, False):
        for at in range(2, 40):
            folder = tmp_path / f"{at}{torn:d}"
            folder.mkdir()
            async with burned(folder) as scene:
                # The first change makes the role keys.
                scene.new.files = MemoryFiles(crash_at=at, torn=torn)
                if not await _crashed(scene):
                    break
                crashes += 1
                await _goes_on(scene)
        else:
            pytest.fail("it never came through")
    assert crashes >= 16


async def _crashed(scene: Burned) -> bool:
    """Whether the power went in the middle; the disk is as it was left."""
    crashed = False
    try:
        async with scene.new.vault() as vault:
            operation = await vault.recovery.start(scene.words, NEW, Wish())
            running = asyncio.ensure_future(scene.new.metadata.ended(operation))
            failing = [task for task in asyncio.all_tasks() if task.get_name() == "recovery"]
            await asyncio.wait([running, *failing], return_when=asyncio.FIRST_COMPLETED)
            if failing[0].done() and failing[0].exception():
                running.cancel()
            else:
                await asyncio.wait(failing)
    except* Crash:
        crashed = True
    scene.new.files = scene.new.files.rebooted()
    return crashed


async def _goes_on(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        await vault.recovery.run()
        told = [each.state for each in scene.new.metadata.operations.values()]
        assert memory.OPERATION_STATE_RUNNING not in told
        if vault.custody.stage is Stage.LOCKED:
            assert told == [SUCCEEDED]
            await vault.custody.unlock(NEW)
        else:
            ended = await scene.recover(vault)
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")
        assert vault.custody.kek() == Kek.from_words(scene.words)
        assert vault.keyring.generation() == 2
        assert not vault.keyring.may_bury()
        assert {claim.generation for claim in scene.claims()} == {2}


async def test_until_the_memory_is_here_another_point_can_be_chosen(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        scene.old.metadata.files = 9
        scene.old.metadata.back_up()
        owner = owner_of(Kek.from_words(scene.words), ask=())
        begun = begin_journal(None, owner, 2, "")
        assert begin_journal(begun, owner, 0, "") == begun
        await vault.custody.journal_recovery(begun)
        ended = await scene.recover(vault, seq=1)
        assert json.loads(ended.result)["files"] == 7


async def test_a_recovery_that_only_restored_is_told_as_interrupted(tmp_path: Path) -> None:
    box = Box(tmp_path / "d")
    kek = Kek(os.urandom(32))
    async with box.services():
        async with box.vault() as vault:
            operation = await vault.recovery._remembers.start_operation("recover", "bytes")
            journal = RecoveryJournal(
                owner=owner_of(kek, ask=()).owner, phase=RecoveryPhase.RESTORED, seq=0, name=None,
                generation=1, confirmed_until=0, device_until=0, files=0,
            )  # fmt: skip
            await vault.custody.journal_recovery(journal)
        async with box.vault() as vault:
            await vault.recovery.run()
            ended = await box.metadata.ended(operation)
            assert (ended.state, ended.error_reason) == (FAILED, "INTERRUPTED")
