"""What an owner has here, told to it: states, lists, commit records.

Rules:
* A list that was read to its end is an inventory: provisional fragments that its owner does not ask about
  within a day after it may end. Asking for a fragment's state claims it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.fragment import Fragment, Kept, Key, State
from piccolo_fragment_store.engine.holdings import Holdings

RECORDS_BYTES: Final = 4 * 1024 * 1024
_FEW_HOURS: Final = 6 * 3600


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of an owner's fragments, and the id after which the next begins; None at the end."""

    fragments: list[tuple[bytes, Kept]]
    after: bytes | None


def states(holdings: Holdings, owner: bytes, fragments: Sequence[bytes], *, claims: bool) -> list[Kept]:
    """What is known of fragments, in the order asked.

    Args:
        holdings: where to look.
        owner: whose they are.
        fragments: their ids.
        claims: whether asking claims those that are provisional.
    """
    found = [_kept(holdings, Key(owner, fragment)) for fragment in fragments]
    if claims:
        now = holdings.clock.running()
        for kept in found:
            whole = kept.whole
            # once in a few hours is enough to claim, and asking stays cheap
            if whole is not None and whole.state is State.PROVISIONAL and whole.since < now - _FEW_HOURS:
                _claim(holdings, whole, now)
    return found


def page(holdings: Holdings, owner: bytes, after: bytes, count: int, *, inventory: bool) -> Listed:
    """A page of all of an owner's fragments, in the order of their ids.

    Args:
        holdings: where to look.
        owner: whose they are.
        after: the last id of the page before; empty for the first page.
        count: how many at most.
        inventory: whether reading the last page counts as an inventory.
    """
    ids = holdings.index.page(owner, after, count + 1)
    listed = [(each, _kept(holdings, Key(owner, each))) for each in ids[:count]]
    if len(ids) > count:
        return Listed(listed, ids[count - 1])
    if inventory:
        holdings.index.put_inventory(owner, holdings.clock.running())
    return Listed(listed, None)


def records(holdings: Holdings, owner: bytes, fragments: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """The newest commit record of each fragment, empty for those without: as many as fit one message."""
    found: list[tuple[bytes, bytes]] = []
    size = 0
    for fragment in fragments:
        record = _record(holdings, Key(owner, fragment))
        if found and size + len(record) > RECORDS_BYTES:
            break
        found.append((fragment, record))
        size += len(record)
    return found


def _record(holdings: Holdings, key: Key) -> bytes:
    for _ in range(2):  # the fragment may move between looking it up and opening it
        whole = holdings.index.kept(key).whole
        if whole is None:
            return b""
        try:
            return holdings.shelves.newest_record(key, whole.place)
        except PiccoloError as failed:
            if failed.reason == "FILE_MISSING":
                continue
            if failed.kind is Kind.DATA_LOSS:
                holdings.damaged(key, whole.root)
            raise
    return b""


def _kept(holdings: Holdings, key: Key) -> Kept:
    kept = holdings.index.kept(key)
    if busy := holdings.busy.get(key):
        return replace(kept, incoming=busy.incoming)
    return kept


def _claim(holdings: Holdings, whole: Fragment, now: int) -> None:
    with holdings.change(whole.key) as kept:
        if kept.whole is not None and kept.whole.state is State.PROVISIONAL:
            holdings.save(kept, replace(kept.whole, since=now), kept.incoming)
