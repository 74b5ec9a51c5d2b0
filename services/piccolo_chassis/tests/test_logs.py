"""Log lines are JSON, carry the request id, and show no bytes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from piccolo_chassis import logs


@pytest.fixture
def quiet() -> Iterator[None]:
    """Gives pytest its own handlers back."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def last(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_a_line_is_an_object(
    capsys: pytest.CaptureFixture[str], quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.setup("toy", "info")
    logging.getLogger("x").info("stored\nit", extra=logs.fields(name="a", key=b"secret" * 5, size=3))
    line = json.loads(last(capsys))
    assert line["message"] == "stored\nit"
    assert (line["service"], line["level"], line["name"], line["size"]) == ("toy", "info", "a", 3)
    assert line["key"] == "<30 bytes>"
    assert "request_id" not in line


def test_the_journal_gets_the_level(
    capsys: pytest.CaptureFixture[str], quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    logs.setup("toy", "info")
    logging.getLogger("x").error("bad")
    assert last(capsys).startswith("<3>{")


async def test_a_request_s_id_stays_with_its_task(capsys: pytest.CaptureFixture[str], quiet: None) -> None:
    logs.setup("toy", "info")

    async def serve(name: str) -> str:
        logs.adopt_request_id(name)
        await asyncio.sleep(0)
        return logs.request_id()

    found = await asyncio.gather(*(asyncio.create_task(serve(f"request-{n}")) for n in range(3)))
    assert found == ["request-0", "request-1", "request-2"]
    assert logs.request_id() == ""


@pytest.mark.parametrize(
    "offered", [None, "", "short", "x" * 65, "with space", 'quo"te-quote', "new\nline-line"]
)
def test_a_malformed_id_is_replaced(offered: str | None) -> None:
    assert logs.adopt_request_id(offered) != offered
    assert len(logs.request_id()) == 16
