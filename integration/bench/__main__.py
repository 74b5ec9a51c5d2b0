"""How fast the main job is, beside what others do on the same machine in the same run.

    script/bench storage [--json FILE] [--rounds 3] [--only WORK] [--large] [--folder FOLDER]

Prints figures and judges none: the exit status is 0 whatever they are, and 1 only when something could not be
measured.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.state import write_durably

from integration.bench import report
from integration.bench.errors import BenchError
from integration.bench.figures import to_json
from integration.bench.run import NAMES, Run
from integration.screen import Screen

_FOLDER: Final = Path("/var/tmp")  # on a disk: in memory, where others may lie, fsync costs nothing
_GIB: Final = 1 << 30


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["storage"], help="what is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--rounds", type=int, default=3, metavar="R", help="rounds of each work (default: 3)")
    parser.add_argument(
        "--only", action="append", choices=NAMES, metavar="WORK", help=f"only this work: {', '.join(NAMES)}"
    )
    parser.add_argument("--large", action="store_true", help="the large file has 10 GiB instead of 1 GiB")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=f"where state lies (default: {_FOLDER})")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("one round is the least")
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    return options


async def play(options: argparse.Namespace, folder: Path, screen: Screen) -> Run:
    """Measures, and ends all processes also when it is asked to stop."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, too
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    size = 10 * _GIB if options.large else _GIB
    run = Run(folder, options.rounds, frozenset(options.only or NAMES), size, screen)
    try:
        await run.run()
    finally:
        for line in report.lines(run):
            screen.say(line)
    return run


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; 1 when something could not be measured."""
    options, screen = parse(argv), Screen(sys.stdout)
    folder = Path(tempfile.mkdtemp(prefix="piccolo-bench-", dir=options.folder))
    for line in report.machine():
        screen.say(line)
    try:
        run = _measured(options, folder, screen)
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.say("stopped: what was not finished is left out, and no JSON is written")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if run is not None and options.json:
        write_durably(options.json, to_json(run.figures).encode())
    return 0 if run is not None else 1


def _measured(options: argparse.Namespace, folder: Path, screen: Screen) -> Run | None:
    """The finished run; None, and why in words, when something could not be measured."""
    run = None
    try:
        run = asyncio.run(play(options, folder, screen))
    except* (BenchError, PiccoloError) as failed:
        for why in _leaves(failed):
            screen.say(f"not measured: {why}")
    return run


def _leaves(failed: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for each in failed.exceptions:
        yield from _leaves(each) if isinstance(each, BaseExceptionGroup) else [each]


if __name__ == "__main__":
    sys.exit(main())
