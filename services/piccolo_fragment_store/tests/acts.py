"""What owners do to a keeper, with the books kept of what it owes them (model.py)."""

from __future__ import annotations

from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.engine import burials, keeping, puts
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.keeping import Record
from piccolo_fragment_store.engine.membership import note_devices
from piccolo_fragment_store.testing.keeping import Sample
from piccolo_fragment_store.testing.people import Person, circle_of
from piccolo_fragment_store.tests.model import Ledgers


class Acts:
    def __init__(self, owed: Ledgers, holdings: Holdings) -> None:
        self.owed, self.holdings = owed, holdings

    def put(self, piece: Sample, order: Order, upto: int | None = None, resume: int | None = None) -> None:
        """Puts the first blocks of a fragment, and finishes when that is all of them."""
        owed, last = self.owed[piece.key], len(piece.blocks) if upto is None else upto
        owed.will_put(piece, order)
        if resume is not None and resume < len(piece.blocks):
            owed.was_reopened()
        opened = puts.open_upload(self.holdings, piece.head(order), resume, only_known=False)
        if opened.upload is None:
            assert opened.whole is not None
            owed.was_kept(opened.whole)
            return
        if opened.leaves_digest != piece.leaves_digest(opened.durable_blocks):
            opened.upload.give_up()
            self.put(piece, order, upto, resume=0)  # what is here are other blocks: from the beginning
            return
        try:
            for block in piece.blocks[opened.durable_blocks : last]:
                opened.upload.append(block)
            if last == len(piece.blocks) >= opened.durable_blocks:
                owed.was_kept(opened.upload.finish(last, piece.root))
        finally:
            opened.upload.give_up()

    def store(self, person: Person, piece: Sample, order: Order) -> None:
        record = Record(person.commit(*order), order)
        self.owed[piece.key].will_put(piece, order)
        head = piece.head(order)
        whole = keeping.store(self.holdings, head, piece.data, piece.root, record, only_known=False)
        self.owed[piece.key].was_kept(whole)

    def commit(self, person: Person, piece: Sample, order: Order) -> None:
        owed = self.owed[piece.key]
        owed.alive_tried = max(owed.alive_tried, order)
        record = Record(person.commit(*order), order)
        owed.was_kept(keeping.commit(self.holdings, piece.key, piece.root, record))

    def renew(self, person: Person, key: Key, order: Order) -> None:
        owed = self.owed[key]
        owed.alive_tried = max(owed.alive_tried, order)
        owed.was_kept(keeping.renew(self.holdings, key, Record(person.commit(*order), order)))

    def bury(self, person: Person, keys: list[Key], order: Order, *, purge: bool = False) -> None:
        ids = [key.fragment for key in keys]
        for key in keys:
            self.owed[key].will_bury(order, purge=purge)
        note_devices(self.holdings, circle_of(person))
        tombstone = person.tombstone_record(ids, *order, purge=purge)
        burials.bury(
            self.holdings,
            tombstone,
            person.tombstone(ids, *order, purge=purge),
            by=person.caller,
        )
        for key in keys:
            self.owed[key].was_buried(order, purge=purge)

    def unbury(self, person: Person, keys: list[Key], order: Order) -> None:
        ids = [key.fragment for key in keys]
        for key in keys:
            self.owed[key].raised_tried = max(self.owed[key].raised_tried, order)
        undelete = person.undelete_record(ids, *order)
        burials.unbury(self.holdings, undelete, person.undelete(ids, *order))
        for key in keys:
            self.owed[key].raised_answered = max(self.owed[key].raised_answered, order)
