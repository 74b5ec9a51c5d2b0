"""Leaves the head of the backup log with the members, locked or not, so that a later restore can ask them.

Rules:
* When the head has moved, at most once a minute: a head a commit would cost more than it proves. Everybody is
  told again after a day, and after a start; members that were away, at the next round.
* While unlocked the words' own signature goes along.
* Under new words the log is another one: its head is left with everybody, whatever they have of the old one.
* A device that was replaced leaves nothing. What a member answers changes nothing here, but for a fence that
  the owner root signed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import Head
from piccolo_formats.signed import open_signed

from piccolo_vault.core.keys.certificates import countersigned_head
from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.succession import electorate
from piccolo_vault.engine.keys.watching import owner_of_device
from piccolo_vault.ports.promises import DialIdentity

if TYPE_CHECKING:
    from piccolo_formats.signed import Signed

    from piccolo_vault.core.circle import Member
    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.engine.keys.aftermath import Fence
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.pulse import Pulse
    from piccolo_vault.engine.keys.role_keys import RoleKeys
    from piccolo_vault.ports.backups import Backups
    from piccolo_vault.ports.keyring import CircleSource
    from piccolo_vault.ports.witnesses import Witnesses

_AT_ONCE = 9
_RENEWED = 86_400.0
_AGAIN = 600.0
_log = logging.getLogger(__name__)

Left = tuple[int, int, int]
"""What a member was left: generation, seq, signatures."""


class HeadPost:
    """Runs for as long as the process does."""

    def __init__(
        self,
        custody: Custody,
        fence: Fence,
        backups: Backups,
        circle: CircleSource,
        own: RoleKeys,
        witnesses: Witnesses,
        moved: tuple[Pulse, ...],
        pace: float,
    ) -> None:
        """`moved`: what fires when there may be something to leave; `pace`: seconds between two rounds."""
        self._custody, self._fence, self._backups = custody, fence, backups
        self._circle, self._own, self._witnesses = circle, own, witnesses
        self._moved, self._pace = moved, pace
        self._left: dict[bytes, Left] = {}
        self._log, self._seq = b"", 0
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Leaves heads whenever there are new ones."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            waits = [asyncio.ensure_future(pulse.wait()) for pulse in self._moved]
            try:
                if loop.time() - renewed >= _RENEWED:
                    renewed = loop.time()
                    self._left.clear()
                await self._safely()
                await asyncio.sleep(self._pace)
                await asyncio.wait(waits, timeout=_AGAIN, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def told(self) -> tuple[int, int, int]:
        """The entry that was left last (0: none), how many members have it, and how many others there are."""
        try:
            members = electorate(self._circle.current())
        except PiccoloError:
            return self._seq, 0, 0
        left = [self._left.get(member.owner_id) for member in members]
        return self._seq, sum(place is not None and place[1] == self._seq for place in left), len(members)

    async def leave(self) -> None:
        """Leaves the head as it is now with all members that lack it.

        Raises PiccoloError when metadata is away, or this device does not know its circle.
        """
        owner = owner_of_device(self._custody)
        if owner is None or owner.device is None or self._fence.up:
            return
        state = await self._backups.status()
        if not state.head or state.fenced:
            return
        head = await self._signed(state.head, owner)
        place = (head.record.generation, head.record.seq, len(head.signatures))
        if head.record.locator != self._log:
            self._log = head.record.locator
            self._left.clear()
        self._seq = head.record.seq
        lacking = [m for m in electorate(self._circle.current()) if self._left.get(m.owner_id) != place]
        async with asyncio.TaskGroup() as leaving:
            for member in lacking:
                leaving.create_task(self._leave(member, owner, head, place))

    async def _safely(self) -> None:
        try:
            await self.leave()
        except (PiccoloError, FormatError) as failed:
            _log.info("no head was left", extra=fields(reason=failed.reason))

    async def _signed(self, head: bytes, owner: OwnerRecord) -> Signed[Head]:
        if self._custody.stage is Stage.UNLOCKED:
            key = await self._backups.backup_key()
            head = countersigned_head(self._custody.kek(), head, key, owner.generation)
        return open_signed(Head, head)

    async def _leave(self, member: Member, owner: OwnerRecord, head: Signed[Head], place: Left) -> None:
        certificate, key = self._own.tls_identity()
        try:
            async with self._room:
                await self._witnesses.keep_head(
                    member, DialIdentity(certificate, key), head.to_bytes(), owner.device or b""
                )
            self._left[member.owner_id] = place
        except PiccoloError as failed:
            told = fields(member=member.name, reason=failed.reason, why=failed.message)
            _log.log(
                logging.WARNING if failed.reason == "HEAD_OLDER" else logging.INFO, "no head", extra=told
            )
            if failed.reason == "FENCED":
                self._fenced(failed, owner)

    def _fenced(self, failed: PiccoloError, owner: OwnerRecord) -> None:
        try:
            self._fence.raise_for_claim(bytes.fromhex(failed.details.get("claim", "")), owner)
        except ValueError:
            return
