"""Follows attestation and metadata for as long as the process runs: the circle as it changes, and fences.

Rules:
* A stream that ends is opened again, soon at first, then every few seconds.
* Whenever attestation is (again) there, this process tells it its keys: attestation may have forgotten them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.backup_entry import open_header
from piccolo_formats.errors import FormatError

from piccolo_vault.core.keys.certificates import own_certificate
from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.engine.keys.keyring import no_circle
from piccolo_vault.engine.keys.pulse import Pulse

if TYPE_CHECKING:
    from piccolo_vault.core.circle import Circle
    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.engine.keys.aftermath import Fence
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.generations import Generations
    from piccolo_vault.engine.keys.role_keys import RoleKeys
    from piccolo_vault.engine.keys.roles import Neighbours
    from piccolo_vault.ports.backups import Backups, BackupState
    from piccolo_vault.ports.trust import CircleView, Trust

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_log = logging.getLogger(__name__)


class CircleFollower:
    """`CircleSource` by attestation's stream."""

    def __init__(self, neighbours: Neighbours, own: RoleKeys, custody: Custody, fence: Fence) -> None:
        self._trust, self._roles, self._own = neighbours.trust, neighbours.roles, own
        self._custody, self._fence = custody, fence
        self._heard = False
        self._view: CircleView | None = None
        self.pulse = Pulse()

    def current(self) -> Circle:
        """Returns the circle as last heard.

        Raises PiccoloError PRECONDITION (NO_CIRCLE), or UNAVAILABLE (CIRCLE_UNKNOWN) before the first word.
        """
        if not self._heard:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "CIRCLE_UNKNOWN",
                "This device is starting and does not know its circle yet. Try again in a moment.",
            )
        if self._view is None:
            raise no_circle()
        return self._view.circle

    async def changed(self) -> None:
        """Returns at the next change of the circle."""
        await self.pulse.wait()

    async def run(self) -> None:
        """Follows the circle."""
        await _follow("attestation", self._stream, self._take)

    async def _stream(self) -> AsyncIterator[CircleView | None]:
        certified = await self._roles.register()
        _log.info("told attestation our keys", extra=fields(certified=certified))
        async for view in self._trust.watch():
            yield view

    def _take(self, view: CircleView | None) -> None:
        self._heard, self._view = True, view
        if view is not None and view.own_device is not None:
            self._look_for_successor(view.own_device, view)
        self.pulse.fire()

    def _look_for_successor(self, device: bytes, view: CircleView) -> None:
        """A certificate of a higher generation that is not ours, in the circle: we were replaced."""
        owner = owner_of_device(self._custody)
        if owner is None:
            return
        try:
            newer = own_certificate(device, owner, view.successors).record
        except PiccoloError as foreign:
            _log.warning("a certificate in the circle is not this owner's", extra=fields(why=foreign.message))
            return
        if newer.generation > owner.generation and newer.signing.vault != self._own.signing.public:
            self._fence.raise_for(generation=newer.generation, time=newer.created, name=newer.name)
            if view.own_claim:
                self._fence.raise_for_claim(view.own_claim, owner)


class ProposalFollower:
    """Wakes whoever signs proposals when there may be a new one."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self.pulse = Pulse()

    async def run(self) -> None:
        """Follows the proposals."""
        await _follow("proposals", self._trust.watch_proposals, lambda _: self.pulse.fire())


class FenceFollower:
    """Looks at the backup log for a newer device of this owner; wakes whoever waits for the log to move."""

    def __init__(self, backups: Backups, custody: Custody, fence: Fence, generations: Generations) -> None:
        self._backups, self._custody = backups, custody
        self._fence, self._generations = fence, generations
        self.pulse = Pulse()

    async def run(self) -> None:
        """Follows the backup's status."""
        await _follow("metadata", self._backups.watch, self._take)

    def _take(self, state: BackupState) -> None:
        self.pulse.fire()
        owner = owner_of_device(self._custody)
        if not state.fenced or owner is None:
            return
        if state.fenced_by:
            self._believe(state.fenced_by, owner)
        elif self._generations.pending(owner) is None:
            self._fence.raise_for()

    def _believe(self, entry: bytes, owner: OwnerRecord) -> None:
        """An entry's header proves itself: the locator key delegated whoever signed it."""
        try:
            verified = open_header(entry, owner.locator)
        except FormatError as forged:
            _log.warning("an entry of the log is not this owner's", extra=fields(why=forged.message))
            return
        header, pending = verified.header, self._generations.pending(owner)
        ours = (
            pending is not None and pending.device.record.signing.metadata == verified.delegation.record.key
        )
        if header.generation > owner.generation and not ours:
            self._fence.raise_for(generation=header.generation, time=header.time)


def owner_of_device(custody: Custody) -> OwnerRecord | None:
    """The owner, None while this device has none."""
    return custody.owner() if custody.stage in (Stage.LOCKED, Stage.UNLOCKED) else None


async def _follow(name: str, open_stream: Callable[[], AsyncIterator[T]], take: Callable[[T], None]) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            async for item in open_stream():
                take(item)
                pause = _FIRST_PAUSE
        except PiccoloError as failed:
            _log.info("a stream ended", extra=fields(service=name, reason=failed.reason))
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
