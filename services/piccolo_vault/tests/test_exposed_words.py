"""Words that strangers may know: what the keys do beyond plain new words, and what they wait for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.former import Former

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.resealed import Resealed
from piccolo_vault.tests.burned import SUCCEEDED
from piccolo_vault.tests.test_rotation import Scene, scene_at, through, unlocked
from piccolo_vault.tests.vault_on import Vault, reason_of


async def until_sealing(scene: Scene, vault: Vault) -> None:
    """Takes the steps up to where the way of a file has its turn."""
    for _ in range(20):
        await vault.rotation._attempt()
        if vault.settling.renewing:
            vault.settling.renewed(0, 0, 0)
        if vault.keyring.sealing():
            return
    raise AssertionError(vault.rotation.words)


def audited(scene: Scene) -> list[str]:
    wanted = ("exposed", "emptied")
    return [each.action for each in scene.box.metadata.audits if any(one in each.action for one in wanted)]


async def test_everything_is_marked_the_old_backups_go_and_it_ends_when_all_is_sealed(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3, exposed=True) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        await through(scene.box, vault)
        scene.check_done(scene.box, vault)
        (operation,) = [each for each in scene.box.metadata.operations.values() if each.kind == "rotate"]
        assert operation.state == SUCCEEDED
        assert json.loads(operation.result) == {"epoch": 2, "versions": 3, "leftovers": 0, "unreached": []}
        assert audited(scene) == ["vault.words.exposed", "vault.backup.emptied", "vault.words.exposed.over"]


async def test_progress_is_told_in_bytes_and_the_old_key_is_kept_until_the_end(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", exposed=True) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        await until_sealing(scene, vault)
        vault.keyring.resealed(Resealed("Sealing every file anew: 1 of 3 file versions.", 5, 20, 1, 3))
        await vault.rotation._attempt()
        (operation,) = [each for each in scene.box.metadata.operations.values() if each.kind == "rotate"]
        assert (operation.unit, operation.done, operation.total) == ("bytes", 5, 20)
        assert operation.phase == vault.rotation.words == "Sealing every file anew: 1 of 3 file versions."
        former = Former.from_record(scene.box.metadata.state["vault/former"])
        assert former.exposed
        assert await reason_of(vault.rotation.begin("seven green kettles")) == "ROTATION_RUNNING"


async def test_a_restart_seals_on(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", exposed=True) as scene:
        async with scene.box.vault() as vault:
            await unlocked(vault)
            await scene.begin(vault)
            await until_sealing(scene, vault)
        async with scene.box.vault() as vault:
            assert not vault.keyring.sealing()
            with pytest.raises(PiccoloError) as loading:
                vault.keyring.exposed_through()
            assert loading.value.reason == "KEY_LOADING"
            await unlocked(vault)
            await through(scene.box, vault)
            scene.check_done(scene.box, vault)


async def test_a_blank_device_under_the_new_words_seals_on(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", exposed=True) as scene:
        async with scene.box.vault() as vault:
            await unlocked(vault)
            await scene.begin(vault)
            await until_sealing(scene, vault)
            scene.box.metadata.state["attestation/bundle"] = scene.box.attestation.bundle()
            scene.box.metadata.back_up()
        async with scene.burned.new.vault() as blank:
            ended = await scene.burned.recover(blank, words=scene.words)
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")
            assert scene.burned.new.metadata.exposed == set(scene.packs)
            await through(scene.burned.new, blank)
            assert "vault/former" not in scene.burned.new.metadata.state
            assert blank.keyring.exposed_through() == 0


async def test_what_came_in_under_the_old_words_meanwhile_is_sealed_too(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", exposed=True) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        await until_sealing(scene, vault)
        before = set(scene.packs)
        scene.keep()  # an intent of the old words is rolled forward
        vault.keyring.resealed(Resealed("All is sealed anew.", 7, 7, 3, 3, over=True))
        scene.box.attestation.name_new_keys()
        await vault.rotation._attempt()
        assert vault.keyring.sealing()
        assert scene.box.metadata.exposed == set(scene.packs) > before
        await through(scene.box, vault)
        scene.check_done(scene.box, vault)


@pytest.mark.parametrize("step", ["close_log", "begin_emptying"])
@pytest.mark.parametrize("kind", [Kind.DATA_LOSS, Kind.FULL, Kind.CONFLICT])
async def test_an_old_log_that_cannot_be_ended_keeps_nothing_else_waiting(
    tmp_path: Path, step: str, kind: Kind
) -> None:
    async def refuse(*_: object) -> None:
        raise PiccoloError(kind, "THE_LOG", "The old log cannot be ended.")

    async with scene_at(tmp_path / "s", exposed=True) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vault.settling._successions, step, refuse)
            await until_sealing(scene, vault)
            assert scene.box.metadata.exposed == set(scene.packs)
            vault.keyring.resealed(Resealed("All is sealed anew.", 7, 7, 3, 3, over=True))
            scene.box.attestation.name_new_keys()
            for _ in range(3):
                await vault.rotation._attempt()
            assert vault.rotation.words == "Waiting: The old log cannot be ended."
            assert "vault/former" in scene.box.metadata.state
            assert vault.custody.former is not None
        await through(scene.box, vault)
        scene.check_done(scene.box, vault)


@pytest.mark.parametrize(
    ("taken", "told"), [(7, "It was taken."), (2**64 - 1, "Let the cloud's operator delete it.")]
)
async def test_a_thief_who_goes_on_with_the_old_log_keeps_nothing_else_waiting(
    tmp_path: Path, taken: int, told: str
) -> None:
    async def fenced(*_: object) -> None:
        raise PiccoloError(Kind.DENIED, "FENCED", "It was taken.", {"generation": str(taken)})

    async with scene_at(tmp_path / "s", exposed=True) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vault.settling._successions, "close_log", fenced)
            await until_sealing(scene, vault)
            vault.keyring.resealed(Resealed("All is sealed anew.", 7, 7, 3, 3, over=True))
            scene.box.attestation.name_new_keys()
            for _ in range(3):
                await vault.rotation._attempt()
            assert vault.rotation.words.endswith(told)
            assert "vault/former" in scene.box.metadata.state, "the old log is open"
        await through(scene.box, vault)
        scene.check_done(scene.box, vault)


async def test_a_locked_device_waits(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", exposed=True) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        await until_sealing(scene, vault)
        await vault.custody.lock()
        assert not vault.keyring.sealing()
        await unlocked(vault)
        assert vault.custody.stage is Stage.UNLOCKED
        await vault.rotation._attempt()
        assert vault.keyring.sealing()


async def test_the_old_log_is_not_emptied_before_a_majority_knows_the_new_words(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3, exposed=True) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        for keeper in scene.burned.keepers:
            keeper.away = True
        await scene.begin(vault)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("piccolo_vault.engine.keys.settling._PATIENCE", 0.2)
            await vault.rotation._attempt()
        assert vault.owner.epoch == 2
        assert len(scene.burned.cloud.log(scene.old.locator().public)) > 1
        for keeper in scene.burned.keepers:
            keeper.away = False
        await through(scene.box, vault)
        scene.check_done(scene.box, vault)
