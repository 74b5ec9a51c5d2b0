"""How the admins' devices settle which roster follows the one in force: single-decree Paxos for each epoch.

Two admins may propose at the same moment. Signatures cannot be taken back, so if each signed what came first,
a circle could be left with rosters that none of which has a majority, or with two that have one. So a device
that holds its owner's signature on a proposal releases it only when the admins' devices have chosen that
proposal.

Rules (Lamport, "Paxos Made Simple", 2001):
* A ballot is numbered (round, member number): no two devices ever use one number.
* An acceptor that promised a ballot answers no lower one, and tells what it accepted last.
* A leader proposes what was accepted in the highest ballot that its majority tells of, else its own.
* An acceptor accepts a proposal only while it holds its own owner's signature on it: so what is chosen can be
  put in force, and a locked vault delays and never blocks.
* What is promised and accepted is durable before it is told. It belongs to one roster in force (`base`), and
  is forgotten when that is succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from piccolo_chassis.errors import Kind, PiccoloError

_NUMBERS = 2**32
LAST_BALLOT = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Acceptor:
    """What one device promised and accepted on top of the roster `base` (its hash).

    Attributes:
        promised: the highest ballot that was answered; 0: none.
        ballot: the ballot in which `value` was accepted; 0: none.
        value: the hash of the accepted proposal; empty: none.
    """

    base: bytes
    promised: int = 0
    ballot: int = 0
    value: bytes = b""

    def prepare(self, ballot: int) -> Acceptor | None:
        """The state that promises the ballot; None when a higher one, or this one, was answered already."""
        return replace(self, promised=ballot) if ballot > self.promised else None

    def accept(self, ballot: int, value: bytes) -> Acceptor | None:
        """The state that has accepted `value` in the ballot; None when a higher one was promised."""
        if ballot < self.promised:
            return None
        return replace(self, promised=ballot, ballot=ballot, value=value)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an acceptor tells with its promise: its last accepted value, and in which ballot (0: none)."""

    ballot: int
    value: bytes


def next_ballot(highest: int, number: int) -> int:
    """The lowest ballot of member `number` above the highest ballot it has heard of.

    Raises PiccoloError EXHAUSTED, NO_BALLOT_LEFT: at one ballot a second that takes a century, or a device of
    an admin that means harm.
    """
    ballot = (highest // _NUMBERS + 1) * _NUMBERS + number
    if ballot > LAST_BALLOT:
        raise PiccoloError(
            Kind.EXHAUSTED,
            "NO_BALLOT_LEFT",
            "An admin's device has used up all ballots of this epoch. Find out which, and expel it.",
        )
    return ballot


def choose(promises: Iterable[Accepted], own: bytes) -> bytes:
    """The value that a leader must propose, once a majority has promised."""
    last = max((promise for promise in promises if promise.ballot), key=lambda p: p.ballot, default=None)
    return last.value if last else own
