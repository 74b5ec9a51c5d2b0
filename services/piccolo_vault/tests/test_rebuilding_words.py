"""The cloud is gone for good after an owner had new words: they and printed contacts are enough."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats import cbor
from piccolo_formats.former import Former, Lineage
from piccolo_formats.records.backup import Head
from piccolo_formats.signed import open_signed

from piccolo_vault.core.compared import Compared
from piccolo_vault.core.resealed import Resealed
from piccolo_vault.tests.burned import FAILED, NEW, SUCCEEDED
from piccolo_vault.tests.test_exposed_words import until_sealing
from piccolo_vault.tests.test_rebuilding import contacts, told
from piccolo_vault.tests.test_rotation import Scene, scene_at, through, unlocked
from piccolo_vault.tests.vault_on import Box, Vault, reason_of, until


def know(scene: Scene, *, successors: bool = True) -> None:
    """The members know the circle as it is, and how it began."""
    there = scene.box.attestation
    records = [scene.box.metadata.state["attestation/bundle"], there.bundle()]
    known = [each for bundle in records for each in _array(bundle)]
    if successors:
        known += Lineage.from_record(scene.box.metadata.state["vault/lineage"]).successors
    for keeper in scene.burned.keepers:
        keeper.knows = list(dict.fromkeys(known))


def _array(bundle: bytes) -> list[bytes]:
    records = cbor.decode(bundle)
    assert isinstance(records, list)
    return [record for record in records if isinstance(record, bytes)]


async def rotated(scene: Scene, vault: Vault) -> None:
    await unlocked(vault)
    await scene.begin(vault)
    await through(scene.box, vault)


async def test_new_words_and_contacts_bring_the_owner_back(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3) as scene:
        printed = contacts(scene.burned).text()
        async with scene.box.vault() as vault:
            await rotated(scene, vault)
            owner = vault.owner
        know(scene)
        scene.burned.cloud.logs.clear()
        async with scene.burned.new.vault() as blank:
            members = asyncio.ensure_future(told(blank, Compared(3, 3, 1, 0, 0)))
            ended = await scene.burned.recover(blank, words=scene.words, contacts=printed)
            await members
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")
            result = json.loads(ended.result)
            assert result["backup"] == "circle"
            assert "took the place of others on 20" in result["words"]
            assert "say once more that they were exposed" in result["words"]
            assert result["exposed"] == "unknown"
            mine = blank.owner
            assert (mine.owner, mine.root, mine.epoch) == (owner.owner, owner.root, 2)
            assert mine.generation == owner.generation + 1
            state = scene.burned.new.metadata.state
            assert state["vault/owner"] == owner.owner
            assert state["vault/lineage"] == scene.box.metadata.state["vault/lineage"]
            await blank.rotation._attempt()
            assert "vault/former" not in state
            assert [each.public for each in blank.keyring.backups()] == [scene.new.backup().public]
            assert scene.opened(scene.box, blank.keyring.kek_for)


async def test_exposed_words_are_ended_although_nobody_tells_their_key(tmp_path: Path) -> None:
    """In the middle of it, device and cloud are gone: the successor says that there was something to end."""
    async with scene_at(tmp_path / "s", keepers=3, exposed=True) as scene:
        printed = contacts(scene.burned).text()
        async with scene.box.vault() as vault:
            await unlocked(vault)
            await scene.begin(vault)
            await until_sealing(scene, vault)
            lost = vault.owner
        assert lost.generation == 2
        know(scene)
        scene.burned.cloud.logs.clear()
        new = scene.burned.new
        async with new.vault() as blank:
            members = asyncio.ensure_future(told(blank, Compared(3, 3, 1, 0, 0)))
            ended = await scene.burned.recover(blank, words=scene.words, contacts=printed)
            await members
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")
            result = json.loads(ended.result)
            words = result["words"]
            assert result["exposed"] == "sealing"
            assert "because strangers may know those" in words
            assert "once more" not in words
            kept = Former.from_record(new.metadata.state["vault/former"])
            assert (kept.is_lost, kept.exposed, kept.owner, kept.epoch) == (True, True, lost.owner, 1)
            await _sealing_without_former(blank)
            await blank.custody.lock()
            assert not blank.keyring.sealing()
            await unlocked(blank, NEW)
            for ask in (blank.keyring.exposed_through, blank.keyring.suspected_through):
                with pytest.raises(PiccoloError, match="not loaded yet"):
                    ask()
        async with new.vault() as blank:
            await unlocked(blank, NEW)
            await _sealing_without_former(blank)
            await _sealed_without_former(blank, new)


async def _sealing_without_former(blank: Vault) -> None:
    """What is left to do without the KEK before is being done, and nobody waits for that KEK."""
    await blank.rotation._attempt()
    assert blank.keyring.sealing()
    assert not blank.settling.renewing
    assert blank.owner.generation == 3
    assert (blank.keyring.exposed_through(), blank.keyring.suspected_through()) == (2, 1)
    assert len(blank.keyring.backups()) == 1
    with pytest.raises(PiccoloError, match="only those words open it"):
        blank.keyring.kek_for((1).to_bytes(4) + bytes(72))
    assert blank.rotation.words == "Looking for what is to be sealed anew"
    assert await reason_of(blank.rotation.begin(NEW)) == "ROTATION_RUNNING"


async def _sealed_without_former(blank: Vault, new: Box) -> None:
    """All is sealed anew: nothing waits any more, and the operation tells how it went."""
    blank.keyring.resealed(Resealed("All is sealed anew.", 7, 7, 3, 3, unopened=4, over=True))
    await blank.rotation._attempt()
    assert "vault/former" not in new.metadata.state
    assert (blank.keyring.exposed_through(), blank.keyring.suspected_through()) == (0, 0)
    assert not blank.keyring.sealing()
    assert blank.rotation.words == ""
    (operation,) = [each for each in new.metadata.operations.values() if each.kind == "rotate"]
    assert operation.state == SUCCEEDED
    over = {"epoch": 2, "versions": 3, "leftovers": 0, "unreached": [], "unopened": 4}
    assert json.loads(operation.result) == over
    assert await reason_of(blank.rotation.begin(NEW)) != "ROTATION_RUNNING"


async def test_without_the_successors_nobody_is_taken_for_the_owner(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3) as scene:
        printed = contacts(scene.burned).text()
        async with scene.box.vault() as vault:
            await rotated(scene, vault)
        know(scene, successors=False)
        scene.burned.cloud.logs.clear()
        async with scene.burned.new.vault() as blank:
            ended = await scene.burned.recover(blank, words=scene.words, contacts=printed)
            assert (ended.state, ended.error_reason) == (FAILED, "NOT_A_MEMBER")
            assert not scene.burned.new.metadata.rebuilt


async def test_the_old_words_and_contacts_bring_nobody_back(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3) as scene:
        printed = contacts(scene.burned).text()
        async with scene.box.vault() as vault:
            await rotated(scene, vault)
        know(scene)
        scene.burned.cloud.logs.clear()
        async with scene.burned.new.vault() as blank:
            ended = await scene.burned.recover(blank, contacts=printed)
            assert (ended.state, ended.error_reason) == (FAILED, "CONTACTS_AWAY")
            assert "newest words" in ended.error_message


async def test_the_head_of_the_new_log_takes_the_place_of_the_old_ones(tmp_path: Path) -> None:
    """Members that had a higher place of the old log confirm the new one."""
    async with scene_at(tmp_path / "s", keepers=3) as scene:
        async with scene.box.vault() as vault:
            await unlocked(vault)
            vault.tasks.create_task(vault.circle.run())
            await until(scene.box, vault, lambda: vault.circle._heard)
            for _ in range(4):
                scene.box.metadata.back_up()
            await vault.heads.leave()
            await scene.begin(vault)
            await through(scene.box, vault)
            scene.box.metadata.state["attestation/bundle"] = scene.box.attestation.bundle()
            scene.box.metadata.back_up()
            await vault.heads.leave()
            assert vault.heads.told()[1:] == (3, 3)
        for keeper in scene.burned.keepers:
            (kept,) = keeper.heads
            assert open_signed(Head, kept.head).record.locator == scene.new.locator().public
        async with scene.burned.new.vault() as blank:
            ended = await scene.burned.recover(blank, words=scene.words)
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")
            assert json.loads(ended.result)["backup"] == "proven"
