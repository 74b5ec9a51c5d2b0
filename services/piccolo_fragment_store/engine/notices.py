"""What the keeper has to say to owners: signed, kept in a log, told to whoever asks.

Rules:
* A notice holds until its time. While one holds, the same is not given again.
* It announces; it never deletes. While an owner is asked to move what is beyond its share, nothing new of
  it is taken beyond that; when the time is over and others still want room, it is asked again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError
from piccolo_formats.records.keeping import Notice, NoticeKind
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.core.lifetimes import NOTICE_SECONDS
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.ports import Clock, Log

_log = logging.getLogger(__name__)


class Notices:
    """The newest notice of each kind to each owner."""

    def __init__(self, log: Log, identity: Identity, clock: Clock) -> None:
        self._log, self._identity, self._clock = log, identity, clock
        self._newest: dict[tuple[bytes, NoticeKind], tuple[int, bytes]] = {}
        self._lock = threading.Lock()
        for entry in log.entries():
            self._remember(entry)

    def give(self, kind: NoticeKind, owners: Sequence[bytes], seconds: int = NOTICE_SECONDS) -> None:
        """Asks owners to move: what is beyond their share (EVICT, FULL), or all of it (LEAVING)."""
        with self._lock:
            for owner in owners:
                if self._holding(owner, kind):
                    continue
                try:
                    notice = self._identity.notice(owner, kind, seconds)
                    self._log.append(notice)
                except PiccoloError as failed:  # who asked for room is answered all the same
                    told = fields(owner=owner.hex(), reason=failed.reason)
                    _log.warning("a notice could not be given", extra=told)
                    return
                self._remember(notice)
                _log.info("an owner is asked to move", extra=fields(owner=owner.hex(), kind=str(kind)))

    def is_asked(self, owner: bytes) -> bool:
        """Whether an owner is asked to move what is beyond its share."""
        with self._lock:
            return any(self._holding(owner, kind) for kind in (NoticeKind.EVICT, NoticeKind.FULL))

    def holding(self, owner: bytes) -> list[bytes]:
        """Signed("notice") records to an owner that still hold."""
        with self._lock:
            return [notice for kind in NoticeKind for notice in self._holding(owner, kind)]

    def _holding(self, owner: bytes, kind: NoticeKind) -> list[bytes]:
        until, notice = self._newest.get((owner, kind), (0, b""))
        return [notice] if until > self._clock.wall() else []

    def _remember(self, entry: bytes) -> None:
        try:
            notice = open_signed(Notice, entry).record
        except FormatError as unreadable:
            told = fields(reason=unreadable.reason)
            _log.warning("an entry of the log of notices cannot be read", extra=told)
            return
        self._newest[notice.owner, notice.kind] = (notice.until, entry)
