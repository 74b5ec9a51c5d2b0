"""Write locks (RFC 4918, sections 6 and 7): who has locked what, for how long, and what that forbids.

Rules:
* A lock covers its root and, when it is deep, all below it, whatever comes there. A lock on a directory also
  covers which names are in it.
* An exclusive lock bears no other one where it covers; shared ones bear each other.
* Who changes what is locked submits the token of a lock that covers it, and is who took that lock.
* A lock ends when it is released, when its time is over, and when what it is on is deleted or moved away.
* There are at most so many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import paths

MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock.

    Attributes:
        token: its URI.
        path: its root.
        deep: whether it covers all below.
        exclusive: else it is shared.
        holder: who took it.
        owner: what the client says of itself: an XML element, or nothing.
        seconds: for how long it is given.
        ends: when it ends, on the clock that nobody sets.
        directory: whether its root is one, as of when it was taken.
    """

    token: str
    path: str
    deep: bool
    exclusive: bool
    holder: str
    owner: str
    seconds: int
    ends: float
    directory: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be changed: an entry, or (`deep`) all that is below it too."""

    path: str
    deep: bool = False


class LockTable:
    """All locks. Times are seconds of a clock that nobody sets, and are passed in."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}
        self._rooted: dict[str, set[str]] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing is locked; a lock whose time is over may still count."""
        return not self._locks

    def grant(self, lock: Lock, now: float) -> None:
        """Adds a lock. Raises PiccoloError LOCKED (LOCK_CONFLICT) or EXHAUSTED (TOO_MANY_LOCKS)."""
        for over in [one for one in self._locks.values() if one.ends <= now]:
            self._drop(over)
        others = [*self.covering(lock.path, now), *(self.below(lock.path, now) if lock.deep else ())]
        if conflicts := [one for one in others if lock.exclusive or one.exclusive]:
            raise _locked("LOCK_CONFLICT", "Somebody else has locked it.", (one.path for one in conflicts))
        if len(self._locks) >= MOST:
            raise PiccoloError(
                Kind.EXHAUSTED, "TOO_MANY_LOCKS", f"There are {MOST} locks; wait until one ends."
            )
        self._locks[lock.token] = lock
        self._rooted.setdefault(lock.path, set()).add(lock.token)

    def refresh(self, path: str, tokens: frozenset[str], holder: str, seconds: int, now: float) -> Lock:
        """Begins the time of one of the submitted locks anew.

        Raises PiccoloError CONFLICT (LOCK_GONE) when none of them covers the path and is the holder's.
        """
        for lock in self.covering(path, now):
            if lock.token in tokens and lock.holder == holder:
                fresh = replace(lock, seconds=seconds, ends=now + seconds)
                self._locks[lock.token] = fresh
                return fresh
        raise PiccoloError(
            Kind.CONFLICT, "LOCK_GONE", "The lock has ended, or is on something else; lock it again."
        )

    def release(self, path: str, token: str, holder: str, now: float) -> None:
        """Ends a lock. Raises PiccoloError CONFLICT (LOCK_FOREIGN) or DENIED (LOCK_OF_ANOTHER)."""
        lock = next((one for one in self.covering(path, now) if one.token == token), None)
        if lock is None:
            raise PiccoloError(Kind.CONFLICT, "LOCK_FOREIGN", "No lock with this token covers it (any more).")
        if lock.holder != holder:
            raise PiccoloError(Kind.DENIED, "LOCK_OF_ANOTHER", "Only who took a lock may release it.")
        self._drop(lock)

    def covering(self, path: str, now: float) -> list[Lock]:
        """The locks that cover an entry."""
        if not self._locks:
            return []
        found = [*self._at(path, now)]
        while path != "/":
            path = parent(path)
            found += [lock for lock in self._at(path, now) if lock.deep]
        return found

    def below(self, path: str, now: float) -> list[Lock]:
        """The locks whose roots lie below an entry."""
        return [one for one in self._locks.values() if one.ends > now and is_below(one.path, path)]

    def require(self, places: Iterable[Place], tokens: frozenset[str], holder: str, now: float) -> None:
        """Lets pass who may change these places. Raises PiccoloError LOCKED (LOCK_TOKEN_NEEDED)."""
        missing: dict[str, None] = {}
        for place in places if self._locks else ():
            roots = [place.path]
            if place.deep:
                roots += sorted({one.path for one in self.below(place.path, now)})
            for root in roots:
                held = self.covering(root, now)
                if held and not any(one.token in tokens and one.holder == holder for one in held):
                    missing.update(dict.fromkeys(one.path for one in held))
        if missing:
            raise _locked("LOCK_TOKEN_NEEDED", "It is locked; who changes it must hold the lock.", missing)

    def forget(self, path: str) -> None:
        """Ends all locks on an entry and below it, which is not there any more."""
        for lock in [one for one in self._locks.values() if one.path == path or is_below(one.path, path)]:
            self._drop(lock)

    def _at(self, path: str, now: float) -> Iterator[Lock]:
        for token in sorted(self._rooted.get(path, ())):
            if self._locks[token].ends > now:
                yield self._locks[token]

    def _drop(self, lock: Lock) -> None:
        del self._locks[lock.token]
        rooted = self._rooted[lock.path]
        rooted.discard(lock.token)
        if not rooted:
            del self._rooted[lock.path]


def parent(path: str) -> str:
    """The directory that an entry lies in; the root's is itself."""
    return path.rpartition("/")[0] or "/"


def is_below(path: str, top: str) -> bool:
    """Whether an entry lies in a directory, at any depth."""
    return path != top and path.startswith(top if top == "/" else top + "/")


def _locked(reason: str, words: str, locked: Iterable[str]) -> PiccoloError:
    return PiccoloError(
        Kind.LOCKED, reason, words, {"paths": " ".join(paths.to_address(path) or "/" for path in locked)}
    )
