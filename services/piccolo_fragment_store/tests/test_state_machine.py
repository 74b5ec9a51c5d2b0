"""Any order of puts, commits, tombstones and undeletes, late and repeated, with the power cut between any two
steps of any of them, the disk full at any of them, and any older state of the index: nothing dies, nothing
dead is raised, and the index is what the files say."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.reconcile import reconcile
from piccolo_fragment_store.testing.disk import PowerCut, SimulatedDisk
from piccolo_fragment_store.testing.keeping import Sample, close_index, open_holdings, sample
from piccolo_fragment_store.testing.people import Person
from piccolo_fragment_store.tests.acts import Acts
from piccolo_fragment_store.tests.model import Ledgers, timeless

PEOPLE = (Person(), Person())
FORESEEN = {
    "ALREADY_WHOLE",
    "BURIED",
    "DISK_FULL",
    "NO_FRAGMENT",
    "NOT_COMMITTED",
    "NOT_WHOLE",
    "OTHER_ROOT",
    "SUPERSEDED",
}

people = st.integers(0, 1)
numbers = st.integers(1, 2)
variants = st.integers(0, 1)


class Keeping(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        memory = Path("/dev/shm")  # the index is fsynced at every start, which is not what is tested here
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.disk = SimulatedDisk()
        self.starts = 0
        self.owed = Ledgers()
        self.seq = 0
        self.sent: list[Callable[[], None]] = []
        self.saved: Path | None = None
        self.acts = Acts(self.owed, open_holdings(self.disk, self._index()))

    @property
    def holdings(self) -> Holdings:
        return self.acts.holdings

    def teardown(self) -> None:
        close_index(self.holdings)
        shutil.rmtree(self.folder)

    # --- what owners do ---

    @rule(
        who=people,
        number=numbers,
        variant=variants,
        upto=st.integers(0, 3),
        resume=st.none() | st.integers(0, 3),
    )
    def put(self, who: int, number: int, variant: int, upto: int, resume: int | None) -> None:
        piece, order = self._sample(who, number, variant), self._next()
        self._send(lambda: self.acts.put(piece, order, upto, resume))

    @rule(who=people, number=numbers, variant=variants)
    def store(self, who: int, number: int, variant: int) -> None:
        piece, order = self._sample(who, number, variant), self._next()
        self._send(lambda: self.acts.store(PEOPLE[who], piece, order))

    @rule(who=people, number=numbers, variant=variants)
    def commit(self, who: int, number: int, variant: int) -> None:
        piece, order = self._sample(who, number, variant), self._next()
        self._send(lambda: self.acts.commit(PEOPLE[who], piece, order))

    @rule(who=people, number=numbers)
    def renew(self, who: int, number: int) -> None:
        key, order = self._key(who, number), self._next()
        self._send(lambda: self.acts.renew(PEOPLE[who], key, order))

    @rule(who=people, chosen=st.sets(numbers, min_size=1), purge=st.booleans(), now=st.booleans())
    def bury(self, who: int, chosen: set[int], purge: bool, now: bool) -> None:
        keys, order = [self._key(who, number) for number in chosen], self._next()
        self._send(lambda: self.acts.bury(PEOPLE[who], keys, order, purge=purge), now=now)

    @rule(who=people, chosen=st.sets(numbers, min_size=1), now=st.booleans())
    def unbury(self, who: int, chosen: set[int], now: bool) -> None:
        keys, order = [self._key(who, number) for number in chosen], self._next()
        self._send(lambda: self.acts.unbury(PEOPLE[who], keys, order), now=now)

    @rule(which=st.integers(0))
    def send_again(self, which: int) -> None:
        if self.sent:
            self._do(self.sent[which % len(self.sent)])

    # --- what befalls the keeper ---

    @rule(steps=st.integers(1, 14), full=st.booleans())
    def fail_soon(self, steps: int, full: bool) -> None:
        at = self.disk.operations + steps
        if full:
            self.disk.full_at = frozenset({at})
        else:
            self.disk.stop_at = at

    @rule(seed=st.integers(0, 1 << 16))
    def lose_power(self, seed: int) -> None:
        self.disk.stop_at = self.disk.operations
        self._restart(seed)

    @rule()
    def restart_in_order(self) -> None:
        if self.disk.stop_at is None:
            try:
                self.holdings.shelves.flush()
            except PiccoloError:  # as when the process ends: the next start reads the folders
                self.holdings.doubted, self.disk.full_at = True, frozenset()
            close_index(self.holdings, agrees=not self.holdings.doubted)
            with self._foreseen():
                self.acts.holdings = open_holdings(self.disk, self._index())

    @rule()
    def remember_index(self) -> None:
        self.saved = self.folder / f"saved-{self.starts}-{self.seq}"
        self.saved.mkdir(exist_ok=True)
        for file in self.folder.glob(f"index-{self.starts}*"):
            shutil.copy(file, self.saved / file.name.replace(f"index-{self.starts}", "index"))

    @rule()
    def rebuilt_index_is_the_same(self) -> None:
        if self.disk.stop_at is not None or self.disk.full_at or self.holdings.doubted:
            return
        fresh = open_holdings(self.disk, self.folder / f"fresh-{self.seq}")
        for key in self.owed:
            assert timeless(fresh.index.kept(key)) == timeless(self.holdings.index.kept(key))
        with fresh.everything():
            assert reconcile(fresh, every_file=True).strangers == 0
        close_index(fresh)
        (self.folder / f"fresh-{self.seq}").unlink()

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "acts") or self.disk.stop_at is not None:
            return
        if self.holdings.doubted:  # what the next change does first
            self.disk.full_at = frozenset()
            with self.holdings.everything():
                self.holdings.mend()
        self.owed.check(self.holdings)

    # --- how ---

    def _send(self, act: Callable[[], None], *, now: bool = True) -> None:
        self.sent.append(act)
        if now:
            self._do(act)

    def _do(self, act: Callable[[], None]) -> None:
        with self._foreseen():
            act()

    @contextmanager
    def _foreseen(self) -> Iterator[None]:
        try:
            yield
        except PowerCut:
            self._restart(self.seq)
        except PiccoloError as refused:
            if refused.reason not in FORESEEN:
                raise
            if refused.kind is Kind.FULL:
                self.disk.full_at = frozenset()

    def _restart(self, seed: int) -> None:
        chance = random.Random(seed)
        old = self._index()
        close_index(self.holdings, agrees=False)
        self.disk.restart(chance)
        self.disk.full_at = frozenset()
        self.starts += 1
        match chance.randrange(3):
            case 0:
                shutil.copy(old, self._index())
            case 1 if self.saved is not None:
                for file in self.saved.iterdir():
                    shutil.copy(file, self.folder / file.name.replace("index", f"index-{self.starts}"))
        self.acts.holdings = open_holdings(self.disk, self._index())

    def _index(self) -> Path:
        return self.folder / f"index-{self.starts}"

    def _next(self) -> Order:
        self.seq += 1
        return Order(1, self.seq)

    def _key(self, who: int, number: int) -> Key:
        return Key(PEOPLE[who].id, number.to_bytes(16))

    def _sample(self, who: int, number: int, variant: int) -> Sample:
        # the variants differ in their last block only, as a put does that was resumed and sealed anew
        return sample(PEOPLE[who].id, number, last=100 + variant)


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(
    max_examples=120, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
