"""Brings the index in line with the folders, and the folders in line with the tombstone log.

Rules:
* The files lead. State is where a file lies; what it says of itself is believed only when its check holds.
* The index is believed of a file only while it is the very file that the index knows: an index that lost its
  last writes names a fragment's earlier life, which lay in the same place and had the same size.
* The log decides between life and trash: what a crash left in the wrong folder is moved. A fragment in the
  trash without a tombstone goes back: unknown means live.
* Nothing is deleted here but what a tombstone purges (with the records it leaves), a second name of the same
  bytes, and what was never finished. What is no fragment is counted and left where it lies.
* One owner at a time, so that memory holds one owner's names and not all.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import NO_FILE, Fragment, Incoming, Kept, Key, Place, State
from piccolo_fragment_store.core.order import NEVER, Marks
from piccolo_fragment_store.core.transitions import Settling, raised_state, settle
from piccolo_fragment_store.engine import statements
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.ports import Found

_INCOMING: Final = Place(State.INCOMING)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Result:
    """What was found: whole fragments, and files that are none."""

    fragments: int = 0
    strangers: int = 0


@dataclass(slots=True)
class _Files:
    """The files of one key: fragments and records by place, and whether one is coming in."""

    wholes: dict[Place, Found] = field(default_factory=dict)
    records: dict[Place, Found] = field(default_factory=dict)
    incoming: bool = False


def reconcile(holdings: Holdings, *, every_file: bool = False) -> Result:
    """Reads the folders and makes the index say what they say. All keys must be held.

    Args:
        holdings: what to reconcile.
        every_file: whether files are read that the index already agrees with.
    """
    return _Reconciliation(holdings, every_file).run()


class _Reconciliation:
    def __init__(self, holdings: Holdings, every_file: bool) -> None:
        self._holdings, self._every_file = holdings, every_file
        self._shelves, self._index = holdings.shelves, holdings.index
        self._now = holdings.clock.running()
        self._result = Result()

    def run(self) -> Result:
        self._holdings.doubted = True  # until it is done
        for entry in self._holdings.tombstones.entries():
            known = {key: self._index.kept(key).marks for key in statements.keys_of(entry)}
            self._index.put_marks(statements.marks_of(entry, known))
        owners = self._shelves.owners()
        for owner in sorted({*owners, *(usage.owner for usage in self._index.usage())}):
            self._owner(owner)
        for path in self._shelves.strangers():
            self._stranger(path)
        self._shelves.flush()
        self._charge()
        self._index.trust()
        self._holdings.doubted = False
        told = fields(fragments=self._result.fragments, strangers=self._result.strangers)
        _log.info("the index agrees with the files", extra=told)
        return self._result

    def _charge(self) -> None:
        ledger = self._holdings.ledger
        ledger.load(self._index.usage())
        for key in list(self._holdings.busy):  # their reservations stand for their files
            if incoming := self._index.kept(key).incoming:
                ledger.change(key.owner, incoming.charge, 0)

    def _owner(self, owner: bytes) -> None:
        wholes, incoming = [], []
        for key, files in self._files(owner).items():
            kept = self._index.kept(key)
            whole = self._whole(key, files, kept)
            if whole is not None:
                wholes.append(whole)
            if files.incoming and (half := self._half(key, kept, whole)):
                incoming.append(half)
        self._index.replace(owner, wholes, incoming)
        self._result.fragments += len(wholes)

    def _files(self, owner: bytes) -> dict[Key, _Files]:
        files: defaultdict[Key, _Files] = defaultdict(_Files)
        for found in list(self._shelves.scan(owner)):
            if layout.is_unfinished(found.path):
                self._shelves.remove_stray(found.path)
            elif found.key is None or found.place is None:
                self._stranger(found.path)
            elif found.place == _INCOMING:
                files[found.key].incoming = True
            elif found.record:
                files[found.key].records[found.place] = found
            else:
                files[found.key].wholes[found.place] = found
        return files

    def _stranger(self, path: str) -> None:
        self._result.strangers += 1
        _log.warning("a file is no fragment; it is left where it is", extra=fields(path=path))

    def _whole(self, key: Key, files: _Files, kept: Kept) -> Fragment | None:
        readable = [whole for place in files.wholes if (whole := self._read(key, place, files, kept.whole))]
        left = set(files.records) - set(files.wholes)
        if not readable:
            for place in left:
                self._orphan(key, place, kept.marks, alone=not files.wholes)
            return None
        chosen = max(readable, key=lambda whole: _rank(whole, kept.marks))
        for place in left:
            chosen = self._rejoined(chosen, place)
        for other in readable:
            if other is not chosen and other.place != chosen.place:
                self._second(other, chosen)
        return self._settled(chosen, kept.marks)

    def _orphan(self, key: Key, place: Place, marks: Marks, *, alone: bool) -> None:
        """A record whose fragment is gone: one that a tombstone took goes too, else it is left."""
        if alone and NEVER < self._shelves.order_beside(key, place) < marks.dead:
            self._shelves.remove_record(key, place)
        else:
            self._stranger(f"{key.fragment.hex()}.record in {place.state.name.lower()}")

    def _read(self, key: Key, place: Place, files: _Files, known: Fragment | None) -> Fragment | None:
        """What lies in one place: as the index has it where it knows these files, else as they say."""
        file = files.wholes[place]
        if not self._every_file and known is not None and _is_of(known, file, files.records.get(place)):
            return known
        try:
            whole = self._shelves.describe(key, place, self._now)
        except PiccoloError as torn:
            if torn.reason != "ROT":
                raise
            self._stranger(f"{key.fragment.hex()} in {place.state.name.lower()}")
            return None
        if known is not None and known.root == whole.root:
            since = known.since if known.place == place else self._now
            # damage is a file's: the same bytes written anew have none
            damaged = known.damaged and known.stamp == whole.stamp
            return replace(whole, damaged=damaged, since=since)
        return whole

    def _rejoined(self, chosen: Fragment, place: Place) -> Fragment:
        """The fragment with the record that a crash left behind in another place, if that is its."""
        key, order = chosen.key, self._shelves.order_beside(chosen.key, place)
        if order == NEVER:
            self._stranger(f"{key.fragment.hex()}.record in {place.state.name.lower()}")
            return chosen
        if chosen.state is State.PROVISIONAL or order <= chosen.record:
            # of a commit that was cut off before it was told, or of the fragment's life before this one
            self._shelves.remove_record(key, place)
            return chosen
        self._shelves.rejoin(key, place, chosen.place)
        found = self._shelves.describe(key, chosen.place, self._now)
        return replace(found, damaged=chosen.damaged, since=chosen.since)

    def _second(self, other: Fragment, chosen: Fragment) -> None:
        """Another name of the same fragment goes; other bytes of the same name stay."""
        if other.root == chosen.root:
            self._shelves.remove(other.key, other.place)
        else:
            self._stranger(f"{other.key.fragment.hex()} in {other.place.state.name.lower()}")

    def _settled(self, whole: Fragment, marks: Marks) -> Fragment | None:
        match settle(whole, marks):
            case Settling.STAY:
                return whole
            case Settling.PURGE:
                self._shelves.remove(whole.key, whole.place)
                return None
            case Settling.BURY:
                place = Place(State.TRASH, self._holdings.day())
            case Settling.RAISE:
                place = Place(raised_state(whole))
        self._shelves.move(whole.key, whole.place, place, lazily=True)
        return replace(whole, place=place, since=self._now)

    def _half(self, key: Key, kept: Kept, whole: Fragment | None) -> Incoming | None:
        """What is coming in for a key; what can lead nowhere any more goes."""
        if busy := self._holdings.busy.get(key):
            return busy.incoming
        try:
            half = self._shelves.describe_incoming(key, self._now)
        except PiccoloError as torn:
            if torn.reason != "FILE_MISSING":
                raise
            half = None
        needless = whole is not None and whole.state is not State.TRASH and not whole.damaged
        if half is None or needless or kept.marks.bury(half.put):
            self._shelves.remove(key, _INCOMING)
            return None
        if kept.incoming is not None and kept.incoming.put == half.put:
            return replace(half, since=kept.incoming.since)
        return half


def _is_of(known: Fragment, file: Found, record: Found | None) -> bool:
    """Whether these are the files that the index knows."""
    if known.place != file.place or (known.file_size, known.stamp) != (file.size, file.stamp):
        return False
    beside = (record.size, record.stamp) if record else (0, NO_FILE)
    return (known.record_size, known.record_stamp) == beside


def _rank(whole: Fragment, marks: Marks) -> tuple[bool, State]:
    """Which of several names of a fragment is the right one: what the marks say, then the firmer one."""
    in_trash = whole.state is State.TRASH
    firmness = State.INCOMING if in_trash else whole.state
    return in_trash == marks.bury(whole.alive), firmness
