"""Programs run with nothing of ours, within limits, and leave nobody behind."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

pytestmark = pytest.mark.component


async def test_output_status_and_input() -> None:
    done = await command.run(["sh", "-c", "cat; echo err >&2; exit 3"], seconds=5, stdin=b"in", check=False)
    assert done == command.Completed(3, b"in", b"err\n")


async def test_nothing_of_our_environment_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "42")
    done = await command.run(["env"], seconds=5, environment={"ASKED": "yes"})
    names = {line.partition("=")[0] for line in done.stdout.decode().splitlines()}
    assert names == {"PATH", "LC_ALL", "ASKED"}


async def test_standard_input_is_empty_and_the_session_its_own() -> None:
    done = await command.run(["sh", "-c", "cat; ps -o sid= -p $$ || cut -d' ' -f6 /proc/$$/stat"], seconds=5)
    assert int(done.stdout.split()[-1]) != os.getsid(0)


async def test_a_failure_tells_the_client_little_and_the_log_more(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(PiccoloError) as failed:
        await command.run(["sh", "-c", "echo inner detail >&2; exit 4", "argument-secret"], seconds=5)
    error = failed.value
    assert (error.kind, error.reason, error.details["status"]) == (Kind.INTERNAL, "COMMAND_FAILED", "4")
    assert "inner detail" not in error.message
    fields = caplog.records[-1].__dict__["fields"]
    assert "inner detail" in fields["stderr"]
    assert "argument-secret" not in str(fields)


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(PiccoloError, match="no-such-program") as failed:
        await command.run(["no-such-program"], seconds=5)
    assert (failed.value.kind, failed.value.reason) == (Kind.UNIMPLEMENTED, "COMMAND_MISSING")


async def test_the_time_limit_ends_it_and_its_children() -> None:
    """The shell ignores SIGTERM and has a child that holds the pipe: both must go."""
    program = ["sh", "-c", "trap '' TERM; sleep 60 & sleep 60; wait"]
    with pytest.raises(PiccoloError) as failed:
        await command.run(program, seconds=0.2)
    assert (failed.value.kind, failed.value.reason) == (Kind.TIMEOUT, "COMMAND_TIMEOUT")


async def test_cancellation_ends_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    task = asyncio.create_task(command.run(["sh", "-c", f"echo up >{pipe}; sleep 60"], seconds=60))
    assert await asyncio.to_thread(pipe.read_text) == "up\n"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("steps", range(12))
async def test_cancellation_while_it_starts_ends_what_it_started_too(
    steps: int, no_leaked_processes: None
) -> None:
    began = asyncio.get_running_loop().time()
    task = asyncio.create_task(command.run(["sh", "-c", "sleep 60; true"], seconds=60))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.get_running_loop().time() - began < 60, "it was waited for"


@pytest.mark.parametrize(("polite_seconds", "asked"), [(5.0, True), (0.0, False)])
async def test_it_is_asked_first_unless_it_is_to_be_killed(
    tmp_path: Path, polite_seconds: float, asked: bool
) -> None:
    note = tmp_path / "asked"
    process = await command.start(
        ["sh", "-c", f"trap 'echo >{note}; exit' TERM; echo up; while :; do sleep 0.01; done"], piped=True
    )
    assert process.stdout is not None
    await process.stdout.readline()
    await command.end(process, polite_seconds)
    assert note.exists() == asked


async def test_a_daemon_that_it_leaves_in_its_group_is_ended_too() -> None:
    done = await command.run(["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo done"], seconds=5)
    assert done.stdout == b"done\n"


async def test_a_talkative_program_is_read_to_the_end_but_not_kept() -> None:
    done = await command.run(["sh", "-c", "head -c 3000000 /dev/zero; printf end"], seconds=20, limit=1000)
    assert len(done.stdout) == 1000
    assert done.stdout.endswith(b"end")


async def test_a_program_that_does_not_read_its_input_is_no_failure() -> None:
    done = await command.run(["true"], seconds=5, stdin=b"x" * 1_000_000)
    assert done.status == 0
