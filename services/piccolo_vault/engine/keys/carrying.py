"""A rotation up to the point of no return: wraps, the new log, its first snapshot, the owner record.

Rules:
* Everything that is new is written for the old words until the cloud has the new log's first snapshot. So at
  every moment the old words bring back all that was acknowledged, or the new ones do.
* What was done already is seen in metadata, and not done again: the successor is made once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.former import Lineage, seal_former

from piccolo_vault.core.keys.certificates import log_delegation
from piccolo_vault.core.keys.rotation import is_acknowledged, lineage_of, rewrapped, successor_of
from piccolo_vault.ports.successions import FORMER_STATE, LINEAGE_STATE

if TYPE_CHECKING:
    from piccolo_formats.kek import Kek
    from piccolo_formats.secret import Random

    from piccolo_vault.core.keys.records import OwnerRecord, RotationRecord
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.role_keys import RoleKeys
    from piccolo_vault.engine.keys.roles import Neighbours
    from piccolo_vault.ports.successions import Successions

_TRIES = 1000
_SNAPSHOT_SECONDS = 600.0
_log = logging.getLogger(__name__)


class Say(Protocol):
    """Tells how far the work is."""

    def __call__(self, phase: str, done: int = 0, total: int = 0) -> Awaitable[None]:
        """Says a phase in words, and what is done of how much (0: unknown)."""


class Carrying:
    """Carries confirmed words to the point of no return."""

    def __init__(
        self,
        custody: Custody,
        own: RoleKeys,
        neighbours: Neighbours,
        successions: Successions,
        random: Random,
    ) -> None:
        self._custody, self._own = custody, own
        self._backups, self._remembers = neighbours.backups, neighbours.remembers
        self._successions, self._random = successions, random

    async def carry(self, say: Say) -> None:
        """Returns when the new words are in force.

        Raises PiccoloError LOCKED, UNAVAILABLE and what metadata says; then it is tried again.
        """
        rotation, owner = self._custody.rotation, self._custody.owner()
        if rotation is None:
            return
        new = self._custody.kek_of(owner.epoch + 1)
        if not await self._is_swapped(new):
            await self._swap(rotation, owner, new, say)
        await say("Waiting for the cloud to have the backup under the new words")
        await self._acknowledged(new)
        self._custody.succeed()

    async def _is_swapped(self, new: Kek) -> bool:
        lineage = lineage_of(await self._remembers.state(*LINEAGE_STATE))
        return bool(lineage) and lineage[-1].record.new_root == new.owner_root().public

    async def _swap(self, rotation: RotationRecord, owner: OwnerRecord, new: Kek, say: Say) -> None:
        """Puts the wraps under the new KEK in force, and begins the new log, in one transaction."""
        old, epoch = self._custody.kek(), owner.epoch + 1
        lineage = [each.to_bytes() for each in lineage_of(await self._remembers.state(*LINEAGE_STATE))]
        successor = successor_of(old, new, owner, self._own.signing, rotation.time, exposed=rotation.exposed)
        former = seal_former(
            old, new, owner.owner, owner.epoch, self._random, exposed=rotation.exposed, time=rotation.time
        )
        put = {
            LINEAGE_STATE[1]: Lineage(successors=(*lineage, successor)).to_record(),
            FORMER_STATE[1]: former.to_record(),
        }
        delegation = log_delegation(new, await self._backups.backup_key(), owner.generation)
        await swap(
            self._successions,
            (old, new),
            epoch,
            self._random,
            say,
            delegation,
            put,
            exposed=rotation.exposed,
        )

    async def _acknowledged(self, new: Kek) -> None:
        locator = new.locator().public
        try:
            async with asyncio.timeout(_SNAPSHOT_SECONDS):
                async for state in self._backups.watch():
                    self._custody.kek()
                    if is_acknowledged(state.head, locator):
                        return
        except TimeoutError:
            _log.info("the cloud does not have the first snapshot under the new words yet")
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "SNAPSHOT_AWAY",
            "The cloud does not have the backup under the new words yet; it is tried again.",
        )


async def swap(
    successions: Successions,
    keks: tuple[Kek, Kek],
    epoch: int,
    random: Random,
    say: Say,
    delegation: bytes = b"",
    put: dict[str, bytes] | None = None,
    *,
    exposed: bool = False,
) -> int:
    """Wraps every key anew that is not of this epoch, from one KEK to the other, and puts all in force.

    `exposed`: strangers may know the KEK before. Returns how many keys that were.
    """
    for _ in range(_TRIES):
        done, token = 0, ""
        while True:
            # the operation counts bytes when words were exposed
            await say("Handing the files' keys to the new words", 0 if exposed else done)
            page, token = await successions.wraps(epoch, token)
            made = await asyncio.to_thread(rewrapped, page, *keks, epoch, random)
            await successions.stage(made)
            done += len(made)
            if not token:
                break
        try:
            await successions.swap(epoch, delegation, put or {}, exposed=exposed)
        except PiccoloError as failed:
            if failed.reason != "WRAPS_MISSING":
                raise
            _log.info("files came in meanwhile; their keys follow")
            continue
        return done
    raise PiccoloError(
        Kind.UNAVAILABLE, "WRAPS_MISSING", "Files come in faster than their keys can be handed over."
    )
