"""What a keeper owes its owners, told from outside: by what was answered, and by what was only tried."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.core.fragment import Fragment, Kept, Key, Place, State
from piccolo_fragment_store.core.order import NEVER, Marks, Order
from piccolo_fragment_store.engine import inventory
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.testing.keeping import Sample, read_all


@dataclass
class Owed:
    """One key. What was answered binds; what was tried (a crash came first) may have had its effect."""

    tried: dict[bytes, Sample] = field(default_factory=dict)
    root: bytes | None = None
    live: bool = False
    alive_answered: Order = NEVER
    record_answered: Order = NEVER
    alive_tried: Order = NEVER
    dead_answered: Order = NEVER
    dead_tried: Order = NEVER
    raised_answered: Order = NEVER
    raised_tried: Order = NEVER
    gone: bool = False

    def will_put(self, sample: Sample, order: Order) -> None:
        self.tried[sample.root] = sample
        self.gone = False
        self.alive_tried = max(self.alive_tried, order)

    def was_kept(self, whole: Fragment) -> None:
        died = self.dead_tried > max(self.alive_answered, self.raised_answered)
        self.root = whole.root
        self.live = whole.state is State.LIVE or (self.live and not died)
        self.alive_answered = max(self.alive_answered, whole.alive)
        self.record_answered = max(self.record_answered, whole.record)

    def will_bury(self, order: Order, *, purge: bool) -> None:
        self.dead_tried = max(self.dead_tried, order)
        if purge and order > max(self.alive_answered, self.raised_answered):
            # its bytes are no longer asked for, whatever comes after
            self.root, self.live, self.record_answered = None, False, NEVER

    def was_buried(self, order: Order, *, purge: bool) -> None:
        self.dead_answered = max(self.dead_answered, order)
        self.gone = self.gone or (purge and order > max(self.alive_tried, self.raised_tried))

    def was_reopened(self) -> None:
        """Its owner took a provisional fragment back."""
        if not self.live:
            self.root = None

    def check(self, kept: Kept, holdings: Holdings, key: Key) -> None:
        whole = kept.whole
        lives = max(self.alive_answered, self.raised_answered)
        if whole is not None:
            assert whole.root in self.tried, "bytes that nobody put"
            assert read_all(holdings, key) == self.tried[whole.root].data
        if self.root is not None:
            assert whole is not None, "a fragment that was promised is gone"
            assert whole.root == self.root
            if not self.dead_tried > lives:
                assert whole.state is not State.TRASH, "a living fragment is buried"
                assert not self.live or whole.state is State.LIVE, "a committed fragment is not live"
                if self.live:
                    ((_, record),) = inventory.records(holdings, key.owner, [key.fragment])
                    commit = open_signed(Commit, record).record
                    assert Order(commit.generation, commit.seq) >= self.record_answered, "a record is lost"
        assert whole is None or not self.gone, "bytes that were purged are back"
        if self.dead_answered > max(self.alive_tried, self.raised_tried):
            assert whole is None or whole.state is State.TRASH, "a dead fragment is raised"


class Ledgers(defaultdict[Key, Owed]):
    """All keys."""

    def __init__(self) -> None:
        super().__init__(Owed)

    def check(self, holdings: Holdings) -> None:
        for key, owed in self.items():
            owed.check(holdings.index.kept(key), holdings, key)
        used = {usage.owner: usage.charge for usage in holdings.index.usage()}
        for owner in {key.owner for key in self}:
            busy = [busy.incoming.charge for key, busy in holdings.busy.items() if key.owner == owner]
            assert holdings.ledger.held(owner) == used.get(owner, 0) - sum(busy)
        assert bool(holdings.ledger.reserved) == bool(holdings.busy)


def timeless(kept: Kept) -> Kept:
    """What of a key a rebuilt index must know too: all but times, and damage that was found by reading."""
    whole = kept.whole and replace(kept.whole, since=0, damaged=False, place=Place(kept.whole.state))
    incoming = kept.incoming and replace(kept.incoming, since=0)
    return Kept(whole, incoming, Marks(kept.marks.dead, kept.marks.raised, kept.marks.purged))
