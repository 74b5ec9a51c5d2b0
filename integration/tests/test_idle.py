"""A circle that is left alone: after hours of its time it holds what it held, and all its files are there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.bad_days.clocks import needs_faketime
from integration.bench.idle import __main__ as program
from integration.bench.idle import growth
from integration.bench.idle.day import Idle, idle
from integration.bench.idle.looks import NAMES, Look, least

_HOURS = 1.5
_SPEED = 120.0
_POOL = (os.cpu_count() or 1) + 4  # threads of asyncio's own pool, which begin when they are first needed
_ANEW = 8  # files and tasks of calls that are just ending or beginning anew, as streams to peers do
_WAL = 1_000 * 4_096  # SQLite begins its log anew at so many bytes (wal_autocheckpoint)
_SLACK = 256 * 1024


def _look(**other: float | None) -> Look:
    plain: dict[str, Any] = {"pss_mib": 40.0, "heap_mib": 30.0, "files": 20, "threads": 9, "tasks": 30}
    return Look(**(plain | {"state_bytes": 1_000, "log_bytes": 10} | other))


@given(st.lists(st.integers(0, 1_000), min_size=1), st.booleans())
def test_what_comes_and_goes_between_looks_is_not_told(files: list[int], hidden: bool) -> None:
    """One PSS that could not be read leaves none."""
    looks = [_look(files=each) for each in files]
    found = least([*looks, _look(files=2_000, pss_mib=None)] if hidden else looks)
    assert found.files == min(files)
    assert found.pss_mib == (None if hidden else 40.0)


def test_growth_is_the_last_look_less_the_settled_one_and_the_slope_of_all() -> None:
    """What could not be read is left out, and shown as unknown."""
    looks = [(float(hour), {"d vault": _look(files=20 + 2 * hour, pss_mib=None)}) for hour in range(4)]
    found = {each.what: each for each in growth.growths(looks)}
    assert set(found) == set(NAMES) - {"pss_mib"}
    files = found["files"]
    assert (files.settled, files.last, files.highest) == (20, 26, 26)
    assert files.per_hour == pytest.approx(2.0)
    assert found["tasks"].per_hour == 0
    head, row = growth.table(list(found.values()))
    assert head.split()[-7:] == ["pss", "heap", "files", "threads", "tasks", "state", "log"]
    assert "20 -> 26" in row
    assert "?" in row
    told = growth.verdict(list(found.values()))
    assert "files: grew in 1 of 1 processes; steepest +2 an hour (d vault)" in told
    assert "tasks: grew in 0 of 1 processes; steepest +0 an hour (d vault)" in told
    written = json.loads(growth.to_json(3.0, 60.0, looks))
    assert (written["hours"], written["speed"], len(written["looks"])) == (3.0, 60.0, 4)
    assert written["looks"][3]["processes"]["d vault"]["files"] == 26
    with pytest.raises(ValueError, match="one look"):
        growth.growths(looks[:1])


@pytest.mark.parametrize("wrong", [["--hours", "0"], ["--speed", "0.5"], ["--folder", "/no/such"]])
def test_the_command_line_refuses_what_makes_no_sense(wrong: list[str]) -> None:
    """Before anything starts."""
    with pytest.raises(SystemExit):
        program.parse(wrong)


@pytest.mark.parametrize("what", ["files", "tasks", "threads", "state_bytes"])
def test_a_leak_every_ten_minutes_is_seen_and_what_comes_and_goes_is_none(what: str) -> None:
    """Of threads as many come as the pool has room for."""
    step = {"threads": _POOL, "state_bytes": 1e6}.get(what, 1.0)
    _is_constant(growth.Growth("d vault", what, 20.0, 23.0, 24.0, 1.0))
    last = 20.0 + step * 6 * _HOURS
    with pytest.raises(AssertionError):
        _is_constant(growth.Growth("d vault", what, 20.0, last, last, step))


@needs_faketime
@pytest.mark.circle
async def test_nothing_grows_while_nobody_does_anything(tmp_path: Path, no_leaked_processes: None) -> None:
    """Open files, threads and tasks stay; backups are what can be told apart as a reason to write one."""
    async with idle(tmp_path, _SPEED, print) as alone:
        looks: list[tuple[float, dict[str, Look]]] = []
        before: tuple[int, int] | None = None
        async for hour, seen in alone.looks(_HOURS, every=_HOURS / 3, settle=0.5):
            looks.append((hour, seen))
            before = before or (_entries(alone), alone.absences())
        assert before is not None
        entries, absences = before
        # the members' figures once an hour; who is absent, or back, and what is to be repaired because of it
        explained = len(alone.owed) * (_HOURS + 1) + 2 * (alone.absences() - absences)
        assert _entries(alone) - entries <= explained
        await alone.wake()
    for found in growth.growths(looks):
        _is_constant(found)


def _is_constant(found: growth.Growth) -> None:
    room = {"files": _ANEW, "tasks": _ANEW, "threads": _POOL, "state_bytes": _WAL + _SLACK}
    if found.what in room:
        assert found.last <= found.settled + room[found.what], found


def _entries(alone: Idle) -> int:
    """Entries of all backup logs at the cloud."""
    return sum(1 for _ in alone.made.cloud.state("cloud").glob("objects/*/log/*"))
