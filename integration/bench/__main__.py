"""How fast the main job is, beside what others do on the same machine in the same run.

    script/bench storage [--json FILE] [--rounds 3] [--only WORK] [--large] [--folder FOLDER]

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

from integration.bench import program, report
from integration.bench.figures import to_json
from integration.bench.run import NAMES, Run
from integration.screen import Screen

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
    parser.add_argument(
        "--folder", type=Path, default=program.FOLDER, help=f"where state lies (default: {program.FOLDER})"
    )
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("one round is the least")
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    return options


async def play(options: argparse.Namespace, screen: Screen, folder: Path) -> Run:
    """Measures, and tells what was measured however it ends."""
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

    def keep(run: Run) -> None:
        if options.json:
            write_durably(options.json, to_json(run.figures).encode())

    return program.run(partial(play, options, screen), options.folder, screen, keep)


if __name__ == "__main__":
    sys.exit(main())
