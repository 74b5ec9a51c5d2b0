"""What members say of damage on their own disks.

Rules:
* It is a hint: what it names is asked for again by Stat, and repaired like anything else that is wrong.
* A member that cries wolf costs little: its hints are looked at every ten minutes, and so many a day.
* What it names and no object here knows is not this device's to judge, and is left alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from piccolo_chassis.logs import fields

from piccolo_vault.core.storage.manifests import read_layout

if TYPE_CHECKING:
    from collections.abc import Collection

    from piccolo_vault.engine.storage.check import Checker
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.objects import StoredObject

AGAIN_SECONDS = 600.0
A_DAY = 2_000
_DAY = 86_400.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Believed:
    """How much of a member's hints was looked at today, and what of it no object here knows.

    Times in seconds since 1970.
    """

    again: float = 0.0
    since: float = 0.0
    followed: int = 0
    unknown: set[bytes] = field(default_factory=set)


class Hints:
    """Follows them."""

    def __init__(self, context: Context, checker: Checker) -> None:
        self._context, self._checker = context, checker
        self._believed: dict[bytes, _Believed] = {}

    async def follow(self) -> None:
        """Looks at what members said when they were last asked. Raises what metadata raises."""
        for member in self._context.peers.circle().members:
            room = self._context.peers.sight(member.owner_id).room
            if room is not None and room.damaged and (allowed := self._allowed(member.owner_id)):
                unknown = self._believed[member.owner_id].unknown
                damaged = [each for each in room.damaged if each not in unknown]
                await self._follow(member.owner_id, damaged[:allowed])

    def _allowed(self, owner: bytes) -> int:
        believed, now = self._believed.setdefault(owner, _Believed()), self._context.now()
        if now - believed.since >= _DAY:
            believed.since, believed.followed = now, 0
            believed.unknown.clear()
        return 0 if now < believed.again else A_DAY - believed.followed

    async def _follow(self, owner: bytes, damaged: Collection[bytes]) -> None:
        believed = self._believed[owner]
        if not damaged:
            return
        believed.again = self._context.now() + AGAIN_SECONDS
        believed.followed += len(damaged)
        left = set(damaged)
        found = await self._objects(owner, left)
        believed.unknown |= left
        wrong = await self._checker.ask_about(found) if found else 0
        told = fields(
            member=self._context.peers.name(owner), told=len(damaged), objects=len(found), damaged=wrong
        )
        _log.warning("a member told of damage", extra=told)

    async def _objects(self, owner: bytes, fragments: set[bytes]) -> list[StoredObject]:
        """The objects whose fragments these are; what is known of none is left in `fragments`."""
        found, token = [], ""
        while True:
            page, token = await self._context.objects.list_objects(keeper=owner, page_token=token)
            for stored in page:
                layout = read_layout(stored.layout)
                named = [
                    index
                    for index, keeper in enumerate(layout.keepers)
                    if keeper == owner and layout.fragment_id(index) in fragments
                ]
                if named:
                    found.append(stored)
                    fragments.difference_update(layout.fragment_id(index) for index in named)
            if not token or not fragments:
                return found
