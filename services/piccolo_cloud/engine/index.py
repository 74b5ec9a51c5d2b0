"""Where each log stands, read from the store itself and remembered for a while.

A remembered state may be old: several processes may share a bucket, and a caller who hangs up while its entry
is stored is not waited for. That is no danger. An entry is created exclusively, so whoever worked from an old
state is told "taken" and looks again; and nobody is told of a gap before the store was asked.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Final

from piccolo_chassis.logs import fields

from piccolo_cloud.core.log import EMPTY, Extent, LogState, head_of
from piccolo_cloud.core.names import log_prefix, seq_of
from piccolo_cloud.engine.entries import stored_prefix
from piccolo_cloud.ports import ObjectStore

_REMEMBERED: Final = 10_000
_log = logging.getLogger(__name__)


class Index:
    """The states of logs."""

    def __init__(self, store: ObjectStore) -> None:
        """Remember nothing yet."""
        self._store = store
        self._states: OrderedDict[bytes, LogState] = OrderedDict()

    async def state(self, locator: bytes, seq: int) -> LogState:
        """The state of a log that is offered entry `seq`: remembered, unless there would be a gap.

        Raises PiccoloError DATA_LOSS (LOG_DAMAGED) when its newest entry cannot be read.
        """
        known = self._states.get(locator)
        if known is None or seq > known.extent.last + 1:
            return await self.fresh(locator)
        return known

    async def fresh(self, locator: bytes) -> LogState:
        """The state of a log as the store has it now."""
        extent = await self.extent(locator)
        if not extent.last:
            return EMPTY  # not remembered: strangers may ask for any number of logs that do not exist
        newest = await stored_prefix(self._store, locator, extent.last)
        return self.remember(locator, LogState(extent, head_of(newest.entry)))

    async def extent(self, locator: bytes) -> Extent:
        """Which entries the store has now; opens none of them."""
        first = last = count = size = 0
        async for each in self._store.list(log_prefix(locator)):
            seq = seq_of(each.key)
            if seq is None:
                continue
            first, last = min(first or seq, seq), max(last, seq)
            count, size = count + 1, size + each.size
        if count and count != last - first + 1:
            _log.error("a log has gaps", extra=fields(missing=last - first + 1 - count))
        return Extent(first, last, size)

    def remember(self, locator: bytes, state: LogState) -> LogState:
        """Remember what was just made true."""
        self._states[locator] = state
        self._states.move_to_end(locator)
        while len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)
        return state
