"""Moves fragments away from members that asked for it, or that go.

Rules:
* A new keeper has the fragment, and the layout names it, before the old one is told to bury its own: a repair
  in all but its cause (Repairer). What finds no new keeper stays where it is.
* What was moved is written down before it moves, so that the old copy is buried whatever dies in between; the
  layout in force decides whether it was.
* The old copy is buried a day later, when the owner's keys are there: should this device be lost just now,
  its backup still names the old keeper.
* Nothing more is moved while too much waits to be buried: it would lie in two places for nothing.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.records.keeping import NoticeKind

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage import notices
from piccolo_vault.core.storage.manifests import read_layout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from piccolo_formats.records.keeping import Notice

    from piccolo_vault.core.circle import Member
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.objects import StoredObject

MOVED_KEY = "members/moved"
BURY_AFTER = 86_400
_MOST_WAITING = 5_000
_PAGE = 50
_MOST_REFUSED = 20
_MOST_A_ROUND = 1_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """A fragment that leaves its keeper; `at`: since when, seconds since 1970."""

    keeper: bytes
    object_id: bytes
    index: int
    fragment_id: bytes
    size: int
    at: int


class Mover:
    """Obeys notices, and empties members that go."""

    def __init__(
        self, context: Context, burial: Burial, move: Callable[[bytes, frozenset[bytes]], Awaitable[bool]]
    ) -> None:
        """`move` rebuilds elsewhere what an object has with some members; returns whether it did."""
        self._context, self._burial, self._move = context, burial, move
        self._moved: list[Moved] | None = None
        self._stuck: dict[bytes, bool] = {}
        self._tokens: dict[bytes, str] = {}
        self._last = context.now()

    def is_stuck(self, owner: bytes) -> bool:
        """Whether nobody took what was to leave a member, when that was last tried."""
        return self._stuck.get(owner, False)

    async def round(self) -> None:
        """Moves what is due, and buries what was moved. Raises what metadata raises."""
        moved = await self._load()
        await self._bury(moved)
        now = self._context.now()
        interval = max(now - self._last, self._context.settings.move_seconds)
        self._last = now
        for member in self._context.peers.circle().members:
            wanted = self._wanted(member, interval)
            if wanted is None:
                self._stuck.pop(member.owner_id, None)
            elif wanted > 0 and not self._context.peers.is_away(member.owner_id):
                await self._empty(member.owner_id, wanted)

    def _wanted(self, member: Member, interval: float) -> float | None:
        """How many bytes to move off a member now; None when it asks for nothing."""
        if member.standing in (Standing.LEAVING, Standing.EXPELLED):
            return float("inf")
        room = self._context.peers.sight(member.owner_id).room
        if room is None:
            return None
        own, now = self._context.keyring.owner_id(), self._context.now()
        asked = notices.in_force(member, own, room.notices, now)
        if not asked:
            return None
        return self._asked(member.owner_id, asked[0], room.beyond_bytes, now, interval)

    def _asked(self, owner: bytes, notice: Notice, beyond: int, now: float, interval: float) -> float:
        if notice.kind is NoticeKind.LEAVING:
            return float("inf")
        waiting = sum(each.size for each in self._moved or () if each.keeper == owner)
        return notices.due(max(0, beyond - waiting), notice, now, interval)

    async def _empty(self, owner: bytes, wanted: float) -> None:
        moved = refused = 0
        token = self._tokens.get(owner, "")
        done = 0
        while wanted > 0 and refused < _MOST_REFUSED and done < _MOST_A_ROUND and self._may_wait():
            page, after = await self._context.objects.list_objects(
                keeper=owner, page_token=token, page_size=_PAGE
            )
            chosen = await self._note(owner, page, wanted)
            for stored in chosen:
                size = await self._move_one(owner, stored)
                moved, refused, wanted = moved + size, refused + (not size), wanted - size
            await self._forget_unmoved({stored.object_id for stored in chosen})
            done, token = done + len(chosen), after
            if not token:
                break
        # what nobody took must not stand in the way of the rest the next time
        self._tokens[owner] = token if refused >= _MOST_REFUSED else ""
        self._stuck[owner] = bool(refused) and not moved
        told = fields(member=self._context.peers.name(owner), bytes=moved, refused=refused)
        _log.info("fragments moved away from a member", extra=told)

    async def _note(
        self, owner: bytes, page: Sequence[StoredObject], wanted: float
    ) -> Sequence[StoredObject]:
        """Writes down what is about to move: as many of a page's objects as make up the bytes."""
        chosen, noted, size = [], list(self._moved or ()), 0
        known = {(each.keeper, each.fragment_id) for each in noted}
        for stored in page:
            if size >= wanted:
                break
            layout = read_layout(stored.layout)
            chosen.append(stored)
            for index, keeper in enumerate(layout.keepers):
                if keeper == owner:
                    bytes_ = layout.plan().fragment_size
                    size += bytes_
                    if (owner, fragment := layout.fragment_id(index)) not in known:
                        at = self._context.time()
                        noted.append(Moved(owner, layout.object_id, index, fragment, bytes_, at))
        if chosen:
            await self._save(noted)
        return chosen

    async def _forget_unmoved(self, object_ids: set[bytes]) -> None:
        """Of what was noted, only what has left waits to be buried."""
        noted = self._moved or []
        stayed = {each for each in noted if each.object_id in object_ids and not await self._has_left(each)}
        await self._save([each for each in noted if each not in stayed])

    def _may_wait(self) -> bool:
        return len(self._moved or ()) < _MOST_WAITING

    async def _move_one(self, owner: bytes, stored: StoredObject) -> int:
        """Moves one object's fragments off a member; returns how many bytes that were."""
        try:
            if not await self._move(stored.object_id, frozenset({owner})):
                return 0
            now = await self._context.objects.get_object(stored.object_id)
        except PiccoloError as error:
            _log.info("not moved", extra=fields(object=stored.object_id.hex(), reason=error.reason))
            return 0
        before, after = read_layout(stored.layout), read_layout(now.layout)
        left = before.keepers.count(owner) - after.keepers.count(owner)
        return left * before.plan().fragment_size

    async def _bury(self, moved: Sequence[Moved]) -> None:
        """Buries old copies that another keeper has taken the place of, and forgets what did not move."""
        old = [each for each in moved if not 0 <= self._context.now() - each.at < BURY_AFTER]
        if not old or not self._burial.may_bury():
            return
        by_keeper: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for each in old:
            if await self._has_left(each):
                by_keeper[each.keeper].append(each.fragment_id)
        for keeper, fragments in by_keeper.items():
            await self._burial.bury_at(keeper, fragments)
        done = set(old)
        await self._save([each for each in moved if each not in done])

    async def _has_left(self, moved: Moved) -> bool:
        try:
            stored = await self._context.objects.get_object(moved.object_id)
        except PiccoloError as error:
            if error.kind is Kind.NOT_FOUND:
                return True  # deleted since; its tombstone went to those whom its layout named
            raise
        layout = read_layout(stored.layout)
        ids = (layout.fragment_id(i) for i, keeper in enumerate(layout.keepers) if keeper == moved.keeper)
        return moved.fragment_id not in ids

    async def _load(self) -> list[Moved]:
        if self._moved is None:
            self._moved = _from_json(await self._context.objects.get_state(MOVED_KEY))
        return self._moved

    async def _save(self, moved: list[Moved]) -> None:
        if moved != self._moved:
            data = _to_json(moved) if moved else None
            await self._context.objects.put_state(MOVED_KEY, data)
            self._moved = moved


def _to_json(moved: Sequence[Moved]) -> bytes:
    return json.dumps(
        [
            [each.keeper.hex(), each.object_id.hex(), each.index, each.fragment_id.hex(), each.size, each.at]
            for each in moved
        ]
    ).encode()


def _from_json(data: bytes | None) -> list[Moved]:
    rows = json.loads(data) if data else []
    return [
        Moved(bytes.fromhex(keeper), bytes.fromhex(object_id), index, bytes.fromhex(fragment), size, at)
        for keeper, object_id, index, fragment, size, at in rows
    ]
