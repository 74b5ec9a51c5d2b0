"""The life of every process, from its configuration to its orderly end.

A service's `__main__` hands over its name, the type of its configuration and the function that wires it:

    @asynccontextmanager
    async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
        async with Store(config.folder) as store:
            files = FilesServicer(Engine(store), host.stopping)
            host.add_service(lambda to: add_FilesServicer_to_server(files, to), "piccolo.x.v1.FilesService")
            yield

    def main() -> None:
        run("x", Config, wiring)

Rules:
* Serving begins when the wiring yields; only then systemd hears READY.
* The end: STOPPING, health off, `stopping` set, running calls drained, then cancelled, background tasks
  cancelled and awaited, then the wiring's own clean-up. An end that hangs is cut off, with every thread's
  stack in the log.
* What cannot start says why in one line. Exit status 78 (EX_CONFIG): starting again will not help, as with a
  wrong setting or a damaged file; 1: it may.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar

from piccolo_chassis import config as configuration
from piccolo_chassis import logs, memory, notify
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.interceptors import Limits

_HOPELESS: Final = frozenset({Kind.INVALID, Kind.PRECONDITION, Kind.UNIMPLEMENTED, Kind.DATA_LOSS})
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """The settings that every process has, in its table [serve]. Times are in seconds."""

    socket: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    stop_grace: float = 10.0
    unary_deadline: float = 60.0
    stream_deadline: float = 24 * 3600.0


class HasServe(Protocol):
    """What the chassis needs of a service's configuration: `serve: ServeConfig = ServeConfig()`."""

    @property
    def serve(self) -> ServeConfig: ...  # noqa: D102 - the class says it


C = TypeVar("C", bound=HasServe)
Wiring = Callable[[C, Host], AbstractAsyncContextManager[None]]


def run(name: str, config_type: type[C], wiring: Wiring[C], argv: Sequence[str] | None = None) -> None:
    """Lives the whole life of the process `name` (hyphenated) and exits."""
    memory.tune()
    logs.setup(name, "info")
    os.umask(0o077)  # what a service writes is its own; sockets are opened on purpose
    sys.exit(_status(lambda: _live(name, configuration.load(config_type, _layers(name, argv)), wiring)))


def _layers(name: str, argv: Sequence[str] | None) -> list[Path]:
    parser = argparse.ArgumentParser(prog=f"piccolo-{name}")
    parser.add_argument(
        "--config",
        action="append",
        type=Path,
        metavar="FILE",
        help="settings in TOML; may be repeated, later ones win; without it, those of the device",
    )
    chosen: list[Path] | None = parser.parse_args(argv).config
    return configuration.default_layers(name) if chosen is None else chosen


def _status(life: Callable[[], None]) -> int:
    try:
        life()
    except BaseException as ended:
        leaves = list(_leaves(ended))
        for leaf in leaves:
            _tell(leaf)
        hopeless = all(isinstance(leaf, PiccoloError) and leaf.kind in _HOPELESS for leaf in leaves)
        return 78 if hopeless else 1
    return 0


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _tell(error: BaseException) -> None:
    if isinstance(error, SystemExit):
        raise error  # argparse has already spoken
    if isinstance(error, PiccoloError):
        _log.critical(error.message, extra=logs.fields(reason=error.reason, **error.details))
    else:
        _log.critical("the process failed", exc_info=error)


def _live(name: str, settings: C, wiring: Wiring[C]) -> None:
    logs.setup(name, settings.serve.log_level)
    asyncio.run(_serve(name, settings, wiring))


async def _serve(name: str, settings: C, wiring: Wiring[C]) -> None:
    serve = settings.serve
    host = Host(name, serve.socket, Limits(serve.unary_deadline, serve.stream_deadline))
    with _signals(host):
        async with host.task_group, wiring(settings, host):
            try:
                await host.start()
                host.task_group.create_task(memory.keep_small(), name="memory")
                _ready(host)
                await host.stopping.wait()
            finally:
                faulthandler.dump_traceback_later(3 * serve.stop_grace + 5, exit=True)
                notify.send("STOPPING=1")
                await host.stop(serve.stop_grace)
                await host.task_group.finish()
        _log.info("stopped")


def _ready(host: Host) -> None:
    notify.send("READY=1")
    if interval := notify.watchdog_seconds():
        host.task_group.create_task(notify.keep_alive(interval), name="watchdog")
    _log.info("serving")


@contextmanager
def _signals(host: Host) -> Iterator[None]:
    """SIGTERM and SIGINT begin the orderly end; when it has been reached, a further one must not spoil it."""
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, host.stopping.set)
    try:
        yield
    finally:
        for number in _ENDING:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
