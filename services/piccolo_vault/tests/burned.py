"""A scene: a device that is gone, its cloud and its keepers, and a blank one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from piccolo.metadata.v1 import memory_pb2 as memory
from piccolo_formats.device_record import open_device
from piccolo_formats.kek import Kek
from piccolo_formats.records.generations import Claim
from piccolo_formats.signed import open_signed

from piccolo_vault.core.keys.recovering import Wish
from piccolo_vault.tests.circle_fakes import FakeOwner, member
from piccolo_vault.tests.cloud_fake import FakeCloud
from piccolo_vault.tests.keeper_fake import FakeKeeper
from piccolo_vault.tests.vault_on import Box, Vault, until

LINK = "piccolo:join?c=00000000000000000000000000"
NEW = "eleven purple anvils"
SUCCEEDED, FAILED = memory.OPERATION_STATE_SUCCEEDED, memory.OPERATION_STATE_FAILED


@dataclass(eq=False)
class Burned:
    """A device that is gone, its cloud and its keepers, and a blank one."""

    folder: Path
    stack: AsyncExitStack
    cloud: FakeCloud = field(default_factory=FakeCloud)
    words: str = ""
    keepers: list[FakeKeeper] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.old = Box(self.folder / "o", self.cloud)
        self.new = Box(self.folder / "n", self.cloud)

    async def live(self, keepers: int) -> None:
        """The old device is set up, joins a circle of so many others, keeps files, is backed up."""
        await self.stack.enter_async_context(self.old.services())
        await self.stack.enter_async_context(self.new.services())
        async with self.old.vault() as vault:
            shown = await vault.owned()
            self.words = " ".join(shown.words)
            vault.follow()
            await until(self.old, vault, lambda: self.old.metadata.delegation)
            if keepers:
                await self._join(vault, keepers)
            self.old.metadata.files = 7
            self.old.metadata.back_up()

    async def _join(self, vault: Vault, keepers: int) -> None:
        circle = os.urandom(16)
        self.keepers = [FakeKeeper(FakeOwner(f"keeper {n}", circle)) for n in range(keepers)]
        there = self.old.attestation
        there.inviter, there.keepers = self.keepers[0].who, self.keepers
        await vault.membership.join(LINK, "Ana's box")
        own = open_device(there.device).record
        others = [member(n + 2, k.who.device.record, admin=False) for n, k in enumerate(self.keepers[1:])]
        first = member(0, self.keepers[0].who.device.record, admin=True)
        there.found_with(self.keepers[0].who, first, member(1, own, admin=True), *others)
        for keeper in self.keepers:
            keeper.admit(own)
            await self.stack.enter_async_context(keeper.listening())
        self.new.attestation.keepers = self.keepers
        self.old.metadata.state["attestation/bundle"] = there.bundle()

    async def recover(self, vault: Vault, words: str = "", **wish: Any) -> memory.Operation:
        """Runs a recovery to its end."""
        operation = await vault.recovery.start(words or self.words, NEW, Wish(**wish))
        return await self.new.metadata.ended(operation)

    def claims(self) -> list[Claim]:
        """The claims in the log."""
        log = self.cloud.logs[Kek.from_words(self.words).locator().public]
        return [open_signed(Claim, entry.claim).record for entry in log if entry.claim]


@asynccontextmanager
async def burned(folder: Path, keepers: int = 3) -> AsyncIterator[Burned]:
    async with AsyncExitStack() as stack:
        scene = Burned(folder, stack)
        await scene.live(keepers)
        yield scene
