from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.audit import BEFORE_ALL, Event, Verifier, Wanted, chain
from piccolo_metadata.engine import audit
from piccolo_metadata.tests.builders import Bench, run

TEXT = st.text(max_size=8)
EVENTS = st.lists(st.tuples(st.integers(0, 2**40), TEXT, TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=8)
Logged = tuple[Event, bytes]


def chained(facts: list[tuple[int, str, str, str, str, str]]) -> list[Logged]:
    log: list[Logged] = []
    for number, fields in enumerate(facts, 1):
        event = Event(number, *fields)
        log.append((event, chain(log[-1][1] if log else BEFORE_ALL, event)))
    return log


def verified(log: list[Logged]) -> Verifier:
    verifier = Verifier()
    for event, found in log:
        verifier.follow(event, found)
    return verifier


@given(EVENTS, st.data())
def test_a_change_anywhere_is_found_where_it_is(
    facts: list[tuple[int, str, str, str, str, str]], data: st.DataObject
) -> None:
    log = chained(facts)
    assert (verified(log).verified, verified(log).broken_at) == (len(log), 0)
    at = data.draw(st.integers(0, len(log) - 1))
    event, found = log[at]
    changed = Event(event.number, event.time + 1, *facts[at][1:])
    assert verified([*log[:at], (changed, found), *log[at + 1 :]]).broken_at == at + 1
    if at < len(log) - 1:
        assert verified(log[:at] + log[at + 1 :]).broken_at == at + 1


def test_a_field_cannot_flow_into_the_next() -> None:
    one = Event(1, 0, "a", "b", "", "", "")
    other = Event(1, 0, "ab", "", "", "", "")
    assert chain(BEFORE_ALL, one) != chain(BEFORE_ALL, other)


def append(bench: Bench, action: str) -> Event:
    return bench.do(audit.append, "owner", action, "/a", "ok", '{"n": 1}')[0]


def test_events_are_numbered_and_listed_newest_first() -> None:
    bench = Bench()
    for number in range(1, 8):
        assert append(bench, f"vault.{'lock' if number % 2 else 'unlock'}").number == number
    page = bench.now(audit.listing, Wanted("vault.un"), None, 2)
    assert ([event.number for event, _ in page.items], page.more) == ([6, 4], True)
    page = bench.now(audit.listing, Wanted("vault.un"), 4, 2)
    assert ([event.number for event, _ in page.items], page.more) == ([2], False)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["owner", "token:a", "token:b"]),
            st.sampled_from(["vault.lock", "vault.unlock", "%"]),
            st.sampled_from(["ok", "LOCKED", "failed"]),
            st.integers(0, 9),
        ),
        max_size=12,
    ),
    st.builds(
        Wanted,
        action=st.sampled_from(["", "vault.", "vault.un", "%", "_"]),
        actor=st.sampled_from(["", "token:", "owner"]),
        outcome=st.sampled_from(["", "ok", "failed", "LOCKED", "OTHER"]),
        since=st.integers(0, 9),
        until=st.integers(0, 9),
    ),
)
def test_only_the_wanted_events_are_listed(events: list[tuple[str, str, str, int]], wanted: Wanted) -> None:
    bench = Bench()
    for actor, action, outcome, time in events:
        bench.do(audit.append, actor, action, "/a", outcome, "", time)
    found = [event for event, _ in bench.now(audit.listing, wanted, None, 100).items]
    fitting = [
        number
        for number, (actor, action, outcome, time) in enumerate(events, 1)
        if action.startswith(wanted.action)
        and actor.startswith(wanted.actor)
        and (wanted.outcome in {"", outcome} or (wanted.outcome == "failed" and outcome != "ok"))
        and wanted.since <= time
        and (time < wanted.until or not wanted.until)
    ]
    assert [event.number for event in found] == fitting[::-1]


def test_a_failed_write_leaves_no_gap() -> None:
    bench = Bench()
    append(bench, "a")
    with pytest.raises(PiccoloError) as refused:
        bench.do(audit.append, "owner", "b", "", "ok", "{no json")
    assert refused.value.reason == "DETAILS_INVALID"
    assert append(bench, "c").number == 2


@pytest.mark.parametrize("sql", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_the_log_is_only_ever_added_to(sql: str) -> None:
    bench = Bench()
    append(bench, "a")
    with pytest.raises(apsw.ConstraintError, match="only ever added to"):
        bench.connection.execute(sql)
    with pytest.raises(apsw.ConstraintError, match="only ever added to"):
        bench.connection.execute("INSERT OR REPLACE INTO audit SELECT * FROM audit")


def test_verify_walks_a_long_chain_in_stretches_and_finds_what_was_forged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "_STRIDE", 4)
    bench = Bench()
    for number in range(12):
        append(bench, str(number))
    whole = run(audit.verify(bench))
    assert (whole.verified, whole.broken_at) == (12, 0)
    bench.connection.execute("DROP TRIGGER audit_no_update")
    bench.connection.execute("UPDATE audit SET actor = 'nobody' WHERE number = 9")
    forged = run(audit.verify(bench))
    assert (forged.verified, forged.broken_at) == (8, 9)


def test_a_log_without_events_is_whole() -> None:
    whole = run(audit.verify(Bench()))
    assert (whole.verified, whole.broken_at) == (0, 0)
