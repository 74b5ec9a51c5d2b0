"""The books of what is owed: they accept what may be, and nothing else."""

from __future__ import annotations

import pytest

from integration.bad_days.promises import NOTHING, BrokenPromiseError, Promises, content_of

OLD, NEW, OTHER = content_of(b"old"), content_of(b"new"), content_of(b"other")


@pytest.fixture
def promises() -> Promises:
    """One file was put and acknowledged."""
    made = Promises()
    made.asked("/f", OLD)
    made.acknowledged("/f", OLD)
    return made


def test_what_was_acknowledged_is_owed(promises: Promises) -> None:
    promises.seen("/f", OLD)
    for wrong in (NOTHING, NEW):
        with pytest.raises(BrokenPromiseError, match="/f"):
            promises.seen("/f", wrong)
    with pytest.raises(BrokenPromiseError):
        promises.seen("/never", OLD)


def test_what_was_not_acknowledged_may_be_or_not_and_does_not_go_back(promises: Promises) -> None:
    promises.asked("/f", NEW)
    promises.seen("/f", OLD)
    promises.seen("/f", NEW)
    with pytest.raises(BrokenPromiseError):
        promises.seen("/f", OLD)


def test_an_acknowledged_change_ends_all_doubt(promises: Promises) -> None:
    promises.asked("/f", NEW)
    promises.asked("/f", OTHER)
    promises.acknowledged("/f", OTHER)
    with pytest.raises(BrokenPromiseError):
        promises.seen("/f", NEW)


def test_only_a_removal_that_was_not_saved_may_be_undone_by_a_burning(promises: Promises) -> None:
    promises.asked("/f", NOTHING)
    promises.acknowledged("/f", NOTHING)
    assert promises.there() == []
    promises.saved()
    promises.burned()
    with pytest.raises(BrokenPromiseError):
        promises.seen("/f", OLD)
    promises.asked("/f", NEW)
    promises.acknowledged("/f", NEW)
    promises.asked("/f", NOTHING)
    promises.acknowledged("/f", NOTHING)
    promises.burned()
    promises.seen("/f", NEW)
