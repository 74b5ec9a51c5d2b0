"""A cloud that shows an older backup, or another one: the members' word, before anything is claimed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from piccolo.fragment_store.v1 import claim_pb2 as keeping
from piccolo.metadata.v1 import memory_pb2 as memory
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.device_record import open_device
from piccolo_formats.kek import Kek
from piccolo_formats.records.backup import Head
from piccolo_formats.signed import open_signed, sign

from piccolo_vault.adapters import backup
from piccolo_vault.core.keys.certificates import device_claim
from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.recovering import Wish
from piccolo_vault.tests.burned import FAILED, NEW, SUCCEEDED, Burned, burned
from piccolo_vault.tests.cloud_fake import Entry
from piccolo_vault.tests.metadata_fake import FakeMetadata
from piccolo_vault.tests.vault_on import PASSPHRASE, Vault, reason_of, until


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Burned]:
    """A device that left the head of its log with three members, and then burned."""
    async with burned(tmp_path) as made:
        async with made.old.vault() as vault:
            vault.follow()
            await vault.custody.unlock(PASSPHRASE)
            made.old.metadata.files = 9
            made.old.metadata.back_up()
            await until(made.old, vault, lambda: vault.circle._heard)
            await vault.heads.leave()
        assert [len(keeper.heads) for keeper in made.keepers] == [1, 1, 1]
        yield made


def log_of(scene: Burned) -> list[Entry]:
    return scene.cloud.logs[Kek.from_words(scene.words).locator().public]


def promised(scene: Burned) -> set[int]:
    """The generations that members serve; the old device asked for its own, to hear of rivals."""
    return {claim.generation for keeper in scene.keepers for claim, _ in keeper.promised.values()}


def cut(scene: Burned) -> Entry:
    """The cloud goes back by one entry."""
    return log_of(scene).pop()


async def test_members_confirm_the_newest_backup(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault)
        result = json.loads(ended.result)
        assert (result["backup"], result["files"]) == ("proven", 9)
        assert result["words"] == "3 of 3 members confirm that the backup is whole."


async def test_heads_are_countersigned_while_unlocked(scene: Burned) -> None:
    locator = Kek.from_words(scene.words).locator().public
    for keeper in scene.keepers:
        (kept,) = keeper.heads
        head = open_signed(Head, kept.head, required=[locator, scene.old.metadata.key.public])
        assert (head.record.seq, head.record.hash) == (2, log_of(scene)[-1].hash)


async def test_a_cloud_that_went_back_is_told_and_nothing_is_claimed(scene: Burned) -> None:
    cut(scene)
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert (ended.state, ended.error_reason) == (FAILED, "ROLLED_BACK")
        assert "keeper 0 of entry 2, keeper 1 of entry 2, keeper 2 of entry 2" in ended.error_message
        assert "accept_rolled_back" in ended.error_message
        assert vault.custody.stage is Stage.RECOVERING
        assert promised(scene) <= {1}
        assert scene.claims() == []
        assert (await scene.recover(vault)).error_reason == "ROLLED_BACK"
        wish = Wish(from_circle=True, contacts="circle#000G-40R4-0M30-E209-185G-R38E-1ZKA a:1#0")
        with pytest.raises(PiccoloError, match="cannot be used"):
            await vault.recovery.start(scene.words, NEW, wish)
        contact = "box.example:7443#208H-44RM-2MB1-E60S-38DH-R78Y-3XJV"
        wish = replace(wish, contacts=f"circle#000G-40R4-0M30-E209-185G-R38E-1ZKA {contact}")
        assert await reason_of(vault.recovery.start(scene.words, NEW, wish)) == "RESTORED_ALREADY"
        ended = await scene.recover(vault, accept_rolled_back=True)
        assert ended.state == SUCCEEDED
        assert json.loads(ended.result)["backup"] == "rolled_back"
        assert json.loads(ended.result)["files"] == 7
        assert [claim.generation for claim in scene.claims()] == [2]
        assert not vault.keyring.may_bury()


async def test_a_cloud_that_withholds_the_proof_is_told_and_nothing_is_claimed(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        scene.new.metadata.withholds = True
        ended = await scene.recover(vault)
        assert (ended.state, ended.error_reason) == (FAILED, "PROOF_WITHHELD")
        assert "same 24 words" in ended.error_message
        assert promised(scene) <= {1}
        assert scene.claims() == []
        scene.new.metadata.withholds = False
        ended = await scene.recover(vault)
        assert json.loads(ended.result)["backup"] == "proven"


async def test_an_owner_may_trust_a_cloud_that_withholds_the_proof(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        scene.new.metadata.withholds = True
        ended = await scene.recover(vault, accept_rolled_back=True)
        assert json.loads(ended.result)["backup"] == "withheld"


async def test_a_memory_that_ended_before_it_could_compare_is_asked_again(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        scene.new.metadata.dies = 1
        ended = await restored_then(scene, vault)
        assert json.loads(ended.result)["backup"] == "proven"


async def test_a_memory_that_ends_again_and_again_is_not_told_as_the_clouds_silence(scene: Burned) -> None:
    async with scene.new.vault() as vault:
        scene.new.metadata.dies = 9
        for accepted in (False, True):  # the owner's trust in the cloud mends nothing here
            ended = await restored_then(scene, vault, accept_rolled_back=accepted)
            assert (ended.state, ended.error_reason) == (FAILED, "MEMORY_AWAY")
            assert "neither the cloud nor your circle" in ended.error_message
            assert "same 24 words" in ended.error_message
            scene.new.metadata.dies = 9
        assert promised(scene) <= {1}
        assert scene.claims() == []
        scene.new.metadata.dies = 0
        assert json.loads((await scene.recover(vault)).result)["backup"] == "proven"


async def test_a_memory_that_waits_for_the_cloud_in_vain_is_the_clouds_silence(
    scene: Burned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_FOLLOW_SECONDS", 0.5)
    async with scene.new.vault() as vault:
        scene.new.metadata.hangs = True
        ended = await scene.recover(vault)
        assert (ended.state, ended.error_reason) == (FAILED, "PROOF_WITHHELD")


@pytest.fixture
def time_left(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """How long metadata has for what it reads of the log, at most."""
    longest = dict.fromkeys(("TraceLog", "AppendClaim"), 0.0)

    def timed(call: str) -> None:
        answer = getattr(FakeMetadata, call)

        async def answered(metadata: FakeMetadata, request: Any, context: Any) -> Any:
            longest[call] = max(longest[call], context.time_remaining())
            return await answer(metadata, request, context)

        monkeypatch.setattr(FakeMetadata, call, answered)

    for call in longest:
        timed(call)
    return longest


async def test_a_log_of_years_over_a_slow_line_is_no_silence(
    time_left: dict[str, float], scene: Burned
) -> None:
    async with scene.new.vault() as vault:
        assert (await scene.recover(vault)).state == SUCCEEDED
    assert min(time_left.values()) > 40 * 60


async def restored_then(scene: Burned, vault: Vault, **wish: Any) -> memory.Operation:
    """A recovery whose restore is not what breaks off."""
    dies, scene.new.metadata.dies = scene.new.metadata.dies, 0
    if vault.custody.recovery is None:
        scene.new.metadata.withholds = True
        assert (await scene.recover(vault)).error_reason == "PROOF_WITHHELD"
        scene.new.metadata.withholds = False
    scene.new.metadata.dies = dies
    return await scene.recover(vault, **wish)


async def test_a_log_that_is_broken_behind_what_was_restored_does_not_hold_up_its_owner(
    scene: Burned,
) -> None:
    async with scene.new.vault() as vault:
        scene.new.metadata.damaged = True
        assert (await scene.recover(vault)).state == SUCCEEDED
        assert vault.owner.claim is not None
        scene.new.metadata.damaged = False
        vault.follow()
        await until(scene.new, vault, lambda: vault.owner.claim is None)
        assert [claim.generation for claim in scene.claims()] == [2]


async def test_one_member_that_kept_the_mark_is_enough(scene: Burned) -> None:
    cut(scene)
    scene.keepers[0].away = True
    scene.keepers[1].heads = []
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert ended.error_reason == "ROLLED_BACK"
        assert "keeper 2 of entry 2" in ended.error_message


async def test_too_few_answers_are_unproven_and_stop_nothing(scene: Burned) -> None:
    for keeper in scene.keepers[:2]:
        keeper.heads = []
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert json.loads(ended.result)["backup"] == "unproven"
        assert "1 of 3 members confirmed" in json.loads(ended.result)["words"]


async def test_another_history_of_the_same_length_stops_it(scene: Burned) -> None:
    entry = cut(scene)
    scene.old.metadata.files = 1
    scene.old.metadata.back_up()  # the same seq, other bytes
    assert log_of(scene)[-1].hash != entry.hash
    async with scene.new.vault() as vault:
        for accepted in (False, True):
            ended = await scene.recover(vault, accept_rolled_back=accepted)
            assert (ended.state, ended.error_reason) == (FAILED, "FORK")
            assert "Its entry 2 is not the one that keeper 0, keeper 1, keeper 2" in ended.error_message
            assert "same 24 words" not in ended.error_message
        assert promised(scene) <= {1}
        assert scene.claims() == []


async def test_two_heads_of_one_place_are_a_fork(scene: Burned) -> None:
    (kept,) = scene.keepers[0].heads
    other = replace(open_signed(Head, kept.head).record, hash=bytes(32))
    twin = keeping.KeptHead(head=sign(other, scene.old.metadata.key).to_bytes(), device=kept.device)
    scene.keepers[0].heads = [kept, twin]
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert ended.error_reason == "FORK"
        assert "Two histories were told of entry 2" in ended.error_message


async def test_forged_heads_of_a_lying_keeper_change_nothing(scene: Burned) -> None:
    (kept,) = scene.keepers[0].heads
    liar = scene.keepers[0]
    beyond = replace(open_signed(Head, kept.head).record, seq=99, hash=bytes(32))
    liar.heads = [
        keeping.KeptHead(head=sign(beyond, liar.who.keys["metadata"]).to_bytes(), device=kept.device),
        keeping.KeptHead(
            head=sign(beyond, liar.who.keys["metadata"]).to_bytes(), device=liar.who.device.to_bytes()
        ),
        keeping.KeptHead(head=b"nothing", device=b"at all"),
    ]
    async with scene.new.vault() as vault:
        ended = await scene.recover(vault)
        assert ended.state == SUCCEEDED
        assert json.loads(ended.result)["words"] == "2 of 3 members confirm that the backup is whole."


async def test_a_locked_device_leaves_heads_and_a_replaced_one_none(scene: Burned) -> None:
    async with scene.old.vault() as vault:
        vault.follow()
        assert vault.custody.stage is Stage.LOCKED
        scene.old.metadata.back_up()
        await until(scene.old, vault, lambda: vault.circle._heard)
        await vault.heads.leave()
        for keeper in scene.keepers:
            (kept,) = keeper.heads
            assert open_signed(Head, kept.head).record.seq == 3
            assert open_signed(Head, kept.head).signers == {scene.old.metadata.key.public}
        scene.old.metadata.back_up()
        vault.fence.raise_for(generation=9)
        await vault.heads.leave()
        assert open_signed(Head, scene.keepers[0].heads[0].head).record.seq == 3


async def test_a_member_that_was_away_is_left_the_head_at_the_next_round(scene: Burned) -> None:
    async with scene.old.vault() as vault:
        vault.follow()
        scene.old.metadata.back_up()
        await until(scene.old, vault, lambda: vault.circle._heard)
        scene.keepers[1].away = True
        await vault.heads.leave()
        assert vault.heads.told() == (3, 2, 3)
        scene.keepers[1].away = False
        scene.keepers[0].heads = []
        await vault.heads.leave()
        assert vault.heads.told() == (3, 3, 3)
        assert open_signed(Head, scene.keepers[1].heads[0].head).record.seq == 3
        assert scene.keepers[0].heads == []  # it has it: it is not told twice


async def test_a_device_that_hears_of_its_successor_stops(scene: Burned) -> None:
    kek = Kek.from_words(scene.words)
    mine = open_device(scene.old.attestation.device)
    newer = sign(replace(mine.record, generation=2, name="the new one"), kek.owner_root())
    claim = device_claim(kek, newer, 1_800_000_000).to_bytes()
    scene.keepers[2].refusal = PiccoloError(
        Kind.PRECONDITION, "FENCED", "A newer device is served.", {"claim": claim.hex()}
    )
    async with scene.old.vault() as vault:
        vault.follow()
        scene.old.metadata.back_up()
        await until(scene.old, vault, lambda: vault.circle._heard)
        await vault.heads.leave()
        assert vault.fence.up
