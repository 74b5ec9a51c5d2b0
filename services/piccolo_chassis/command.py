"""Runs other programs. The only file of Piccolo that does.

Rules:
* A program gets a clean environment, no standard input unless given, its own session, and a time limit.
* It never outlives its call: on a timeout or a cancellation its whole process group is ended, politely
  first.
* What it prints is read to the end but kept up to a limit, so that a talkative one cannot fill our
  memory.
* A failure names the program and its status to the caller; what it wrote goes to the log, because it may
  tell more than a client should know. Arguments are never logged: they may hold secrets.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess  # noqa: TID251 - here is the one place
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

CLEAN: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""The environment of every program that is run."""
_POLITE_SECONDS: Final = 3.0
_log = logging.getLogger(__name__)

Process = asyncio.subprocess.Process


class Supervised(Protocol):
    """A program that leads its own process group, and how it ended when it did."""

    @property
    def pid(self) -> int:
        """Its process id, and its group's."""

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs."""

    async def wait(self) -> int:
        """Its exit status, once it has ended."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended: its status (negative: the signal that ended it) and what it printed."""

    status: int
    stdout: bytes
    stderr: bytes


async def run(
    program: Sequence[str | Path],
    *,
    seconds: float,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    check: bool = True,
    limit: int = 1 << 20,
) -> Completed:
    """Runs a program to its end.

    Args:
        program: the program and its arguments; no shell sees them.
        seconds: its time limit.
        stdin: what it reads; nothing by default.
        environment: added to the clean one (PATH and a C locale).
        folder: its working directory.
        check: whether a status other than 0 is a failure.
        limit: how many bytes of each output are kept; of more, the end is kept.

    Raises PiccoloError UNIMPLEMENTED (COMMAND_MISSING), TIMEOUT (COMMAND_TIMEOUT), INTERNAL (COMMAND_FAILED).
    """
    name = Path(program[0]).name
    process = await start(
        program, piped=True, stdin=stdin is not None, environment=environment, folder=folder
    )
    try:
        async with asyncio.timeout(seconds):
            stdout, stderr = await _talk(process, stdin, limit)
            status = await process.wait()
    except TimeoutError as late:
        words = f"{name} did not end within {seconds:g} seconds."
        raise PiccoloError(Kind.TIMEOUT, "COMMAND_TIMEOUT", words, {"program": name}) from late
    finally:
        await end(process)
    if check and status != 0:
        raise _failed(name, status, stderr)
    return Completed(status, stdout, stderr)


async def start(
    program: Sequence[str | Path],
    *,
    piped: bool = False,
    stdin: bool = False,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Process:
    """Starts a program that the caller supervises and hands to `end`.

    Args:
        program: the program and its arguments.
        piped: whether the caller reads its two outputs from pipes.
        stdin: whether the caller writes to its standard input.
        output: a file for both outputs when they are not piped; ours otherwise.
        environment: added to the clean one.
        folder: its working directory.

    Raises PiccoloError UNIMPLEMENTED, COMMAND_MISSING.
    """
    where = subprocess.PIPE if piped else output
    starting = asyncio.create_subprocess_exec(
        *(os.fspath(part) for part in program),
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=where,
        stderr=where,
        env={**CLEAN, **(environment or {})},
        cwd=folder,
        start_new_session=True,
    )
    try:
        return await _whole(starting)
    except (FileNotFoundError, PermissionError) as missing:
        raise PiccoloError(
            Kind.UNIMPLEMENTED,
            "COMMAND_MISSING",
            f"{program[0]} cannot be run ({missing.strerror}); is its package installed?",
            {"program": Path(program[0]).name},
        ) from missing


async def end(process: Supervised, polite_seconds: float = _POLITE_SECONDS) -> None:
    """Ends what is left of a program's process group: asked first, then killed. Safe to call at any time.

    Args:
        process: the program.
        polite_seconds: how long it may take to end by itself; 0: it is killed without being asked.
    """
    if process.returncode is None and polite_seconds > 0:
        _signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(polite_seconds):
                await process.wait()
        except TimeoutError:
            pass
    _signal(process, signal.SIGKILL)
    await process.wait()


async def _whole(starting: Coroutine[Any, Any, Process]) -> Process:
    """A process that is started; who gives that up in the middle leaves none, and nothing that it began."""
    begun = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(begun)
    except asyncio.CancelledError:
        with suppress(OSError):
            await end(await begun, polite_seconds=0)
        raise


def _failed(name: str, status: int, stderr: bytes) -> PiccoloError:
    said = stderr[-2000:].decode(errors="replace")
    _log.warning("command failed", extra=fields(program=name, status=status, stderr=said))
    return PiccoloError(
        Kind.INTERNAL,
        "COMMAND_FAILED",
        f"{name} failed with status {status}; the log holds what it said.",
        {"program": name, "status": str(status)},
    )


def _signal(process: Supervised, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # nobody left in the group
        return


async def _talk(process: Process, stdin: bytes | None, limit: int) -> tuple[bytes, bytes]:
    async with asyncio.TaskGroup() as talk:
        stdout = talk.create_task(_read(process.stdout, limit))
        stderr = talk.create_task(_read(process.stderr, limit))
        if process.stdin is not None:
            talk.create_task(_write(process.stdin, stdin or b""))
    return stdout.result(), stderr.result()


async def _write(pipe: asyncio.StreamWriter, content: bytes) -> None:
    try:
        pipe.write(content)
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()
    except (BrokenPipeError, ConnectionResetError):  # it did not want to read all: its status tells why
        return


async def _read(pipe: asyncio.StreamReader | None, limit: int) -> bytes:
    kept = bytearray()
    while pipe is not None and (piece := await pipe.read(1 << 16)):
        kept += piece
        del kept[:-limit]
    return bytes(kept)
