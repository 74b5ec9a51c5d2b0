"""Old backups go by the words of an unlocked owner only, and the audit log says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.tests.cloud_fake import FakeCloud
from piccolo_vault.tests.test_rotation import scene_at
from piccolo_vault.tests.vault_on import PASSPHRASE, Box, Vault, until

BROKEN = PiccoloError(Kind.DATA_LOSS, "CHAIN_BROKEN", "A newer one is broken.")


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[tuple[Box, Vault]]:
    """A device with an owner and a backup."""
    box = Box(folder, FakeCloud())
    async with box.services(), box.vault() as vault:
        await vault.owned()
        vault.follow()
        await until(box, vault, lambda: box.metadata.delegation)
        yield box, vault


async def test_an_unlocked_device_signs_for_what_is_old_enough(tmp_path: Path) -> None:
    async with at_home(tmp_path / "o") as (box, vault):
        box.metadata.prunable = 7
        await vault.pruning.attempt()
        assert box.metadata.pruned == [7]
        (told,) = [each for each in box.metadata.audits if each.action == "vault.backup.pruned"]
        assert (told.outcome, json.loads(told.details)) == ("ok", {"before": 7, "entries": 6})


async def test_it_does_so_at_every_unlock_and_never_while_locked(tmp_path: Path) -> None:
    async with at_home(tmp_path / "o") as (box, vault):
        await vault.custody.lock()
        box.metadata.prunable = 9
        await asyncio.sleep(0)
        assert box.metadata.pruned == []
        await vault.custody.unlock(PASSPHRASE)
        await until(box, vault, lambda: box.metadata.pruned)
        assert box.metadata.pruned == [9]


async def test_words_that_are_being_replaced_delete_nothing(tmp_path: Path) -> None:
    async with scene_at(tmp_path / "s") as scene, scene.box.vault() as vault:
        await vault.custody.unlock(PASSPHRASE)
        await scene.begin(vault)
        scene.box.metadata.prunable = 7
        await vault.pruning.attempt()
        assert scene.box.metadata.pruned == []


async def test_what_is_signed_is_the_log_of_the_words_in_force(tmp_path: Path) -> None:
    async with at_home(tmp_path / "o") as (box, vault):
        assert box.metadata.delegation is not None
        box.metadata.delegation = replace(box.metadata.delegation, locator=bytes(32))
        box.metadata.prunable = 7
        await vault.pruning.attempt()
        assert box.metadata.pruned == []


async def test_why_nothing_can_go_is_told_once(tmp_path: Path) -> None:
    async with at_home(tmp_path / "o") as (box, vault):
        box.metadata.pruning_fails = BROKEN
        box.metadata.deaf = True
        await vault.pruning.attempt()
        box.metadata.deaf = False
        for _ in range(2):
            await vault.pruning.attempt()
        (told,) = [each for each in box.metadata.audits if each.action == "vault.backup.pruned"]
        assert (told.outcome, json.loads(told.details)) == ("CHAIN_BROKEN", {"why": BROKEN.message})
        box.metadata.pruning_fails = None
        box.metadata.prunable = 3
        await vault.pruning.attempt()
        assert box.metadata.pruned == [3]
