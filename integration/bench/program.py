"""What every measuring command does alike: a folder of its own, an orderly end, failures in words."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from piccolo_chassis.errors import PiccoloError

from integration.api import ApiError, OperationFailedError
from integration.bench import report
from integration.bench.errors import BenchError
from integration.screen import Screen

FOLDER: Final = Path("/var/tmp")  # on a disk: in memory, where others may lie, fsync costs nothing
_STOPPED: Final = 130
T = TypeVar("T")


def run(
    work: Callable[[Path], Coroutine[Any, Any, T]], place: Path, screen: Screen, keep: Callable[[T], None]
) -> int:
    """Measures in a new folder below `place`, which goes with the end, and keeps what came out.

    Returns the exit status: 1 when something could not be measured, 130 when it was stopped.
    """
    folder = Path(tempfile.mkdtemp(prefix="piccolo-bench-", dir=place))
    for line in report.machine():
        screen.say(line)
    try:
        done = _measured(work(folder), screen)
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.say("stopped: what was not finished is left out, and nothing is written")
        return _STOPPED
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if done is None:
        return 1
    keep(done)
    return 0


def _measured(work: Coroutine[Any, Any, T], screen: Screen) -> T | None:
    """What was measured; None, and why in words, when something could not be."""
    done = None
    try:
        done = asyncio.run(_stoppable(work))
    except* (BenchError, PiccoloError, ApiError, OperationFailedError, TimeoutError) as failed:
        for why in _leaves(failed):
            screen.say(f"not measured: {str(why) or 'it took too long'}")
    return done


async def _stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Ends all processes also when it is asked to stop."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, too
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work


def _leaves(failed: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for each in failed.exceptions:
        yield from _leaves(each) if isinstance(each, BaseExceptionGroup) else [each]
