"""The index: SQLite through APSW. What it knows stands in the files too, so it may be lost at any time.

Rules:
* It is trusted after an orderly close only, and read once at the start. A file that is missing, damaged or
  of another version is made anew. Every page carries a checksum (piccolo_chassis.pages), so that rot is
  damage and not another fragment.
* Writes are not fsynced one by one (WAL, synchronous=NORMAL): a power cut may take the last ones, and the
  next start finds that out by the files.
* One connection, used by one thread at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw
from piccolo_chassis import pages
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest

from piccolo_fragment_store.adapters import index_rows as rows
from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.circle import Standing
from piccolo_fragment_store.core.fragment import Fragment, Incoming, Kept, Key, Place, State
from piccolo_fragment_store.core.order import Marks
from piccolo_fragment_store.ports import OwnerUsage

VERSION: Final = 4


class SqliteIndex:
    """The index in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._db, self.trusted = self._opened()

    def kept(self, key: Key) -> Kept:
        """Everything known of a key."""
        with self._using() as db:
            whole = _first(db, rows.WHOLE, key)
            incoming = _first(db, rows.INCOMING, key)
            marks = _first(db, rows.MARKS, key)
        return Kept(
            rows.to_whole(whole) if whole else None,
            rows.to_incoming(incoming) if incoming else None,
            rows.to_marks(marks) if marks else Marks(),
        )

    def put_whole(self, whole: Fragment) -> None:
        """Remembers a whole fragment."""
        with self._using() as db:
            db.execute(rows.PUT_WHOLE, rows.from_whole(whole))

    def put_incoming(self, incoming: Incoming) -> None:
        """Remembers a half-written fragment."""
        with self._using() as db:
            db.execute(rows.PUT_INCOMING, rows.from_incoming(incoming))

    def drop_whole(self, key: Key) -> None:
        """Forgets a whole fragment; its marks stay."""
        with self._using() as db:
            db.execute(rows.DROP_WHOLE, key)

    def drop_incoming(self, key: Key) -> None:
        """Forgets a half-written fragment."""
        with self._using() as db:
            db.execute(rows.DROP_INCOMING, key)

    def put_marks(self, marks: Mapping[Key, Marks]) -> None:
        """Remembers marks."""
        with self._using() as db, db:
            db.executemany(rows.PUT_MARKS, (rows.from_marks(key, each) for key, each in marks.items()))

    def page(self, owner: bytes, after: bytes, count: int) -> list[bytes]:
        """The ids of an owner's fragments, whole or not, that are greater than `after`, in order."""
        with self._using() as db:
            found = db.execute(rows.PAGE, {"owner": owner, "after": after, "count": count})
            return [each for (each,) in found]

    def usage(self) -> list[OwnerUsage]:
        """What each owner keeps."""
        with self._using() as db:
            return [OwnerUsage(*row) for row in db.execute(rows.USAGE)]

    def counts(self) -> Mapping[State, int]:
        """How many whole fragments there are in each state."""
        with self._using() as db:
            return {State(state): count for state, count in db.execute(rows.COUNTS)}

    def damaged(self) -> int:
        """How many whole fragments are known to be damaged."""
        with self._using() as db:
            return int(next(iter(db.execute(rows.DAMAGED)))[0])

    def damaged_of(self, owner: bytes, count: int) -> list[bytes]:
        """The ids of an owner's damaged fragments, but for the trash, in order, so many at most."""
        with self._using() as db:
            return [each for (each,) in db.execute(rows.DAMAGED_OF, (owner, int(State.TRASH), count))]

    def next_whole(self, after: Key) -> Fragment | None:
        """The first whole fragment, of any owner and state, whose key is greater than `after`."""
        with self._using() as db:
            found = _first(db, rows.NEXT_WHOLE, after)
        return rows.to_whole(found) if found else None

    def aging(self, place: Place, before: int, after: Key, count: int) -> list[Fragment]:
        """Fragments of a place (the trash: of its day) that came there at or before a running time."""
        with self._using() as db:
            found = db.execute(rows.AGING, (int(place.state), place.day, before, *after, count))
            return [rows.to_whole(row) for row in found]

    def incoming_before(self, before: int, count: int) -> list[Incoming]:
        """Half-written fragments that were last written to at or before a running time."""
        with self._using() as db:
            return [rows.to_incoming(row) for row in db.execute(rows.INCOMING_BEFORE, (before, count))]

    def inventory(self, owner: bytes) -> int | None:
        """When an owner last listed all its fragments."""
        with self._using() as db:
            found = _first(db, rows.INVENTORY, (owner,))
        return int(found[0]) if found else None

    def put_inventory(self, owner: bytes, now: int) -> None:
        """Remembers that."""
        with self._using() as db:
            db.execute(rows.PUT_INVENTORY, (owner, now))

    def device_since(self, owner: bytes, certificate: bytes, now: int) -> int:
        """Since when the device of this vault's certificate is known here; `now` when it was not known."""
        device = digest("device-known", certificate)
        with self._using() as db:
            db.execute(rows.PUT_DEVICE, (owner, device, now))
            found = _first(db, rows.DEVICE, (owner, device))
        return int(found[0]) if found else now

    def knows_devices(self, owner: bytes) -> bool:
        """Whether any device of an owner is known here."""
        with self._using() as db:
            return _first(db, rows.DEVICES, (owner,)) is not None

    def standing_since(self, owner: bytes, standing: Standing, now: int) -> int:
        """Since when an owner's standing is known here to be this one; `now` when it was another."""
        with self._using() as db:
            db.execute(rows.PUT_STANDING, (owner, str(standing), now))
            found = _first(db, rows.STANDING, (owner,))
        return int(found[0]) if found else now

    def trash_charge(self, owner: bytes) -> int:
        """Bytes of disk that an owner is charged for in the trash."""
        with self._using() as db:
            found = _first(db, rows.TRASH_CHARGE, (owner, int(State.TRASH)))
        return int(found[0]) if found else 0

    def replace(self, owner: bytes, wholes: Iterable[Fragment], incoming: Iterable[Incoming]) -> None:
        """Forgets all fragments of an owner and remembers these, in one transaction."""
        with self._using() as db, db:
            for forget in rows.FORGET:
                db.execute(forget, (owner,))
            db.executemany(rows.PUT_WHOLE, map(rows.from_whole, wholes))
            db.executemany(rows.PUT_INCOMING, map(rows.from_incoming, incoming))

    def trust(self) -> None:
        """Says that it agrees with the files now."""
        self.trusted = True

    def close(self, *, agrees: bool) -> None:
        """Closes it; what it holds is believed at the next start if it agrees with the files."""
        with self._using() as db:
            if self.trusted and agrees:
                db.execute("PRAGMA synchronous=FULL")
                db.execute(rows.SET_CLEAN, (1,))
            db.close()

    @contextmanager
    def _using(self) -> Iterator[apsw.Connection]:
        with self._lock:
            try:
                yield self._db
            except apsw.Error as failed:
                if isinstance(failed, apsw.FullError | apsw.IOError) and not pages.is_rot(failed):
                    raise refusals.disk_full(0) from failed
                self.trusted = False
                raise PiccoloError(
                    Kind.INTERNAL,
                    "INDEX_DAMAGED",
                    "The index of fragments is damaged. Restart this service: it is rebuilt from the files.",
                ) from failed

    def _opened(self) -> tuple[apsw.Connection, bool]:
        try:
            db, clean = self._open_file()
        except apsw.Error:
            for end in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)
            db, clean = self._open_file()
        return db, clean

    def _open_file(self) -> tuple[apsw.Connection, bool]:
        """Opens the file. Raises apsw.Error for one that is damaged or of another version."""
        pages.prepare()
        db = apsw.Connection(str(self._path))
        try:
            pages.checked(db)
            db.set_busy_timeout(5000)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            clean = _prepared(db)
            db.execute(rows.SET_CLEAN, (0,))
            db.execute("PRAGMA synchronous=NORMAL")
        except apsw.Error:
            db.close()
            raise
        return db, clean


def _prepared(db: apsw.Connection) -> bool:
    """Makes the tables where there are none; tells whether what is there was closed in order."""
    version = db.pragma("user_version")
    if version == 0:
        with db:
            db.execute(rows.SCHEMA)
            db.pragma("user_version", VERSION)
        return False
    if version != VERSION:
        raise apsw.SchemaChangeError(f"index of version {version}")
    if (damage := db.pragma("quick_check")) != "ok":
        raise apsw.CorruptError(str(damage))
    clean = _first(db, rows.CLEAN, ())
    return bool(clean and clean[0])


def _first(db: apsw.Connection, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return next(iter(db.execute(sql, values)), None)
