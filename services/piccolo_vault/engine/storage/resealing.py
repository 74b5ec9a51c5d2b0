"""Seals every file anew after words were exposed, and ends what those words open (core/storage/resealing.py).

Rules:
* A version gets a new key and a new object; its id, names, history and order stay. It goes the way of every
  write (engine/storage/completion.py), with the promise of what it survives now: cut off anywhere, the intent
  is rolled forward or withdrawn, and the version lies here or there, never nowhere.
* The old object ends by itself: nothing lies in it any more, and once a backup names the new one it is
  purged.
* It is a chore: only while the vault is unlocked and nobody writes, within an allowance, one by one. A large
  file goes on where it was cut off.
* What cannot be read or placed now stays as it is, keeps nobody else waiting and is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats import cbor
from piccolo_formats.errors import FormatError

from piccolo_vault.core.resealed import Resealed
from piccolo_vault.core.storage.resealing import Course, Left, Step
from piccolo_vault.engine.storage.pace import Pace

if TYPE_CHECKING:
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.intents import Intents
    from piccolo_vault.engine.storage.sealing_anew import Anewer
    from piccolo_vault.engine.storage.sweeping import Sweeper
    from piccolo_vault.ports.keyring import Exposure
    from piccolo_vault.ports.objects import StoredObject

_KEY = "resealing"
_SOON, _LATER, _AGAIN = 1.0, 60.0, 600.0
_STOPS = (Kind.LOCKED, Kind.DENIED, Kind.CANCELLED)
_log = logging.getLogger(__name__)


class Resealer:
    """Carries the sealing anew, from the first version to the last leftover."""

    def __init__(
        self,
        context: Context,
        anewer: Anewer,
        intents: Intents,
        burial: Burial,
        sweeper: Sweeper,
        exposure: Exposure,
    ) -> None:
        self._context, self._anewer, self._intents = context, anewer, intents
        self._burial, self._sweeper, self._exposure = burial, sweeper, exposure
        self._allowance = context.settings.reseal_bytes_a_day
        self._pace = Pace(context, self._allowance)
        self._postponed: dict[bytes, float] = {}
        self._pause = _SOON

    async def round(self) -> int:
        """Does what can be done now; returns how many objects were sealed anew.

        Raises PiccoloError: what metadata raises.
        """
        if not self._may():
            return 0
        through = self._exposure.exposed_through()
        await self._intents.ensure_settled()
        total = await self._total(through)
        done = await self._seal(total)
        await self._burial.reclaim()
        await self._burial.deliver()
        if (await self._course(total, through)).step in (Step.SWEEP, Step.OVER):
            await self._sweeper.round(through)
        course = await self._course(total, through)
        self._tell(course)
        if course.step is Step.OVER:
            await self._context.objects.put_state(_KEY, None)
            _log.info("nothing is left of exposed words", extra=fields(versions=course.versions))
        else:
            self._come_back(soon=bool(done))
        return done

    def _may(self) -> bool:
        return self._exposure.sealing() and self._burial.may_bury()

    def _come_back(self, *, soon: bool) -> None:
        self._pause = _SOON if soon else min(2 * self._pause, _LATER)
        asyncio.get_running_loop().call_later(self._pause, self._context.chores_due.set)

    async def _seal(self, total: tuple[int, int]) -> int:
        done, token, left = 0, "", Left()
        while True:
            page, token, counted = await self._context.objects.list_exposed(token)
            left = left or counted
            if left.versions:  # what comes after the sealing is told when all that it waits for was asked
                self._tell(self._course_of(total, left))
            for stored in page:
                if self._waits(stored.object_id):
                    continue
                if not (self._pace.ready() and self._may()):
                    return done
                if (sealed := await self._try(stored)) is not None:
                    done, left = done + 1, left.without(sealed)
            if not token:
                return done

    async def _try(self, stored: StoredObject) -> Left | None:
        """What was sealed anew; None: it is put off."""
        try:
            sealed = await self._anewer.seal(stored)
        except PiccoloError as error:
            if error.kind in _STOPS:
                raise
            self._postponed[stored.object_id] = self._context.now() + _AGAIN
            told = fields(object=stored.object_id.hex(), reason=error.reason, why=error.message)
            _log.warning("sealing anew postponed", extra=told)
            return None
        self._postponed.pop(stored.object_id, None)
        await self._pace.spent(sealed.bytes)
        return sealed

    def _waits(self, object_id: bytes) -> bool:
        again = self._postponed.get(object_id)
        return again is not None and abs(again - self._context.now()) < _AGAIN

    async def _course(self, total: tuple[int, int], through: int) -> Course:
        _, _, left = await self._context.objects.list_exposed()
        peers = self._context.peers
        unswept = tuple(sorted(peers.name(owner) for owner in self._sweeper.unswept(through)))
        return self._course_of(total, left, tuple(await self._burial.untold()), unswept)

    def _course_of(
        self,
        total: tuple[int, int],
        left: Left,
        untold: tuple[str, ...] = (),
        unswept: tuple[str, ...] = (),
    ) -> Course:
        unreadable = sum(map(self._waits, self._postponed))
        unopened = self._sweeper.unopened
        return Course(*total, left, unreadable, untold, unswept, self._allowance, unopened)

    def _tell(self, course: Course) -> None:
        told = Resealed(
            phase=course.words,
            done=course.bytes,
            total=max(course.all_bytes, course.left.bytes),
            versions=course.versions,
            all_versions=course.all_versions,
            leftovers=self._sweeper.purged,
            unopened=course.unopened,
            unreached=tuple(self._sweeper.gone()),
            over=course.step is Step.OVER,
        )
        self._exposure.resealed(told)

    async def _total(self, through: int) -> tuple[int, int]:
        """How much there was at the beginning, which is noted then."""
        kept = _read(await self._context.objects.get_state(_KEY))
        if kept is not None and kept[0] == through:
            return kept[1], kept[2]
        _, _, left = await self._context.objects.list_exposed()
        note = cbor.encode([through, left.versions, left.bytes])
        await self._context.objects.put_state(_KEY, note)
        return left.versions, left.bytes


def _read(note: bytes | None) -> tuple[int, int, int] | None:
    if note is None:
        return None
    try:
        match cbor.decode(note):
            case [int() as through, int() as versions, int() as size]:
                return through, versions, size
    except FormatError:
        pass
    return None
