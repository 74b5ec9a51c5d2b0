"""Which of an owner's devices writes: promises, claims, fences, and what is signed at each unlock."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.device_record import open_device
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import EntryHeader
from piccolo_formats.records.device import Device
from piccolo_formats.records.generations import Claim
from piccolo_formats.signed import Signed, open_signed, sign

from piccolo_vault.core.keys.certificates import device_claim
from piccolo_vault.core.keys.owner import owner_of
from piccolo_vault.core.keys.recovering import Wish
from piccolo_vault.engine.keys.generations import FILE as SUCCESSION_FILE
from piccolo_vault.engine.keys.hearing import hear
from piccolo_vault.ports.backups import Work
from piccolo_vault.tests.burned import NEW, SUCCEEDED, Burned, burned
from piccolo_vault.tests.circle_fakes import FakeOwner
from piccolo_vault.tests.vault_on import Box, reason_of, until


@pytest.mark.parametrize("tells", [True, False])
async def test_the_old_device_is_fenced_by_the_log(tmp_path: Path, tells: bool) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as old, scene.new.vault() as vault:
        scene.old.metadata.tells = tells
        old.follow()
        await old.custody.unlock("seven green kettles")
        assert old.keyring.generation() == 1
        await scene.recover(vault)
        await until(scene.old, old, lambda: old.fence.up)
        with pytest.raises(PiccoloError) as caught:
            old.keyring.generation()
        assert caught.value.reason == "FENCED"
        assert not old.keyring.may_bury()
        assert ("generation 2 of your devices, took over on 2026-11-18" in old.fence.words) is tells
        assert not vault.fence.up


async def test_an_entry_that_the_locator_did_not_vouch_for_fences_nobody(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as old, scene.new.vault() as vault:
        await scene.recover(vault)
        log = scene.cloud.logs[Kek.from_words(scene.words).locator().public]
        forged = sign(open_signed(EntryHeader, log[-1].header).record, SigningKey(bytes(32))).to_bytes()
        log[-1] = replace(log[-1], header=forged)
        state = await old.fences._backups.status()
        assert state.fenced
        assert state.fenced_by == forged
        old.fences._take(state)
        assert not old.fence.up


async def test_the_old_device_is_fenced_by_the_circle_and_says_who_and_when(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as old, scene.new.vault() as vault:
        await scene.recover(vault, name="the new box")
        scene.cloud.away = True
        scene.old.attestation.seen_device = scene.new.attestation.device
        scene.old.attestation.seen_claim = scene.keepers[0].promised[old.owner.owner][1]
        old.follow()
        await until(scene.old, old, lambda: old.fence.up)
        assert "the new box" in old.fence.words
        assert "generation 2" in old.fence.words
        assert "2027-01-15 at 08:00 UTC" in old.fence.words
        assert scene.old.vault is not None


async def test_the_old_device_learns_from_a_keeper_when_it_is_unlocked(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as old, scene.new.vault() as vault:
        await scene.recover(vault)
        scene.cloud.away = True
        old.follow()
        await until(scene.old, old, lambda: old.circle._heard)
        assert not old.fence.up
        scene.old.metadata.delegation = None
        await old.custody.unlock("seven green kettles")
        await until(scene.old, old, lambda: old.fence.up)
        assert "generation 2" in old.fence.words
        await old.tasks.finish()
        assert scene.old.metadata.delegation is None


async def test_the_device_in_force_asks_its_keepers_and_hears_nothing(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        await scene.recover(vault)
        vault.follow()
        await until(scene.new, vault, lambda: vault.duties._asked >= 0)
        assert not vault.fence.up
        assert {claim.generation for keeper in scene.keepers for claim, _ in keeper.promised.values()} == {2}


async def test_a_device_that_lost_keys_gives_way_to_the_one_that_replaced_it(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as old, scene.new.vault() as vault:
        await scene.recover(vault)
        scene.cloud.away = True
        scene.old.metadata.key = SigningKey(bytes(range(32)))
        before = scene.old.attestation.device
        old.follow()
        await old.custody.unlock("seven green kettles")
        await until(scene.old, old, lambda: old.fence.up)
        assert scene.old.attestation.device == before
        assert {claim.generation for keeper in scene.keepers for claim, _ in keeper.promised.values()} == {2}


async def test_even_when_no_keeper_told_before_it_began(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as old, scene.new.vault() as vault:
        await scene.recover(vault)
        await old.custody.unlock("seven green kettles")
        scene.old.metadata.key = SigningKey(bytes(range(32)))
        assert await reason_of(old.duties._certificate()) == "OUTBID"
        assert old.fence.up


async def test_a_keepers_answer_fences_the_old_device(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault, scene.old.vault() as old:
        await scene.recover(vault)
        old.keyring.fenced_by(scene.keepers[0].promised[old.owner.owner][1])
        assert "generation 2" in old.fence.words
        vault.keyring.fenced_by(scene.keepers[0].promised[old.owner.owner][1])
        assert not vault.fence.up


async def test_members_without_a_known_device_count_against_the_majority(tmp_path: Path) -> None:
    async with burned(tmp_path, keepers=4) as scene, scene.new.vault() as vault:
        scene.new.attestation.keepers = scene.keepers[:2]
        scene.new.patience = 0.0
        vault.recovery._patience = 0.0
        ended = await scene.recover(vault)
        assert ended.error_reason == "NO_MAJORITY"


async def test_a_generation_that_another_device_was_promised_is_left_to_it(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        kek = Kek.from_words(scene.words)
        owner = owner_of(kek, ask=())
        rival = Claim(
            circle=scene.keepers[0].who.circle, owner=owner.owner, generation=5, device=bytes(32), time=1
        )
        scene.keepers[2].promised[owner.owner] = (rival, sign(rival, kek.owner_root()).to_bytes())
        ended = await scene.recover(vault)
        assert json.loads(ended.result)["generation"] == 6
        assert [claim.generation for claim in scene.claims()] == [6]


async def test_a_made_up_claim_does_not_push_the_generation(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        owner = owner_of(Kek.from_words(scene.words), ask=())
        made_up = Claim(
            circle=scene.keepers[0].who.circle, owner=owner.owner, generation=2**40, device=bytes(32), time=1
        )
        forged = sign(made_up, scene.keepers[2].who.kek.owner_root()).to_bytes()
        scene.keepers[2].promised[owner.owner] = (made_up, forged)
        ended = await scene.recover(vault)
        assert json.loads(ended.result)["generation"] == 2


async def test_a_promise_by_another_key_does_not_count(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        for keeper in scene.keepers[:2]:
            keeper.who.keys["fragment-store"] = scene.keepers[2].who.keys["fragment-store"]
        vault.recovery._patience = 0.0
        ended = await scene.recover(vault)
        assert ended.error_reason == "NO_MAJORITY"


async def test_two_devices_that_recover_at_once_end_with_different_generations(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, AsyncExitStack() as stack:
        third = Box(tmp_path / "t", scene.cloud)
        await stack.enter_async_context(third.services())
        third.attestation.keepers = scene.keepers
        one = await stack.enter_async_context(scene.new.vault())
        other = await stack.enter_async_context(third.vault())
        first = await one.recovery.start(scene.words, NEW, Wish(name="one"))
        second = await other.recovery.start(scene.words, NEW, Wish(name="other"))
        ended = [await scene.new.metadata.ended(first, 60), await third.metadata.ended(second, 60)]
        assert [each.state for each in ended] == [SUCCEEDED, SUCCEEDED]
        generations = sorted(json.loads(each.result)["generation"] for each in ended)
        assert generations[0] < generations[1]


def rival_of(scene: Burned, generation: int) -> tuple[Signed[Device], Signed[Claim]]:
    """Another device with the same words, and its claim."""
    kek = Kek.from_words(scene.words)
    third = FakeOwner("third box", scene.keepers[0].who.circle, kek)
    record = replace(third.device.record, generation=generation)
    device = sign(record, kek.owner_root())
    return device, device_claim(kek, device, 1_800_000_000)


async def test_a_device_that_shares_its_generation_with_one_the_circle_goes_by_takes_the_next(
    tmp_path: Path,
) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        await scene.recover(vault)
        twin, claim = rival_of(scene, 2)
        there = scene.new.attestation
        there.seen_device, there.seen_claim = twin.to_bytes(), claim.to_bytes()
        vault.follow()
        await until(scene.new, vault, lambda: vault.owner.generation == 3)
        assert open_device(there.device).record.generation == 3
        assert not vault.fence.up


async def test_what_the_circle_told_before_the_keys_were_here_is_heard_when_they_are(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        vault.circle._take(None)
        await scene.recover(vault)
        vault.duties._asked = vault.duties._clock.running()  # no member is asked
        scene.new.attestation.seen_claim = rival_of(scene, 3)[1].to_bytes()
        assert await reason_of(vault.duties._keepers()) == "FENCED"
        assert "generation 3" in vault.fence.words


async def test_of_several_claims_that_members_show_the_newest_counts(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        await scene.recover(vault)
        owner = vault.owner
        for keeper, generation in zip(scene.keepers, (2, 4, 3), strict=True):
            claim = rival_of(scene, generation)[1]
            keeper.promised[owner.owner] = (claim.record, claim.to_bytes())
        view = await vault.duties._trust.circle()
        assert view is not None
        found = await vault.generations.rival(vault.custody.kek(), owner, view)
        assert found == scene.keepers[1].promised[owner.owner][1]
        for keeper in scene.keepers:  # a rival of the same generation has no majority: it moves on
            claim = rival_of(scene, 2)[1]
            keeper.promised[owner.owner] = (claim.record, claim.to_bytes())
        assert await vault.generations.rival(vault.custody.kek(), owner, view) is None


async def test_a_recovery_goes_beyond_what_its_circle_heard_of_before_it_claimed(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        heard, (_, claim) = rival_of(scene, 5)[0].to_bytes(), rival_of(scene, 3)
        for keeper in scene.keepers:
            keeper.promised[claim.record.owner] = (claim.record, claim.to_bytes())
            keeper.on_claim = lambda: setattr(scene.new.attestation, "seen_device", heard)
        ended = await scene.recover(vault)
        assert json.loads(ended.result)["generation"] == 6


async def test_a_recovery_that_is_overtaken_ends_with_who_took_over_and_since_when(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        await scene.recover(vault)
        vault.quiet.begin()
        told: list[Work] = []

        async def tell(work: Work) -> None:
            told.append(work)
            vault.keyring.fenced_by(rival_of(scene, 3)[1].to_bytes())

        overtaken = hear(vault.quiet, vault.fence, tell, 20.0, patient=True)
        assert await reason_of(overtaken) == "FENCED"
        assert len(told) == 1
        assert await reason_of(hear(vault.quiet, vault.fence, tell, 20.0, patient=True)) == "FENCED"


async def test_with_the_cloud_away_the_majority_is_enough_and_the_claim_follows(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.new.vault() as vault:
        for keeper in scene.keepers:
            keeper.on_claim = lambda: setattr(scene.cloud, "away", True)
        ended = await scene.recover(vault)
        assert ended.state == SUCCEEDED
        assert vault.owner.claim is not None
        scene.cloud.away = False
        for keeper in scene.keepers:
            keeper.on_claim = None
        assert scene.claims() == []
        vault.follow()
        await until(scene.new, vault, lambda: vault.owner.claim is None)
        assert [claim.generation for claim in scene.claims()] == [2]


async def test_a_device_that_lost_a_processes_keys_takes_a_new_generation(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as vault:
        scene.old.metadata.key = scene.new.metadata.key
        vault.follow()
        await vault.custody.unlock("seven green kettles")
        await until(scene.old, vault, lambda: vault.owner.generation == 2)
        device = open_device(scene.old.attestation.device).record
        assert (device.generation, device.signing.metadata) == (2, scene.new.metadata.key.public)
        await until(scene.old, vault, lambda: scene.old.metadata.delegation.generation == 2)  # type: ignore[union-attr]
        assert [claim.generation for claim in scene.claims()] == [2]
        assert not vault.fence.up
        assert vault.keyring.may_bury()
        assert scene.old.files.load(SUCCESSION_FILE) is None


async def test_at_each_unlock_delegation_and_head_are_signed(tmp_path: Path) -> None:
    async with burned(tmp_path) as scene, scene.old.vault() as vault:
        vault.follow()
        scene.old.metadata.head, scene.old.metadata.delegation = b"", None
        for _ in range(2):
            await vault.custody.unlock("seven green kettles")
            await until(scene.old, vault, lambda: scene.old.metadata.delegation)
            await until(scene.old, vault, lambda: scene.old.metadata.head)
            await vault.custody.lock()
            scene.old.metadata.head, scene.old.metadata.delegation = b"", None
