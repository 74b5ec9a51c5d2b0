"""What grows in a circle that is left alone for a day, its clocks running fast.

    script/bench idle [--hours 24] [--speed 60] [--json FILE] [--folder FOLDER]

Prints figures and judges none: the exit status is 0 whatever they are.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from piccolo_chassis.state import write_durably

from integration.bench import report
from integration.bench.idle import growth
from integration.bench.idle.day import idle
from integration.bench.idle.looks import Look
from integration.screen import Screen

_FOLDER: Final = Path("/var/tmp")
_SETTLE_HOURS: Final = 1.0
_EVERY_HOURS: Final = 1.0


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench idle", description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="hours of theirs (default: 24)")
    parser.add_argument(
        "--speed",
        type=float,
        default=60.0,
        metavar="F",
        help="seconds of theirs in one of ours (default: 60)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=f"where state lies (default: {_FOLDER})")
    options = parser.parse_args(argv)
    if options.hours <= 0 or options.speed < 1:
        parser.error("some time must pass, and not slower than it does")
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    return options


async def play(
    options: argparse.Namespace, folder: Path, screen: Screen
) -> list[tuple[float, dict[str, Look]]]:
    """Lets the time go by, and ends all processes also when it is asked to stop."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, too
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    screen.begin("Starting a circle of three and giving it files")
    async with idle(folder / "i", options.speed, screen.note) as alone:
        screen.begin(f"Leaving it alone for {options.hours:g} h, {options.speed:g} times as fast")
        every = min(_EVERY_HOURS, options.hours)
        looks: list[tuple[float, dict[str, Look]]] = []
        async for hour, seen in alone.looks(options.hours, every, _SETTLE_HOURS):
            looks.append((hour, seen))
            heap = sum(each.heap_mib for each in seen.values())
            screen.say(f"hour {hour:.1f}: {heap:,.1f} MiB of heap in {len(seen)} processes")
        screen.say(f"members taken for absent, and found to be back: {alone.absences()}")
        screen.begin("Reading every file back")
        await alone.wake()
    return looks


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark."""
    options, screen = parse(argv), Screen(sys.stdout)
    folder = Path(tempfile.mkdtemp(prefix="piccolo-idle-", dir=options.folder))
    for line in report.machine():
        screen.say(line)
    try:
        looks = asyncio.run(play(options, folder, screen))
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.say("stopped: nothing is told, and no JSON is written")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = growth.growths(looks)
    for line in ["", *growth.table(found), "", *growth.verdict(found)]:
        screen.say(line)
    if options.json:
        write_durably(options.json, growth.to_json(options.hours, options.speed, looks).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
