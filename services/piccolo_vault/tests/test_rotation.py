"""New words, however often cut off: at every step the device goes on, or the right words bring it back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.fek import Fek, Scope, unwrap, wrap, wrapped_epoch
from piccolo_formats.former import Former, Lineage
from piccolo_formats.kek import Kek
from piccolo_formats.lineage import open_successor
from piccolo_formats.records.generations import Claim
from piccolo_formats.signed import open_signed

from piccolo_vault.core.keys.certificates import kept_certificate
from piccolo_vault.core.resealed import Resealed
from piccolo_vault.engine.keys.custody import ROTATION_FILE, SEALED_FILE
from piccolo_vault.testing_keys import Crash
from piccolo_vault.tests.burned import NEW, SUCCEEDED, Burned, burned
from piccolo_vault.tests.vault_on import PASSPHRASE, Box, Vault, reason_of, until

PACKS = 3


@dataclass
class Power:
    """Counts what a device asks of its neighbours, and goes at the n-th: before it, or right after it."""

    at: int = 0
    after: bool = False
    count: int = 0
    quiet: frozenset[str] = frozenset({"watch", "watch_proposals"})

    def around(self, neighbour: Any) -> Any:
        """The neighbour, while the power is on."""
        power = self

        class Wired:
            def __getattr__(self, name: str) -> Any:
                method = getattr(neighbour, name)
                return method if name in power.quiet else power.counted(method)

        return Wired()

    def counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A call that may be the last."""

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            last = self.count == self.at
            if last and not self.after:
                raise Crash(f"before call {self.count}")
            try:
                return await method(*args, **kwargs)
            finally:
                if last:
                    raise Crash(f"after call {self.at}")

        return call


@dataclass
class Scene:
    """A device in a circle, with files and a backup."""

    burned: Burned
    packs: dict[bytes, bytes] = field(default_factory=dict)
    words: str = ""
    exposed: bool = False

    @property
    def box(self) -> Box:
        return self.burned.old

    @property
    def old(self) -> Kek:
        return Kek.from_words(self.burned.words)

    @property
    def new(self) -> Kek:
        return Kek.from_words(self.words)

    def keep(self) -> None:
        """Some packs, under the words in force."""
        for _ in range(PACKS):
            key, object_id = Fek.generate(os.urandom), os.urandom(16)
            self.packs[object_id] = key.reveal()
            scope = Scope.of_pack(object_id)
            self.box.metadata.wraps[object_id] = wrap(self.old, 1, key, scope, os.urandom)
        self.box.metadata.back_up()

    async def begin(self, vault: Vault) -> None:
        """The new words are shown, noted and confirmed."""
        shown = await vault.rotation.begin(PASSPHRASE)
        self.words = " ".join(shown.words)
        said = " ".join(shown.words[at - 1] for at in shown.ask)
        await vault.rotation.confirm(said, exposed=self.exposed)

    def opened(self, box: Box, kek_for: Callable[[bytes], Kek]) -> bool:
        """Whether every pack's key opens."""
        wraps = box.metadata.wraps
        return {
            key: unwrap(kek_for(wrapped), wrapped, Scope.of_pack(key)).reveal()
            for key, wrapped in wraps.items()
        } == self.packs

    def check_done(self, box: Box, vault: Vault) -> None:
        """Nothing is left that the old words are needed for, or good for."""
        owner, state = vault.owner, box.metadata.state
        assert owner.epoch == 2
        assert owner.owner == state["vault/owner"]
        assert vault.custody.kek() == self.new
        assert {wrapped_epoch(each) for each in box.metadata.wraps.values()} == {2}
        assert self.opened(box, lambda _: self.new)
        assert "vault/former" not in state
        assert vault.custody.former is None
        (successor,) = Lineage.from_record(state["vault/lineage"]).successors
        assert open_successor(successor).record.new_root == self.new.owner_root().public
        assert kept_certificate(owner.device or b"").record.root == self.new.owner_root().public
        log = self.burned.cloud.log(self.old.locator().public)
        assert log[-1].moved == successor
        assert (len(log) == 1) == self.exposed
        assert box.metadata.exposed == (set(self.packs) if self.exposed else set())
        assert vault.keyring.exposed_through() == 0
        assert box.metadata.delegation is not None
        assert box.metadata.delegation.locator == self.new.locator().public
        for keeper in self.burned.keepers:
            assert keeper.roots[owner.owner] == self.new.owner_root().public
        assert ROTATION_FILE not in box.files.content
        assert vault.rotation.words == ""


