"""The fragment files in their folders: docs/storage-format.md, section 8.

Rules:
* Write to `incoming`, fsync, rename, fsync the folder. What a crash leaves in `incoming` was never promised.
* A fragment is where its file is; the commit record beside it follows. A crash between the two is mended by
  whoever reads the folders at the next start.
* A whole file is never written to again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.adapters.fragment_reader import FragmentReader, record_order
from piccolo_fragment_store.adapters.fragment_tails import Tails
from piccolo_fragment_store.adapters.fragment_writer import (
    PLACE,
    BlockSums,
    FragmentWriter,
    begun,
    build_header,
    full_blocks,
    read_header,
    resumed,
)
from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import NO_FILE, Fragment, Head, Incoming, Key, Place, Stamp, State
from piccolo_fragment_store.core.order import NEVER, Order
from piccolo_fragment_store.ports import Disk, File, Found


class FolderShelves:
    """Fragment files on a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._unsynced: set[str] = set()
        self._unsynced_lock = threading.Lock()
        self._tails = Tails()
        for folder in layout.FOLDERS.values():
            disk.make_folder(folder)

    def begin(self, head: Head, created: int, now: int) -> FragmentWriter:
        """A new file in `incoming`, in place of one that may be there."""
        file = self._create(head.key)
        try:
            return begun(head, file, created, now)
        except BaseException:
            self._abandon(head.key, file)
            raise

    def resume(self, head: Head, keep: int | None, now: int) -> FragmentWriter:
        """The file in `incoming`, cut to `keep` blocks or to its whole ones; all of them are durable then.

        Raises PiccoloError NOT_FOUND, FILE_MISSING when there is none that can be resumed.
        """
        file = self._disk.edit(layout.path(head.key, PLACE))
        try:
            return resumed(head, file, keep, now)
        except BaseException:
            file.close()
            raise

    def write(
        self, head: Head, blocks: bytes, root: bytes, record: bytes, *, created: int, now: int
    ) -> Fragment:
        """Writes a whole fragment beside what may be in `incoming`, in one go, for `place` to move.

        Returns it without the order of its record, which is not looked into.

        Raises PiccoloError INVALID: ROOT_MISMATCH when the blocks have another root; or as `BlockCutter.cut`.
        """
        sums = BlockSums(head)
        sums.add(blocks)
        if sums.root() != root:
            raise _root_mismatch()
        header = build_header(head, created)
        data = b"".join((header, blocks, sums.tail(header, record)))
        self._disk.make_folder(layout.folder(head.key, PLACE))
        stamp = self._write(layout.store_path(head.key), data)
        return sums.fragment(len(data), stamp, now)

    def place(self, key: Key, new: Place) -> None:
        """Moves what `write` wrote to where it is kept."""
        target, written = layout.folder(key, new), layout.store_path(key)
        try:
            self._disk.make_folder(target)
            self._disk.rename(written, layout.path(key, new))
        except BaseException:
            self._discard(written)
            raise
        self._settle(target)

    def move(self, key: Key, old: Place, new: Place, *, lazily: bool = False) -> None:
        """Moves a fragment's file, and the commit record beside it.

        With `lazily` it may not be durable before `flush`: for moves that a log repeats after a crash.
        """
        target = layout.folder(key, new)
        recorded = old.state is not State.INCOMING and self._disk.has(layout.record_path(key, old))
        self._disk.make_folder(target)
        self._disk.rename(layout.path(key, old), layout.path(key, new))
        if old.state is State.INCOMING:  # a name left behind there by a crash stands for nothing
            self._settle(target)
            return
        if recorded:
            self._disk.rename(layout.record_path(key, old), layout.record_path(key, new))
        self._settle(target, layout.folder(key, old), lazily=lazily)

    def flush(self) -> None:
        """Makes durable what is not: what was done lazily, and what failed after it was done."""
        with self._unsynced_lock:
            folders = sorted(self._unsynced)
        self._sync(folders)

    def _settle(self, *folders: str, lazily: bool = False) -> None:
        """Makes the names in folders durable, lazily or now; what fails now is left for `flush`."""
        with self._unsynced_lock:
            self._unsynced |= {*folders}
        if not lazily:
            self._sync(folders)

    def _sync(self, folders: Iterable[str]) -> None:
        for folder in folders:
            with self._unsynced_lock:
                self._unsynced.discard(folder)
            try:
                self._disk.sync_folder(folder)
            except PiccoloError as failed:
                if failed.reason != "FILE_MISSING":  # no folder, so no names in it to be kept either
                    with self._unsynced_lock:
                        self._unsynced.add(folder)
                    raise

    def write_record(self, key: Key, record: bytes) -> Stamp:
        """Writes a commit record, for `place_record` to move; returns which file it is."""
        self._disk.make_folder(layout.folder(key, PLACE))
        return self._write(layout.record_path(key, PLACE), record)

    def place_record(self, key: Key, place: Place) -> None:
        """Moves what `write_record` wrote beside a fragment, in place of one that may be there."""
        target, partial = layout.folder(key, place), layout.record_path(key, PLACE)
        try:
            self._disk.make_folder(target)
            self._disk.rename(partial, layout.record_path(key, place))
        except BaseException:
            self._discard(partial)
            raise
        self._settle(target)

    def remove(self, key: Key, place: Place, *, lazily: bool = False) -> None:
        """Removes a fragment's file and the commit record beside it; they may be gone already.

        With `lazily` that may not be durable before `flush`.
        """
        self._disk.unlink(layout.path(key, place))
        self._disk.unlink(layout.record_path(key, place))
        self._settle(layout.folder(key, place), lazily=lazily)

    def remove_stray(self, path: str) -> None:
        """Removes a file by its path."""
        self._disk.unlink(path)
        self._settle(path.rpartition("/")[0])

    def remove_record(self, key: Key, place: Place) -> None:
        """Removes only the commit record beside a fragment."""
        self.remove_stray(layout.record_path(key, place))

    def rejoin(self, key: Key, old: Place, new: Place) -> None:
        """Moves only the commit record beside a fragment, which a crash left behind."""
        self._disk.rename(layout.record_path(key, old), layout.record_path(key, new))
        self._settle(layout.folder(key, new), layout.folder(key, old))

    def open(self, key: Key, place: Place, *, from_disk: bool = False) -> FragmentReader:
        """Opens a whole fragment and checks its tail.

        With `from_disk` nothing is taken from what the system has of it in memory.

        Raises PiccoloError NOT_FOUND (FILE_MISSING), DATA_LOSS (ROT).
        """
        file = self._disk.open(layout.path(key, place))
        try:
            if from_disk:
                file.forget()
            return FragmentReader(key, place, file, None if from_disk else self._tails)
        except BaseException:
            file.close()
            raise

    def order_beside(self, key: Key, place: Place) -> Order:
        """The order of the commit record beside a fragment; NEVER when there is none that can be read."""
        return record_order(self._beside(key, place)[0])

    def newest_record(self, key: Key, place: Place) -> bytes:
        """The newer one of the commit records in a fragment and beside it; empty when it has none.

        Raises as `open`, unless there is one beside it.
        """
        beside, _ = self._beside(key, place)
        try:
            reader = self.open(key, place)
        except PiccoloError:
            if beside:
                return beside
            raise
        try:
            return max(reader.record(), beside, key=record_order)
        finally:
            reader.close()

    def _beside(self, key: Key, place: Place) -> tuple[bytes, Stamp]:
        """The commit record beside a fragment, and which file it is; empty when there is none to be read."""
        if not self._disk.has(path := layout.record_path(key, place)):
            return b"", NO_FILE
        file = self._disk.open(path)
        try:
            record, stamp = file.read_at(0, file.size()), file.stamp()
        finally:
            file.close()
        return (b"", NO_FILE) if record_order(record) == NEVER else (record, stamp)

    def describe(self, key: Key, place: Place, now: int) -> Fragment:
        """What a whole fragment's files say. Raises as `open`."""
        reader = self.open(key, place)
        try:
            found, inside = reader.fragment, record_order(reader.record())
        finally:
            reader.close()
        beside, stamp = self._beside(key, place)
        record = max(inside, record_order(beside))
        return replace(found, record=record, record_size=len(beside), record_stamp=stamp, since=now)

    def describe_incoming(self, key: Key, now: int) -> Incoming:
        """What a half-written file says.

        Raises PiccoloError NOT_FOUND, FILE_MISSING when it cannot be gone on with.
        """
        file = self._disk.open(layout.path(key, PLACE))
        try:
            block, header = read_header(key, file)
            order = Order(header.generation, header.seq)
            return Incoming(key, header.block_size, full_blocks(file, block), order, file.size(), now)
        finally:
            file.close()

    def owners(self) -> set[bytes]:
        """Every owner who has a folder here."""
        return {bytes.fromhex(name) for folder in self._owner_parents() for name in self._owner_names(folder)}

    def scan(self, owner: bytes) -> Iterator[Found]:
        """Every file in an owner's folders."""
        for folder in self._owner_parents():
            yield from self._below(f"{folder}/{owner.hex()}")

    def strangers(self) -> Iterator[str]:
        """Every file below the folders of fragments that is in no owner's folder."""
        parents = self._owner_parents()
        for folder in {*layout.FOLDERS.values(), *parents}:
            known = (
                {*self._owner_names(folder)} if folder in parents else {str(day) for day in self.trash_days()}
            )
            for entry in self._disk.entries(folder):
                path = f"{folder}/{entry.name}"
                if not entry.is_folder:
                    yield path
                elif entry.name not in known:
                    yield from (found.path for found in self._below(path))

    def trash_days(self) -> list[int]:
        """The days that have a folder in the trash."""
        names = [entry.name for entry in self._disk.entries(layout.FOLDERS[State.TRASH]) if entry.is_folder]
        return sorted(int(name) for name in names if layout.is_day(name))

    def remove_trash_folder(self, day: int) -> None:
        """Removes the folders of a day whose fragments are gone."""
        folder = layout.trash_folder(day)
        for entry in self._disk.entries(folder):
            if entry.is_folder:
                self._disk.remove_folder(f"{folder}/{entry.name}")
        self._disk.remove_folder(folder)

    def disk_free(self) -> int:
        """Bytes free on the disk."""
        return self._disk.free()

    def _owner_parents(self) -> list[str]:
        """The folders that hold owners' folders."""
        plain = [layout.FOLDERS[state] for state in (State.INCOMING, State.PROVISIONAL, State.LIVE)]
        return plain + [layout.trash_folder(day) for day in self.trash_days()]

    def _owner_names(self, folder: str) -> list[str]:
        names = (entry.name for entry in self._disk.entries(folder) if entry.is_folder)
        return [name for name in names if layout.is_owner(name)]

    def _below(self, folder: str) -> Iterator[Found]:
        with self._unsynced_lock:
            self._unsynced.add(folder)  # whoever made these names may have died before they were durable
        for entry in self._disk.entries(folder):
            path = f"{folder}/{entry.name}"
            if entry.is_folder:
                yield from self._below(path)
            elif name := layout.parse(path):
                yield Found(path, entry.size, entry.stamp, name.key, name.place, name.record)
            else:
                yield Found(path, entry.size)

    def _write(self, path: str, data: bytes) -> Stamp:
        """Writes a small file durably, or not at all."""
        file = self._disk.create(path)
        try:
            file.append(data)
            file.sync()
            return file.stamp()
        except BaseException:
            self._discard(path)
            raise
        finally:
            file.close()

    def _create(self, key: Key) -> File:
        self._disk.make_folder(layout.folder(key, PLACE))
        return self._disk.create(layout.path(key, PLACE))

    def _abandon(self, key: Key, file: File) -> None:
        file.close()
        self._discard(layout.path(key, PLACE))

    def _discard(self, path: str) -> None:
        with suppress(PiccoloError):  # what made us give up is told, not that tidying failed too
            self._disk.unlink(path)


def _root_mismatch() -> PiccoloError:
    return PiccoloError(
        Kind.INVALID,
        "ROOT_MISMATCH",
        "The blocks do not have the root that came with them; something changed them on the way. Try again.",
    )
