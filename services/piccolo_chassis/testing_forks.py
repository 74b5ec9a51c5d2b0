"""A fork server: services' processes for tests, forked from one that has loaded all their modules already.

Rules:
* Loading is most of what it takes to start a service, and a run of all tests starts thousands. What is forked
  goes through `launch` as any other, in a session of its own, with nothing of the server's but its modules.
* Nothing runs in the server but its loop: no thread, no event loop, nothing of gRPC is begun before a fork.
* What is forked is the child of the process that asked, not of the server: PR_SET_CHILD_SUBREAPER, prctl(2),
  makes it the heir of what a parent leaves behind.
* The server ends with the process that it belongs to, however that ends.

See also: multiprocessing's forkserver in the standard library, whose processes run functions, not programs.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import signal
import socket
import subprocess  # noqa: TID251 - it outlives the event loops of the tests, which command's processes do not
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import IO, Any, Final, NoReturn, Self

from piccolo_chassis import command
from piccolo_chassis.launch import launch

_SET_CHILD_SUBREAPER: Final = 36
_MESSAGE_BYTES: Final = 1 << 16


class Forked:
    """A process of the fork server, to be used as one of asyncio's."""

    def __init__(self, pid: int) -> None:
        """Supervises a child of ours, in the running loop."""
        self.pid = pid
        self._loop = asyncio.get_running_loop()
        self._descriptor = os.pidfd_open(pid)
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._descriptor, self._reap)

    @property
    def returncode(self) -> int | None:
        """Its exit status (negative: the signal that ended it); None while it runs."""
        return self._ended.result() if self._ended.done() else None

    def send_signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it still runs."""
        if not self._ended.done():
            signal.pidfd_send_signal(self._descriptor, number)

    async def wait(self) -> int:
        """Its exit status, once it has ended."""
        return await asyncio.shield(self._ended)

    def _reap(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._ended.set_result(os.waitstatus_to_exitcode(status))


class ForkServer:
    """The server, started when the first process is asked for."""

    def __init__(self, modules: Sequence[str]) -> None:
        """Nothing runs yet; `modules` are what the server loads, and what it starts."""
        self.modules = tuple(modules)
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def __enter__(self) -> Self:
        """A server to be used in a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the server; what it forked runs on."""
        if self._line and self._process:
            self._line.close()
            self._process.wait()

    @property
    def pid(self) -> int | None:
        """The server's process id, when it runs."""
        return self._process.pid if self._process else None

    def start(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> Forked:
        """A new process that runs a module's `main`.

        Args:
            module: one of the server's.
            arguments: what follows the program's name.
            environment: added to a clean one.
            log: where its standard output and error go.
        """
        line = self._line or self._begin()
        order = {"module": module, "arguments": list(arguments), "environment": dict(environment)}
        socket.send_fds(line, [json.dumps(order).encode()], [log.fileno()])
        return Forked(int(line.recv(_MESSAGE_BYTES)))

    def _begin(self) -> socket.socket:
        ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", __name__, *self.modules],
                stdin=theirs.fileno(),
                start_new_session=True,
                env=command.CLEAN,
            )
        self._line = ours
        return ours


def _serve(line: socket.socket) -> dict[str, Any]:
    """Forks a process for each order that comes; returns only in such a process, with its order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, 1)
        if not message:
            sys.exit()
        told, tell = os.pipe()
        if child := os.fork():
            os.close(descriptors[0])
            os.close(tell)
            os.waitpid(child, 0)
            line.send(os.read(told, _MESSAGE_BYTES))
            os.close(told)
        elif os.fork():
            os._exit(0)  # the process that was forked loses its parent and becomes the child of who asked
        else:
            os.setsid()
            os.write(tell, str(os.getpid()).encode())
            line.detach()
            _detach(descriptors[0])
            return dict(json.loads(message))


def _detach(log: int) -> None:
    """Leaves a process nothing of the server's."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(order: Mapping[str, Any]) -> None:
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["arguments"]]
    launch(order["module"])


def main() -> NoReturn:
    """Loads everything, and serves whoever has the other end of standard input, until that is closed."""
    gc.disable()
    for module in sys.argv[1:]:
        import_module(module)
    gc.freeze()
    _run(_serve(socket.socket(fileno=os.dup(0))))
    sys.exit()


if __name__ == "__main__":
    main()
