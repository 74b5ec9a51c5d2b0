"""How fast what lay with a lost member is whole again, beside how fast it had come in.

    script/bench repair [--json FILE] [--files 8] [--mib 64]

Prints figures and judges none: the exit status is 0 whatever they are, and 1 only when something could not be
measured.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from piccolo_chassis.state import write_durably

from integration.bench import program
from integration.bench.repair.figures import Repair, table
from integration.bench.repair.run import Run
from integration.screen import Screen


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench repair", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--files", type=int, default=8, metavar="N", help="how many files (default: 8)")
    parser.add_argument("--mib", type=int, default=64, metavar="S", help="MiB of each (default: 64)")
    parser.add_argument(
        "--folder", type=Path, default=program.FOLDER, help=f"where state lies (default: {program.FOLDER})"
    )
    options = parser.parse_args(argv)
    if options.files < 1 or options.mib < 1:
        parser.error("one file of one MiB is the least")
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"{options.json.absolute().parent} is not a folder: nothing could be written there")
    return options


async def play(options: argparse.Namespace, screen: Screen, folder: Path) -> Repair:
    """Measures, and tells what came out."""
    done = await Run(folder, options.files, options.mib << 20, screen).run()
    for line in ("", *table(done)):
        screen.say(line)
    return done


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; 1 when something could not be measured."""
    options, screen = parse(argv), Screen(sys.stdout)

    def keep(done: Repair) -> None:
        if options.json:
            write_durably(options.json, done.to_json().encode())

    return program.run(partial(play, options, screen), options.folder, screen, keep)


if __name__ == "__main__":
    sys.exit(main())
