from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.operations import Operation, OperationState, Progress
from piccolo_metadata.engine import operations, outbox, upkeep
from piccolo_metadata.tests.builders import Bench, run


def told(state: OperationState = OperationState.RUNNING, **more: Any) -> Progress:
    fields = {"phase": "", "done": 0, "total": 0, "result": "", "error_reason": "", "error_message": ""}
    return Progress(state, **{**fields, **more})


@pytest.fixture
def bench() -> Bench:
    return Bench()


def start(bench: Bench, name: str) -> Operation:
    return bench.do(operations.start, name, "check", "/", "objects")


def test_progress_is_remembered(bench: Bench) -> None:
    started = start(bench, "one")
    bench.clock.pass_days(1)
    advanced = bench.do(operations.advance, "one", told(phase="looking", done=3, total=9))
    assert bench.now(operations.get, "one") == advanced
    assert (advanced.started, advanced.updated) == (started.started, started.started + 86_400)
    assert advanced.revision > started.revision
    assert (advanced.kind, advanced.subject, advanced.unit) == ("check", "/", "objects")


@given(st.lists(st.sampled_from(OperationState), max_size=6), st.integers(0, 6))
def test_an_ended_operation_changes_no_more(states: list[OperationState], cancel_at: int) -> None:
    bench = Bench()
    present = start(bench, "one")
    for number, state in enumerate(states):
        if number == cancel_at:
            asked = bench.do(operations.cancel, "one")
            assert asked.cancel_requested != present.ended
            present = asked
        if present.ended:
            with pytest.raises(PiccoloError) as refused:
                bench.do(operations.advance, "one", told(state))
            assert refused.value.reason == "OPERATION_ENDED"
        else:
            present = bench.do(operations.advance, "one", told(state))
        assert bench.now(operations.get, "one") == present
    bench.close()


def test_an_unknown_operation_is_told_so(bench: Bench) -> None:
    for work in (operations.cancel, lambda tx, id_: operations.advance(tx, id_, told())):
        with pytest.raises(PiccoloError) as refused:
            bench.do(work, "nothing")
        assert refused.value.reason == "OPERATION_NOT_FOUND"
    with pytest.raises(PiccoloError):
        run(anext(operations.watch(bench, "nothing", 0)))  # type: ignore[arg-type]


def test_operations_are_listed_newest_first_in_pages(bench: Bench) -> None:
    for number in range(9):
        start(bench, str(number))
        if number % 3 == 0:
            bench.do(operations.advance, str(number), told(OperationState.SUCCEEDED))
    for running, wanted in ((False, "876543210"), (True, "875421")):
        seen, before, more = "", None, True
        while more:
            page = bench.now(operations.listing, before, 2, running=running)
            seen += "".join(one.operation_id for _, one in page.items)
            before, more = page.items[-1][0], page.more
        assert seen == wanted


def test_changes_come_in_their_order_from_a_revision_on(bench: Bench) -> None:
    first = start(bench, "a")
    start(bench, "b")
    bench.do(operations.advance, "a", told(done=1))
    assert [one.operation_id for one in bench.now(operations.changes, "", 0)] == ["b", "a"]
    assert [one.operation_id for one in bench.now(operations.changes, "", first.revision + 1)] == ["a"]
    assert [one.operation_id for one in bench.now(operations.changes, "b", 0)] == ["b"]


def test_operations_are_in_no_backup_and_old_ones_are_forgotten(bench: Bench) -> None:
    start(bench, "ended")
    bench.do(operations.advance, "ended", told(OperationState.FAILED))
    start(bench, "running")
    bench.clock.pass_days(29)
    run(upkeep.once(bench, may_give_up=False))
    assert len(bench.rows("SELECT * FROM operation")) == 2
    bench.clock.pass_days(2)
    run(upkeep.once(bench, may_give_up=False))
    assert bench.rows("SELECT operation_id FROM operation") == [("running",)]
    assert bench.now(outbox.backlog).entries == 0
    revision = bench.now(operations.get, "running").revision
    bench.do(operations.advance, "running", told(OperationState.SUCCEEDED))
    bench.clock.pass_days(31)
    run(upkeep.once(bench, may_give_up=False))
    assert bench.rows("SELECT * FROM operation") == []
    assert start(bench, "later").revision > revision + 1  # whoever watches since long ago still hears of it
