"""piccolo-disk: root's part, a process for each request, whose socket is its standard input and output."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import PiccoloError

from piccolo_disk.adapters.cryptsetup import Cryptsetup
from piccolo_disk.adapters.system import System
from piccolo_disk.core.answers import Answer
from piccolo_disk.core.asked import MOST, parse
from piccolo_disk.engine.enrolling import Enrolling
from piccolo_disk.engine.opening import Opening

_PARTITION: Final = Path("/dev/piccolo-data")  # the initrd's link: another disk may have one of that name too
_BOOT: Final = Path("/run/piccolo/boot")
_IN, _OUT = 0, 1
_log = logging.getLogger(__name__)


def _answer(answer: Answer) -> None:
    try:
        os.write(_OUT, f"{answer}\n".encode())
    except OSError:
        _log.info("whoever asked is gone")


async def _serve(line: bytes) -> None:
    asked = parse(line)
    luks, system = Cryptsetup(_PARTITION), System(_BOOT)
    if asked is None:
        _answer(Answer.MALFORMED)
    elif asked.act == "enrol":
        _answer(await Enrolling(luks, system).enrol(asked.key))
    else:
        await Opening(luks, system).open(asked.key, _answer)


def main() -> None:
    """Reads a request, does it, answers it; ends with 1 when that failed."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with open(_IN, "rb", closefd=False) as asked:
        line = asked.readline(MOST)
    try:
        asyncio.run(_serve(line))
    except PiccoloError as failed:
        _answer(Answer.FAILED)
        raise SystemExit(f"piccolo-disk: {failed.message}") from failed


if __name__ == "__main__":
    main()
