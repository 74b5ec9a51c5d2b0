"""How light and quick the face is.

    script/bench face [--json FILE] [--only PART ...] [--rounds 5] [--gib 1] [--requests 8000]

Parts: weight (what a browser fetches), audits (Lighthouse), scroll (a folder of 100,000), upload (a browser
beside curl), busy (requests a second), idle (the gateway's memory). Prints figures and judges none: the exit
status is 0 whatever they are, and 1 only when something could not be measured.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from piccolo_chassis.state import write_durably

from integration.bench import program
from integration.bench.face.run import PARTS, Face, Run
from integration.screen import Screen


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench face", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--only", action="append", choices=PARTS, help="some of it; may be given again")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="uploads each (default: 5)")
    parser.add_argument("--gib", type=float, default=1.0, metavar="G", help="of each upload (default: 1)")
    parser.add_argument("--files", type=int, default=100_000, metavar="N", help="in the folder to scroll")
    parser.add_argument("--requests", type=int, default=8000, metavar="N", help="how many (default: 8000)")
    parser.add_argument(
        "--folder", type=Path, default=program.FOLDER, help=f"where state lies (default: {program.FOLDER})"
    )
    options = parser.parse_args(argv)
    if min(options.rounds, options.requests, options.files) < 1 or options.gib <= 0:
        parser.error("one round of something is the least")
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"{options.json.absolute().parent} is not a folder: nothing could be written there")
    return options


async def play(options: argparse.Namespace, screen: Screen, folder: Path) -> Face:
    """Measures, and tells what came out."""
    run = Run(
        folder=folder,
        wanted=frozenset(options.only or PARTS),
        rounds=options.rounds,
        upload_bytes=int(options.gib * (1 << 30)),
        requests=options.requests,
        files=options.files,
        screen=screen,
    )
    done = await run.run()
    for line in ("", *done.lines()):
        screen.say(line)
    return done


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; 1 when something could not be measured."""
    options, screen = parse(argv), Screen(sys.stdout)

    def keep(done: Face) -> None:
        if options.json:
            write_durably(options.json, done.to_json().encode())

    return program.run(partial(play, options, screen), options.folder, screen, keep)


if __name__ == "__main__":
    sys.exit(main())
