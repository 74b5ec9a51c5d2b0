"""The table of locks against a list that is asked entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core.dav import locks
from piccolo_gateway.core.dav.locks import Lock, LockTable, Place

# "ab" begins as "a" does, and lies elsewhere
PATHS = ["/", *("/" + "/".join(parts) for size in (1, 2, 3) for parts in product(["a", "ab"], repeat=size))]
PATH, HOLDER = st.sampled_from(PATHS), st.sampled_from(["ana", "bo"])


def below(path: str, top: str) -> bool:
    parts, above = path.split("/")[1:], top.split("/")[1:] if top != "/" else []
    return path != "/" and path != top and parts[: len(above)] == above


def covers(lock: Lock, path: str) -> bool:
    return lock.path == path or (lock.deep and below(path, lock.path))


class Locks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.model, self.now, self.count = LockTable(), list[Lock](), 0.0, 0

    def alive(self) -> list[Lock]:
        return [one for one in self.model if one.ends > self.now]

    def same(self, refused: str, work: Callable[..., Any], *given: Any) -> bool:
        """Whether both did it; they refuse for the same reason."""
        if not refused:
            work(*given)
            return True
        with pytest.raises(PiccoloError) as failed:
            work(*given)
        assert failed.value.reason == refused
        return False

    @rule(path=PATH, deep=st.booleans(), exclusive=st.booleans(), holder=HOLDER, seconds=st.integers(1, 9))
    def grant(self, path: str, deep: bool, exclusive: bool, holder: str, seconds: int) -> None:
        self.count += 1
        lock = Lock(f"t:{self.count}", path, deep, exclusive, holder, "", seconds, self.now + seconds)
        meets = [
            other
            for other in self.alive()
            if any(covers(lock, one) and covers(other, one) for one in PATHS)
            and (exclusive or other.exclusive)
        ]
        if self.same("LOCK_CONFLICT" if meets else "", self.table.grant, lock, self.now):
            self.model.append(lock)

    @rule(path=PATH, number=st.integers(0, 30), holder=HOLDER)
    def release(self, path: str, number: int, holder: str) -> None:
        token = f"t:{number}"
        lock = next((one for one in self.alive() if one.token == token and covers(one, path)), None)
        refused = "LOCK_FOREIGN" if lock is None else "" if lock.holder == holder else "LOCK_OF_ANOTHER"
        if self.same(refused, self.table.release, path, token, holder, self.now):
            self.model.remove(lock)  # type: ignore[arg-type]

    @rule(path=PATH, number=st.integers(0, 30), holder=HOLDER, seconds=st.integers(1, 9))
    def refresh(self, path: str, number: int, holder: str, seconds: int) -> None:
        token = f"t:{number}"
        found = [one for one in self.alive() if one.token == token and covers(one, path)]
        lock = next((one for one in found if one.holder == holder), None)
        given = (path, frozenset({token}), holder, seconds, self.now)
        if self.same("" if lock else "LOCK_GONE", self.table.refresh, *given):
            self.model.remove(lock)  # type: ignore[arg-type]
            self.model += [one for one in self.table.covering(path, self.now) if one.token == token]
            assert self.model[-1].ends == self.now + seconds

    @rule(path=PATH)
    def forget(self, path: str) -> None:
        self.table.forget(path)
        self.model = [one for one in self.model if one.path != path and not below(one.path, path)]

    @rule(seconds=st.integers(1, 5))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds

    @rule(path=PATH, deep=st.booleans(), holder=HOLDER, numbers=st.frozensets(st.integers(0, 30)))
    def require(self, path: str, deep: bool, holder: str, numbers: frozenset[int]) -> None:
        tokens = frozenset(f"t:{number}" for number in numbers)
        changed = [path, *(one for one in PATHS if deep and below(one, path))]
        missing = False
        for one in changed:
            held = [lock for lock in self.alive() if covers(lock, one)]
            missing |= bool(held) and not any(lock.token in tokens and lock.holder == holder for lock in held)
        self.same(
            "LOCK_TOKEN_NEEDED" if missing else "",
            self.table.require, [Place(path, deep)], tokens, holder, self.now,
        )  # fmt: skip

    @invariant()
    def every_entry_is_covered_alike(self) -> None:
        for path in PATHS:
            told = self.table.covering(path, self.now)
            assert sorted(one.token for one in told) == sorted(
                one.token for one in self.alive() if covers(one, path)
            )

    @invariant()
    def exclusive_locks_are_alone(self) -> None:
        for path in PATHS:
            held = self.table.covering(path, self.now)
            assert len(held) <= 1 or not any(one.exclusive for one in held)


TestLocks = Locks.TestCase


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "MOST", 2)
    table = LockTable()
    for number in range(2):
        table.grant(Lock(f"t:{number}", f"/{number}", True, True, "ana", "", 5, 5.0), 0.0)
    third = Lock("t:3", "/3", True, True, "ana", "", 5, 9.0)
    with pytest.raises(PiccoloError) as refused:
        table.grant(third, 4.9)
    assert refused.value.reason == "TOO_MANY_LOCKS"
    table.grant(third, 5.0)  # the others' time is over


def test_what_is_missing_is_named() -> None:
    table = LockTable()
    table.grant(Lock("t:1", "/a b", True, True, "ana", "", 5, 5.0), 0.0)
    with pytest.raises(PiccoloError) as refused:
        table.require([Place("/a b/c"), Place("/a b")], frozenset(), "ana", 0.0)
    assert refused.value.details["paths"] == "a%20b"
