"""Who holds how many bytes, and what is reserved for what is under way. Safe to use from several threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.keeping import NoticeKind

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.capacity import Answer, Space, owing, share
from piccolo_fragment_store.core.fragment import charged
from piccolo_fragment_store.ports import OwnerUsage

Owed = Callable[[NoticeKind, Sequence[bytes]], None]
_STEP: Final = 16 * 1024 * 1024


class Reservation:
    """Bytes kept free for one fragment under way. Release it in the end, whatever happened."""

    def __init__(self, ledger: Ledger, owner: bytes, size: int, *, heals: bool = False) -> None:
        self._ledger, self.owner = ledger, owner
        self.size, self.written, self.heals = size, 0, heals

    def cover(self, size: int) -> None:
        """Makes sure that a file may grow to `size` bytes, and a good deal more when more is free.

        Raises PiccoloError FULL: OFFER_FULL, DISK_FULL, ASKED_TO_MOVE.
        """
        if size > self.size:
            self._ledger.grow(self, size)

    def wrote(self, size: int) -> None:
        """The file has so many bytes now."""
        self._ledger.note(self, size)

    def release(self) -> None:
        """Gives back what was reserved. May be called twice."""
        self._ledger.end(self)


class Ledger:
    """Counts bytes, and says when there is no room.

    Args:
        offer: bytes that this device gives to the circle.
        disk_reserve: bytes that stay free on the disk.
        disk_free: how many are free there now.
        owed: told whom to ask to move, and why, when an owner finds no room within its share.
        asked: tells whether an owner is asked to move.
    """

    def __init__(
        self,
        offer: int,
        disk_reserve: int,
        disk_free: Callable[[], int],
        owed: Owed,
        asked: Callable[[bytes], bool],
    ) -> None:
        self.offer, self._disk_reserve = offer, disk_reserve
        self._disk_free, self._owed, self.asked = disk_free, owed, asked
        self.members = 0
        self._held: Counter[bytes] = Counter()
        self._reservations: set[Reservation] = set()
        self._lock = threading.RLock()

    def load(self, usage: Sequence[OwnerUsage]) -> None:
        """Takes over what the index knows."""
        with self._lock:
            self._held = Counter({each.owner: each.charge for each in usage})

    def change(self, owner: bytes, before: int, after: int) -> None:
        """An owner's files were charged `before` and are charged `after`."""
        with self._lock:
            self._held[owner] += after - before

    def reserve(self, owner: bytes, size: int, *, heals: bool = False) -> Reservation:
        """Reserves room for a file; with `heals` for one that takes a damaged one's place.

        Raises PiccoloError FULL: OFFER_FULL, DISK_FULL, ASKED_TO_MOVE.
        """
        reservation = Reservation(self, owner, 0, heals=heals)
        self.grow(reservation, size)
        with self._lock:
            self._reservations.add(reservation)
        return reservation

    def reserve_record(self, owner: bytes, size: int) -> Reservation:
        """Reserves room for the commit record of a fragment that was let in.

        Raises PiccoloError FULL: OFFER_FULL, DISK_FULL.
        """
        with self._lock:
            answer = self.space().admit_record(charged(size))
            if answer is Answer.YES:
                reservation = Reservation(self, owner, charged(size))
                self._reservations.add(reservation)
                return reservation
        raise self._refusal(answer, owner, charged(size))

    def want(self, owner: bytes, size: int) -> None:
        """An owner would have put a file, had it seen room: those who owe it room are asked to move."""
        with self._lock:
            answer = self.space().admit(charged(size))
        if answer is not Answer.YES:
            self._refusal(answer, owner, charged(size))

    def grow(self, reservation: Reservation, size: int) -> None:
        """Makes a reservation larger: by a step, so that this is rare; else by what is needed."""
        with self._lock:
            for wanted in (charged(size) + (_STEP if reservation.size else 0), charged(size)):
                answer = self._admit(reservation, wanted - reservation.size)
                if answer is Answer.YES:
                    reservation.size = wanted
                    return
            missing = charged(size) - reservation.size
        raise self._refusal(answer, reservation.owner, missing)

    def _admit(self, reservation: Reservation, count: int) -> Answer:
        owner = reservation.owner
        if not reservation.heals and self.asked(owner):
            under_way = sum(each.size for each in self._reservations if each.owner == owner)
            if self._held[owner] + under_way + count > self.share:
                return Answer.ASKED_TO_MOVE
        return self.space().admit(count)

    def note(self, reservation: Reservation, written: int) -> None:
        """A reservation's file has grown."""
        with self._lock:
            reservation.written = written

    def end(self, reservation: Reservation) -> None:
        """Forgets a reservation."""
        with self._lock:
            self._reservations.discard(reservation)

    def space(self) -> Space:
        """The room there is."""
        with self._lock:
            return Space(
                offer=self.offer,
                held=self.used + self.reserved,
                disk_free=self._disk_free(),
                disk_reserve=self._disk_reserve,
                unwritten=sum(max(0, each.size - each.written) for each in self._reservations),
            )

    @property
    def share(self) -> int:
        """Bytes that each other member is sure of."""
        return share(self.offer, self.members)

    @property
    def used(self) -> int:
        """Bytes charged, all owners together."""
        with self._lock:
            return self._held.total()

    @property
    def reserved(self) -> int:
        """Bytes reserved for what is under way."""
        with self._lock:
            return sum(each.size for each in self._reservations)

    def owners(self) -> list[bytes]:
        """Whoever is charged for anything."""
        with self._lock:
            return sorted(owner for owner, count in self._held.items() if count > 0)

    def held(self, owner: bytes) -> int:
        """Bytes that one owner is charged for."""
        with self._lock:
            return self._held[owner]

    def _refusal(self, answer: Answer, owner: bytes, count: int) -> PiccoloError:
        if answer is Answer.ASKED_TO_MOVE:
            return refusals.asked_to_move(self.share)
        with self._lock:
            held = Counter(self._held)
            for each in self._reservations:
                held[each.owner] += each.size
        if debtors := owing(held, owner, count, self.share):
            self._owed(NoticeKind.FULL if answer is Answer.DISK_FULL else NoticeKind.EVICT, debtors)
        full = refusals.disk_full if answer is Answer.DISK_FULL else refusals.offer_full
        return full(self.space().free)