async def through(box: Box, vault: Vault) -> None:
    """What runs by itself, and what others do: the records are renewed, the admins sign."""
    async with asyncio.timeout(30):
        await _through(box, vault)


async def _through(box: Box, vault: Vault) -> None:
    for _ in range(30):
        await vault.rotation._attempt()
        if vault.settling.renewing:
            vault.settling.renewed(0, 0, 0)
        if vault.keyring.sealing():
            assert not vault.settling.renewing
            assert vault.keyring.exposed_through() == 1
            vault.keyring.resealed(Resealed("All is sealed anew.", 7, 7, 3, 3, over=True))
        box.attestation.name_new_keys()
        if vault.custody.rotation is None and "vault/former" not in box.metadata.state:
            await vault.rotation._attempt()
            return
    raise AssertionError(vault.rotation.words)


@asynccontextmanager
async def scene_at(folder: Path, keepers: int = 1, *, exposed: bool = False) -> AsyncIterator[Scene]:
    folder.mkdir()
    async with burned(folder, keepers) as made:
        scene = Scene(made, exposed=exposed)
        scene.keep()
        yield scene


async def unlocked(vault: Vault, passphrase: str = PASSPHRASE) -> None:
    await vault.custody.unlock(passphrase)


async def test_new_words_take_the_place_of_the_old(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        assert vault.rotation.words
        assert vault.owner.epoch == 1
        await through(scene.box, vault)
        scene.check_done(scene.box, vault)
        assert vault.owner.generation == 2
        assert not vault.custody.test_words(scene.burned.words)
        assert vault.custody.test_words(scene.words)
        (operation,) = [each for each in scene.box.metadata.operations.values() if each.kind == "rotate"]
        assert operation.state == SUCCEEDED
        assert vault.keyring.generation() == 2


async def test_the_admins_noting_the_new_keys_wakes_what_waits_for_it(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        vault.follow()
        await scene.begin(vault)
        scene.box.metadata.back_up()
        await until(scene.box, vault, lambda: vault.settling.renewing)
        vault.settling.renewed(0, 0, 0)
        async with asyncio.timeout(15):
            while "admins" not in vault.rotation.words:  # noqa: ASYNC110 - what it says fires nothing
                await asyncio.sleep(0.01)
        scene.box.attestation.name_new_keys()
        await until(scene.box, vault, lambda: vault.custody.former is None)
        scene.check_done(scene.box, vault)


async def test_two_rotations_in_a_row(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        await through(scene.box, vault)
        between = scene.new
        await scene.begin(vault)
        assert await reason_of(vault.rotation.begin(PASSPHRASE)) == "ROTATION_RUNNING"
        await through(scene.box, vault)
        assert vault.owner.epoch == 3
        assert scene.opened(scene.box, lambda _: scene.new)
        assert scene.burned.cloud.log(between.locator().public)[-1].moved
        lineage = Lineage.from_record(scene.box.metadata.state["vault/lineage"]).successors
        assert [open_successor(each).record.kek_epoch for each in lineage] == [2, 3]
        scene.box.metadata.state["attestation/bundle"] = scene.box.attestation.bundle()
        scene.box.metadata.back_up()
        async with scene.burned.new.vault() as blank:
            ended = await scene.burned.recover(blank, words=scene.words)
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")
            assert blank.owner.owner == vault.owner.owner
            assert blank.owner.epoch == 3


async def test_nothing_is_kept_of_words_that_were_not_confirmed(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene:
        before = dict(scene.box.files.content)
        async with scene.box.vault() as vault:
            await unlocked(vault)
            assert await reason_of(vault.rotation.confirm("a b c", exposed=False)) == "NO_NEW_WORDS"
            assert await reason_of(vault.rotation.begin("another passphrase")) == "PASSPHRASE_WRONG"
            scene.box.clock.pass_by(5)
            shown = await vault.rotation.begin(PASSPHRASE)
            wrong = " ".join(["zoo"] * 3)
            assert await reason_of(vault.rotation.confirm(wrong, exposed=False)) == "WORDS_DIFFER"
            await vault.custody.lock()
            await unlocked(vault)
            said = " ".join(shown.words[at - 1] for at in shown.ask)
            assert await reason_of(vault.rotation.confirm(said, exposed=False)) == "NO_NEW_WORDS"
        assert scene.box.files.content.keys() - {"tries"} == before.keys() - {"tries"}
        assert scene.box.files.content[SEALED_FILE] == before[SEALED_FILE]
        assert "vault/lineage" not in scene.box.metadata.state


async def test_the_cloud_being_away_holds_the_new_words_back_and_loses_nothing(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        scene.burned.cloud.away = True
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("piccolo_vault.engine.keys.carrying._SNAPSHOT_SECONDS", 0.2)
            assert await vault.rotation._attempt()
        # until the cloud has it, what is new is written for the old words
        assert vault.keyring.kek_epoch() == 1
        assert vault.keyring.backup_public() == scene.old.backup().public
        assert scene.opened(scene.box, vault.keyring.kek_for)
        scene.burned.cloud.away = False
        scene.box.metadata.back_up()
        await through(scene.box, vault)
        scene.check_done(scene.box, vault)


async def test_the_passphrase_can_be_changed_in_the_middle(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene:
        async with scene.box.vault() as vault:
            await unlocked(vault)
            await scene.begin(vault)
            await vault.custody.change(PASSPHRASE, NEW)
        async with scene.box.vault() as vault:
            assert await reason_of(vault.custody.unlock(PASSPHRASE)) == "PASSPHRASE_WRONG"
            scene.box.clock.pass_by(5)
            await unlocked(vault, NEW)
            await through(scene.box, vault)
            scene.check_done(scene.box, vault)


async def test_a_keeper_that_was_away_hears_of_it_later(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s", keepers=3) as scene, scene.box.vault() as vault:
        await unlocked(vault)
        away = scene.burned.keepers[2]
        away.away = True
        await scene.begin(vault)
        await through(scene.box, vault)
        away.away = False
        owner = vault.owner.owner
        assert owner not in away.roots
        async with scene.burned.new.vault() as blank:
            scene.box.metadata.state["attestation/bundle"] = scene.box.attestation.bundle()
            scene.box.metadata.back_up()
            ended = await scene.burned.recover(blank, words=scene.words)
            assert (ended.state, ended.error_message) == (SUCCEEDED, "")


async def test_until_the_new_words_are_in_force_the_old_ones_bring_everything_back(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene:
        async with scene.box.vault() as vault:
            await unlocked(vault)
            await scene.begin(vault)
            scene.burned.cloud.away = True
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("piccolo_vault.engine.keys.carrying._SNAPSHOT_SECONDS", 0.2)
                await vault.rotation._attempt()
            assert {wrapped_epoch(each) for each in scene.box.metadata.wraps.values()} == {2}
        scene.burned.cloud.away = False
        async with scene.burned.new.vault() as blank:
            ended = await scene.burned.recover(blank)
            assert ended.state == SUCCEEDED
            assert scene.opened(scene.burned.new, lambda _: scene.old)


async def test_the_old_words_are_refused_afterwards(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene:
        async with scene.box.vault() as vault:
            await unlocked(vault)
            await scene.begin(vault)
            await through(scene.box, vault)
        async with scene.burned.new.vault() as blank:
            ended = await scene.burned.recover(blank)
            assert ended.error_reason == "LOG_MOVED"
            assert blank.custody.recovery is None
        with pytest.raises(PiccoloError):
            scene.burned.cloud.append(
                scene.old.locator().public, scene.burned.cloud.log(scene.old.locator().public)[0]
            )


async def test_the_former_key_is_sealed_for_the_new_words_only(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene, scene.box.vault() as vault:
        await unlocked(vault)
        await scene.begin(vault)
        await vault.rotation._attempt()
        former = Former.from_record(scene.box.metadata.state["vault/former"])
        assert scene.old.reveal() not in former.to_record()
        assert (former.owner, former.epoch) == (vault.owner.owner, 1)
        claim = scene.burned.cloud.log(scene.new.locator().public)[-1].claim
        if claim:
            open_signed(Claim, claim, required=[scene.new.owner_root().public])
