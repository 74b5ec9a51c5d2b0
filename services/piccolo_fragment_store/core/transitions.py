"""What a request does to a fragment, given everything known of its key.

Rules:
* A key stands for one root: a whole fragment is never replaced by other bytes. Only one that is provisional
  may be reopened by its owner, in so many words (`resume_at`), because nothing was promised yet.
* What is here already is success, not an error: every request may be repeated.
* Tombstones win by order, not by arrival; a put with a higher number brings a fragment back.
* A damaged fragment may be put again: the same bytes heal it where it lies.
"""

from __future__ import annotations

from enum import Enum, auto

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.fragment import Fragment, Head, Kept, State
from piccolo_fragment_store.core.order import NEVER, Marks, Order


class Opening(Enum):
    """How a put begins."""

    FRESH = auto()  # write from the first block
    RESUME = auto()  # go on behind the durable blocks
    WHOLE = auto()  # nothing to write
    REOPEN = auto()  # take the provisional fragment back and cut it


class Keeping(Enum):
    """What is to be done for a commit, a store or a newer record."""

    WRITE = auto()  # write the whole file
    MOVE = auto()  # provisional becomes live
    RENEW = auto()  # replace the commit record
    SAME = auto()  # nothing


class Settling(Enum):
    """What a file needs so that it lies where its marks say."""

    STAY = auto()
    BURY = auto()
    RAISE = auto()
    PURGE = auto()


def open_put(head: Head, resume_at: int | None, kept: Kept) -> Opening:
    """How the put of `head` begins.

    Raises PiccoloError CONFLICT: BURIED, SUPERSEDED, OTHER_SHAPE.
    """
    _not_buried(head.order, kept.marks)
    whole, incoming = kept.whole, kept.incoming
    if whole is not None and _sound(whole):
        if whole.state is not State.PROVISIONAL or resume_at is None or resume_at >= whole.blocks:
            return Opening.WHOLE
        _again(head, resume_at, whole.put, whole.block_size)
        return Opening.REOPEN
    if incoming is None:
        return Opening.FRESH
    return _again(head, resume_at, incoming.put, incoming.block_size)


def finish_put(put: Order, root: bytes, kept: Kept) -> State:
    """Where a fragment goes whose last block has come: PROVISIONAL, or LIVE when it heals a live one.

    Raises PiccoloError CONFLICT: BURIED, OTHER_ROOT.
    """
    _not_buried(put, kept.marks)
    whole = kept.whole
    if whole is None:
        return State.PROVISIONAL
    if whole.root != root and not (whole.state is State.PROVISIONAL and whole.damaged):
        raise refusals.other_root()
    return State.LIVE if whole.state is State.LIVE else State.PROVISIONAL


def store(head: Head, root: bytes, record: Order, kept: Kept) -> Keeping:
    """What a whole fragment with its commit record needs.

    Raises PiccoloError CONFLICT: BURIED, OTHER_ROOT.
    """
    _not_buried(head.order, kept.marks)
    whole = kept.whole
    if whole is None or (whole.state is State.PROVISIONAL and whole.damaged):
        return Keeping.WRITE
    if whole.root != root:
        raise refusals.other_root()
    if not _sound(whole):
        return Keeping.WRITE
    return _keep(whole, record)


def commit(root: bytes, record: Order, kept: Kept) -> Keeping:
    """What a commit needs.

    Raises PiccoloError NOT_FOUND (NO_FRAGMENT), PRECONDITION (NOT_WHOLE), CONFLICT (OTHER_ROOT, BURIED),
    DATA_LOSS (ROT).
    """
    whole = _whole(kept)
    if whole.root != root:
        raise refusals.other_root()
    if whole.damaged:
        raise refusals.rot()
    return _keep(whole, record)


def renew(record: Order, kept: Kept) -> Keeping:
    """What a newer commit record needs; the same again is no error.

    Raises PiccoloError NOT_FOUND (NO_FRAGMENT), PRECONDITION (NOT_WHOLE, NOT_COMMITTED), CONFLICT (BURIED,
    SUPERSEDED).
    """
    whole = _whole(kept)
    if whole.state is not State.LIVE:
        raise refusals.not_committed()
    if record < whole.record:
        raise refusals.superseded(whole.record)
    return _keep(whole, record)


def settle(whole: Fragment, marks: Marks) -> Settling:
    """Where a whole fragment belongs. Unknown means live: only a tombstone keeps it in the trash."""
    if marks.purge(whole.alive):
        return Settling.PURGE
    buried, in_trash = marks.bury(whole.alive), whole.state is State.TRASH
    if buried == in_trash:
        return Settling.STAY
    return Settling.BURY if buried else Settling.RAISE


def raised_state(whole: Fragment) -> State:
    """What a fragment is that comes out of the trash: live when it has a commit record."""
    return State.PROVISIONAL if whole.record == NEVER else State.LIVE


def _again(head: Head, resume_at: int | None, before: Order, block_size: int) -> Opening:
    if head.order < before:
        raise refusals.superseded(before)
    if resume_at == 0:
        return Opening.FRESH
    if head.block_size != block_size:
        raise refusals.other_shape(block_size)
    return Opening.RESUME


def _keep(whole: Fragment, record: Order) -> Keeping:
    if whole.state is State.PROVISIONAL:
        return Keeping.MOVE
    return Keeping.RENEW if record > whole.record else Keeping.SAME


def _whole(kept: Kept) -> Fragment:
    if kept.whole is None:
        raise refusals.not_whole(kept.incoming.blocks) if kept.incoming else refusals.not_here()
    if kept.whole.state is State.TRASH:
        raise refusals.buried(kept.marks.dead)
    return kept.whole


def _sound(whole: Fragment) -> bool:
    return whole.state is not State.TRASH and not whole.damaged


def _not_buried(order: Order, marks: Marks) -> None:
    if marks.bury(order):
        raise refusals.buried(marks.dead)
