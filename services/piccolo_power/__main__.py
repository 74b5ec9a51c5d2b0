"""piccolo-power: root's part, a process for each request, whose socket is its standard input and output."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import Final

from piccolo_chassis import logs
from piccolo_chassis.errors import PiccoloError

from piccolo_power.adapters.cryptsetup import Cryptsetup
from piccolo_power.adapters.system import System
from piccolo_power.core.answers import Answer
from piccolo_power.core.asked import MOST, parse
from piccolo_power.engine.ending import Ending

_PARTITION: Final = Path("/dev/piccolo-data")  # the initrd's link: another disk may have one of that name too
_BOOT: Final = Path("/run/piccolo/boot")
_IN, _OUT = 0, 1
_log = logging.getLogger(__name__)


async def _serve(line: bytes) -> Answer:
    act = parse(line)
    if act is None:
        return Answer.MALFORMED
    _log.info("asked", extra=logs.fields(act=act))
    try:
        return await Ending(Cryptsetup(_PARTITION), System(_BOOT)).end(act)
    except PiccoloError as failed:
        _log.error("the device is not ended", extra=logs.fields(act=act, why=failed.message))
        return Answer.FAILED


def main() -> None:
    """Reads a request, does it, answers it."""
    logs.setup("power", "info")
    # whom it asked to go down ends this process too, which has an answer to give yet
    signal.signal(signal.SIGTERM, lambda *_: None)
    with open(_IN, "rb", closefd=False) as asked:
        line = asked.readline(MOST)
    answer = asyncio.run(_serve(line))
    try:
        os.write(_OUT, f"{answer}\n".encode())
    except OSError:
        _log.info("whoever asked is gone")


if __name__ == "__main__":
    main()
