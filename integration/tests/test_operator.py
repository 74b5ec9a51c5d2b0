"""What an operator does: grpcurl at every socket, the demo's own examples, Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from piccolo_chassis import command
from piccolo_chassis.testing import grpcurl

from integration.circle import circle

CALLS: Final = {
    "vault": "piccolo.vault.v1.KeyService/GetKeyStatus",
    "metadata": "piccolo.metadata.v1.BackupService/GetBackupStatus",
    "attestation": "piccolo.attestation.v1.CircleService/GetCircle",
    "fragment-store": "piccolo.fragment_store.v1.KeeperService/GetKeeperStatus",
    "gateway": "piccolo.chassis.v1.MetricsService/Read",
    "cloud": "piccolo.chassis.v1.MetricsService/Read",
}
ENDLESS: Final = "/events"


async def _grpcurl(socket: Path, *arguments: str) -> str:
    program: list[str | Path] = [grpcurl(), "-plaintext", "-unix", str(socket), *arguments]
    return (await command.run(program, seconds=30)).stdout.decode()


@pytest.mark.component
async def test_grpcurl_lists_describes_and_calls_every_service(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    async with circle(tmp_path, 1) as made:
        for box in (made.cloud, made.owners[0].device):
            for name in box.services:
                socket = box.socket(name)
                offered = (await _grpcurl(socket, "list")).split()
                assert {"grpc.health.v1.Health", CALLS[name].rpartition("/")[0]} <= set(offered)
                for service in offered:
                    assert "rpc " in await _grpcurl(socket, "describe", service)
                assert "SERVING" in await _grpcurl(socket, "grpc.health.v1.Health/Check")
                assert (await _grpcurl(socket, CALLS[name])).strip().startswith("{")


@asynccontextmanager
async def _demo(folder: Path) -> AsyncIterator[command.Process]:
    """The demo as a process, its screen a pipe."""
    data = folder / "data"
    data.mkdir()
    (data / "notes.txt").write_text("hello\n" * 100)
    program: list[str | Path] = [sys.executable, "-m", "integration.demo", "--devices", "3", "--data", data]
    process = await command.start(program, piped=True, folder=Path.cwd())
    try:
        yield process
    finally:
        await command.end(process)


async def _shown(process: command.Process, text: str) -> str:
    """What the screen shows up to the line that holds `text`; fails when the process ends before."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(300):
        while not lines or text not in lines[-1]:
            lines.append((await process.stdout.readline()).decode())
            assert lines[-1], "".join(lines)
    return "".join(lines)


async def _ended(process: command.Process) -> tuple[int | None, str]:
    """Its exit status, and what it still said."""
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


def _examples(shown: str) -> Iterator[str]:
    """The commands that the demo proposes; a shell's definitions stay in front of each."""
    lines = [line.strip() for line in shown.partition("Or try, in another terminal:")[2].splitlines()]
    defined = [line for line in lines if line.startswith(("API=", "curl()"))]
    for line in lines:
        if line and line not in defined and ENDLESS not in line:
            yield "\n".join([*defined, line])


@pytest.mark.circle
async def test_the_demo_s_own_examples_work_and_ctrl_c_leaves_nothing(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    async with _demo(tmp_path) as process:
        examples = list(_examples(await _shown(process, "FileService/List")))
        assert len(examples) == 6
        for example in examples:
            done = await command.run(["bash", "-euc", example], seconds=60, folder=Path.cwd())
            assert done.stdout, example
            assert b'"reason"' not in done.stdout, (example, done.stdout)
        process.send_signal(signal.SIGINT)
        status, said = await _ended(process)
    assert (status, "Traceback" in said) == (0, False), said


@pytest.mark.circle
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_may_be_stopped_in_the_middle(
    tmp_path: Path, number: signal.Signals, no_leaked_processes: None
) -> None:
    async with _demo(tmp_path) as process:
        await _shown(process, "==> Storing")
        process.send_signal(number)
        status, said = await _ended(process)
    assert (status, "Traceback" in said) == (130, False), said
