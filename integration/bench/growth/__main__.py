"""How the cost of a file grows with the circle and with the file.

    script/bench growth [--json FILE] [--plot FILE.svg] [--members N]... [--size SIZE]... [--rounds 3]

Prints figures and judges none: the exit status is 0 whatever they are, and 1 only when something could not be
measured.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Final

from piccolo_chassis.state import write_durably

from integration.bench import program
from integration.bench.growth.figures import SIZES, standing_table, table, to_json
from integration.bench.growth.plot import plot
from integration.bench.growth.run import Run
from integration.screen import Screen

_MEMBERS: Final = (3, 5, 10, 20, 31)
_FEWEST: Final = 3


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; `members` and `size` come sorted, each once."""
    parser = argparse.ArgumentParser(prog="script/bench growth", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the figures")
    told = ", ".join(str(count) for count in _MEMBERS)
    parser.add_argument(
        "--members", action="append", type=int, metavar="N", help=f"only a circle of N (default: {told})"
    )
    parser.add_argument(
        "--size", action="append", choices=SIZES, metavar="SIZE", help=f"only files of {', '.join(SIZES)}"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="R", help="rounds (default: 3; 1 GiB is done once)"
    )
    parser.add_argument(
        "--folder", type=Path, default=program.FOLDER, help=f"where state lies (default: {program.FOLDER})"
    )
    options = parser.parse_args(argv)
    options.members = sorted(set(options.members or _MEMBERS))
    options.size = sorted({SIZES[name] for name in options.size or SIZES})
    if wrong := _wrong(options):
        parser.error(wrong)
    return options


def _wrong(options: argparse.Namespace) -> str | None:
    """What makes no sense in the command line; better told now than when the work is done."""
    if options.rounds < 1:
        return "one round is the least"
    if options.members[0] < _FEWEST:
        return f"a circle that keeps its promise has {_FEWEST} members at least"
    if not options.folder.is_dir():
        return f"{options.folder} is not a folder"
    for file in (options.json, options.plot):
        if file is not None and not file.absolute().parent.is_dir():
            return f"{file.absolute().parent} is not a folder: nothing could be written there"
    return None


async def play(options: argparse.Namespace, screen: Screen, folder: Path) -> Run:
    """Measures, and tells what was measured however it ends."""
    run = Run(folder, options.members, options.size, options.rounds, screen)
    try:
        await run.run()
    finally:
        if run.points:
            for line in ("", *table(run.points), "", *standing_table(run.circles)):
                screen.say(line)
    return run


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; 1 when something could not be measured."""
    options, screen = parse(argv), Screen(sys.stdout)

    def keep(run: Run) -> None:
        if options.json:
            write_durably(options.json, to_json(run.points).encode())
        if options.plot:
            write_durably(options.plot, plot(run.points).encode())

    return program.run(partial(play, options, screen), options.folder, screen, keep)


if __name__ == "__main__":
    sys.exit(main())
