"""Being found in the home's network under a name of one's own.

Rules:
* The name follows from what the owner calls the device. A name that another device has is left to it: the
  next free one is taken, and that is shown.
* Everything is announced anew when addresses come or go, when the owner gives another name, and when another
  device claims ours and its address is the higher one.
* A network that cannot be spoken to stops nothing else; it is tried again when addresses change, and now and
  then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_gateway.core import labels
from piccolo_gateway.ports.home import Household, Interfaces, Names, Neighbours

_RETRY_SECONDS: Final = 60.0
_NAMES_SECONDS: Final = 5.0
_DEFAULT: Final = "Piccolo"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Present:
    """What is announced now; an empty label is nothing."""

    wanted: str = labels.label(_DEFAULT)
    label: str = ""
    addresses: tuple[str, ...] = ()


class Home:
    """This device among its neighbours."""

    def __init__(
        self,
        neighbours: Neighbours | None,
        interfaces: Interfaces,
        names: Names,
        told: Callable[[Present], None],
    ) -> None:
        """Prepares it.

        Args:
            neighbours: whom to tell; None is nobody.
            interfaces: this machine's addresses.
            names: what the owner calls it.
            told: called whenever what is announced, or where, is another.
        """
        self._neighbours, self._interfaces, self._names, self._told = neighbours, interfaces, names, told
        self.present = Present()
        self._wanted = self.present.wanted
        self._renamed = asyncio.Event()

    async def live(self, port: int) -> None:
        """For ever: keeps a port of this machine announced."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_names())
            group.create_task(self._follow_addresses(port))

    async def _follow_names(self) -> None:
        while True:
            with suppress(PiccoloError):  # metadata is away, and comes back
                async for name in self._names.watch():
                    self._wanted = labels.label(name)
                    self._renamed.set()
            self._renamed.set()
            await asyncio.sleep(_NAMES_SECONDS)

    async def _follow_addresses(self, port: int) -> None:
        await self._renamed.wait()
        async with self._interfaces.changes() as moved:
            while True:
                moved.clear()
                self._renamed.clear()
                addresses = tuple(self._interfaces.addresses())
                if (self._wanted, addresses) != (self.present.wanted, self.present.addresses):
                    self._become(Present(self._wanted, "", addresses))
                try:
                    await self._stay(addresses, port, moved)
                except OSError as failed:
                    _log.warning("the home's network cannot be told", extra=fields(problem=str(failed)))
                    await _first(_RETRY_SECONDS, moved, self._renamed)

    async def _stay(self, addresses: tuple[str, ...], port: int, moved: asyncio.Event) -> None:
        """Announces, and returns when it has to be done anew."""
        if self._neighbours is None or not addresses:
            await _first(None, moved, self._renamed)
            return
        async with self._neighbours.at(addresses, port) as household:
            wanted = self._wanted
            label = await self._choose(household, wanted)
            self._become(Present(wanted, label, addresses))
            while self._wanted == wanted and tuple(self._interfaces.addresses()) == addresses:
                await _first(None, moved, self._renamed, household.claimed)
                if household.claimed.is_set() and labels.gives_way(addresses, household.others()):
                    _log.warning("another device claims our name", extra=fields(name=label))
                    return
                for event in (moved, self._renamed, household.claimed):
                    event.clear()

    async def _choose(self, household: Household, wanted: str) -> str:
        for label in labels.candidates(wanted):
            if not await household.taken(label):
                await household.announce(label)
                _log.info("announced", extra=fields(name=f"{label}.local"))
                return label
        raise OSError(f"every name like {wanted}.local is taken")

    def _become(self, present: Present) -> None:
        if present != self.present:
            self.present = present
            self._told(present)


async def _first(seconds: float | None, *events: asyncio.Event) -> None:
    """Returns when one of the events is set, or so many seconds have passed."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
