"""The audit log as people and programs read it: filtered, and exported as a whole."""

from __future__ import annotations

import csv
import io
import json
from typing import Final

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo.metadata.v1 import memory_pb2 as pb

from piccolo_gateway.core import audit_export
from piccolo_gateway.core.bodies.memory import AuditEvent
from piccolo_gateway.tests.conftest import World

TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=20)
EVENTS: Final = st.builds(
    AuditEvent,
    number=st.integers(1, 1 << 40),
    time=st.integers(0, 1 << 40),
    actor=TEXTS,
    action=TEXTS,
    subject=TEXTS,
    outcome=TEXTS,
    details=TEXTS,
    hash=st.just("00"),
)


def fill(world: World, count: int) -> None:
    world.fakes.audit.events[:] = [
        pb.AuditEvent(
            number=number,
            time=number * 10,
            actor="owner" if number % 2 else "token:robot",
            action="file.purge" if number % 3 else "vault.lock",
            subject=f"/{number}",
            outcome="ok" if number % 5 else "LOCKED",
        )
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", range(30, 0, -1)),
        ("action=file.", [number for number in range(30, 0, -1) if number % 3]),
        ("actor=token:", range(30, 0, -2)),
        ("outcome=LOCKED", range(30, 0, -5)),
        ("outcome=failed", range(30, 0, -5)),
        ("since=100&until=130", [12, 11, 10]),
        ("outcome=LOCKED&since=301", []),
        ("actor=owner&outcome=failed&since=100", [25, 15]),
    ],
)
async def test_the_log_is_filtered_and_exported(world: World, query: str, numbers: list[int]) -> None:
    fill(world, 30)
    _, page = await world.json("GET", f"/audit?{query}")
    assert [one["number"] for one in page["events"]] == list(numbers)
    async with world.request("GET", f"/api/v1/audit.ndjson?{query}") as response:
        assert response.headers["Content-Type"].startswith("application/x-ndjson")
        assert response.headers["Content-Disposition"] == 'attachment; filename="audit.ndjson"'
        assert [json.loads(line) for line in (await response.text()).splitlines()] == page["events"]
    async with world.request("GET", f"/api/v1/audit.csv?{query}") as response:
        assert response.headers["Content-Type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(await response.text(), newline="")))
        assert [int(row["number"]) for row in rows] == list(numbers)
        assert [row["subject"] for row in rows] == [one["subject"] for one in page["events"]]


async def test_an_export_is_longer_than_a_page(world: World) -> None:
    fill(world, 2500)
    for form, lines in (("ndjson", 2500), ("csv", 2501)):
        async with world.request("GET", f"/api/v1/audit.{form}") as response:
            assert len((await response.text()).splitlines()) == lines


async def test_an_export_that_cannot_begin_says_why(world: World) -> None:
    status, problem = await world.json("GET", "/audit.csv?since=x")
    assert (status, problem["reason"]) == (400, "QUERY_INVALID")
    fill(world, 30)
    world.fakes.audit.rotten = 30
    assert (await world.json("GET", "/audit.csv"))[1]["reason"] == "DATABASE_DAMAGED"


async def test_no_part_of_an_export_passes_for_the_whole(world: World) -> None:
    fill(world, 2500)
    world.fakes.audit.rotten = 100
    async with world.request("GET", "/api/v1/audit.ndjson") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


@given(st.lists(EVENTS, max_size=5), st.lists(EVENTS, max_size=5))
def test_a_table_can_be_read_back_and_runs_nothing(one: list[AuditEvent], other: list[AuditEvent]) -> None:
    raw = audit_export.as_csv(one, first=True) + audit_export.as_csv(other, first=False)
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    assert [int(row["number"]) for row in rows] == [event.number for event in one + other]
    for row, event in zip(rows, one + other, strict=True):
        assert row["subject"].removeprefix("'") == event.subject or row["subject"] == event.subject
        assert not row["subject"].startswith(("=", "+", "-", "@", "\t", "\r"))
    lines = (
        audit_export.as_ndjson(one, first=True) + audit_export.as_ndjson(other, first=False)
    ).splitlines()
    assert [json.loads(line)["subject"] for line in lines] == [event.subject for event in one + other]
