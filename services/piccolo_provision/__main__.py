"""Wires provision: steps, each a process with no more rights than it needs (see its unit).

* seed reads the volume; it may read disks. Without one, and with nothing to take back, it is the only step.
* known opens what came along or was kept; it is a user of its own.
* ask asks the site, and opens the answer; it is that user, with a network.
* apply puts files to their places under /run, and has the system look, or all steps done again later; it is
  root.
* clear takes away what the steps left each other.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from piccolo_chassis import config as configuration
from piccolo_chassis import logs, state
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_provision.adapters import system
from piccolo_provision.adapters.firmware import Firmware
from piccolo_provision.adapters.handover import Handover
from piccolo_provision.adapters.kept import Kept
from piccolo_provision.adapters.volume import SeedVolume
from piccolo_provision.config import STATE, Config
from piccolo_provision.core.places import PLACES
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.render import render
from piccolo_provision.core.seed import Answer, Seed
from piccolo_provision.core.status import State, Status, tell
from piccolo_provision.core.words import NodeName
from piccolo_provision.engine.asking import Pace, ask
from piccolo_provision.engine.individuation import Outcome, individuate

_HOSTNAME: Final = "hostname"
# as ExecCondition= of systemd.service(5) reads them
_ENOUGH: Final = 1
_FAILED: Final = 255
_log = logging.getLogger(__name__)


def _running() -> float:
    """Seconds since the kernel started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def _seed(config: Config) -> bool:
    handover, owned = Handover(config.handover), system.owned(config.vault)
    # none would be taken: who opens the page need not wait for one
    wait = 0.0 if owned and not Kept(config.state).there() else config.wait
    found: dict[str, bytes] | RefusedError | None
    try:
        found = await SeedVolume(config.volume, wait, _running).read()
        if found is None:
            found = Firmware(config.firmware).read()
    except RefusedError as refusal:
        _log.warning("the seed volume is refused", extra=fields(reason=refusal.reason))
        found = refusal
    handover.leave_seed(found, owned=owned)
    if found is not None or system.anything(config.run):
        return True
    _tell(handover, tell(State.EMPTY))
    _say(tell(State.EMPTY))
    return False


async def _known(config: Config) -> bool:
    return await _open(config, None)


async def _ask(config: Config) -> bool:
    pace = Pace(config.asking.attempts, config.asking.first, config.asking.patience)

    async def asking(seed: Seed) -> Answer:
        # most of what starting a step takes, and most steps do without
        from piccolo_provision.adapters.site import site

        async with site() as reached:
            return await ask(reached, seed, pace, pause=asyncio.sleep, chance=random.random)

    return await _open(config, asking)


async def _open(config: Config, asking: Callable[[Seed], Awaitable[Answer]] | None) -> bool:
    handover = Handover(config.handover)
    try:
        with state.claim(config.state, STATE):
            outcome = await _judged(handover, Kept(config.state), asking)
    except PiccoloError as unusable:
        why = unusable.why if isinstance(unusable, RefusedError) else Reason.MEMORY_UNUSABLE
        _log.error("nothing can be opened", extra=fields(reason=unusable.reason, problem=unusable.message))
        outcome = Outcome(tell(State.REFUSED, why))
    made = {}
    if outcome.node is not None:
        made = {**render(outcome.node), _HOSTNAME: outcome.node.node.encode("ascii")}
    handover.leave_files(made, again=outcome.again and asking is not None)
    # without one, the site's answer is what there is to tell
    if asking is not None or outcome.node is not None:
        _tell(handover, outcome.status)
    if asking is not None:
        _say(outcome.status)
    return True


def _tell(handover: Handover, told: Status) -> None:
    handover.tell(told)
    _log.info("judged", extra=fields(state=told.state, reason=told.reason, serial=told.serial))


def _say(told: Status) -> None:
    """The last word, for whoever watches the console."""
    sys.stdout.write(f"Piccolo: {told.message}\n")


async def _judged(
    handover: Handover, kept: Kept, asking: Callable[[Seed], Awaitable[Answer]] | None
) -> Outcome:
    seed, owned = handover.seed(), handover.owned()
    outcome = await individuate(seed, kept.read(), datetime.now(UTC), asking, owned=owned)
    if outcome.memory is not None:
        try:
            kept.write(outcome.memory)
        except OSError as full:
            _log.error("the configuration cannot be remembered", extra=fields(problem=str(full)))
    return outcome


async def _apply(config: Config) -> bool:
    handover = Handover(config.handover)
    left = handover.files([*PLACES, _HOSTNAME])
    name = left.pop(_HOSTNAME, b"").decode("ascii", "replace")
    looking = system.install(config.run, left)
    if name:
        looking.append(("hostnamectl", "hostname", msgspec.convert(name, NodeName)))
    if handover.again():
        looking.append(system.ASK_AGAIN)
    if not await system.tell(*looking):
        raise PiccoloError(Kind.INTERNAL, "SYSTEM_NOT_TOLD", "The system did not look at its new files.")
    return True


async def _clear(config: Config) -> bool:
    Handover(config.handover).clear()
    return True


_STEPS: Final[dict[str, Callable[[Config], Coroutine[None, None, bool]]]] = {
    "seed": _seed,
    "known": _known,
    "ask": _ask,
    "apply": _apply,
    "clear": _clear,
}


def main() -> None:
    """Does one step, and exits with its status: 1 when no further one is needed, 255 when it went wrong."""
    parser = argparse.ArgumentParser(prog="piccolo-provision", description="Individuates this device.")
    parser.add_argument("--config", action="append", type=Path, metavar="FILE")
    parser.add_argument("step", choices=_STEPS)
    chosen = parser.parse_args()
    logs.setup("provision", "info")
    os.umask(0o077)
    sys.exit(_run(chosen.step, chosen.config or configuration.default_layers("provision")))


def _run(step: str, layers: list[Path]) -> int:
    try:
        config = configuration.load(Config, layers)
    except PiccoloError as wrong:
        _log.critical(wrong.message, extra=fields(reason=wrong.reason))
        return _FAILED
    logs.setup("provision", config.log_level)
    try:
        return 0 if asyncio.run(_STEPS[step](config)) else _ENOUGH
    except Exception:
        _log.critical("the step failed", exc_info=True, extra=fields(step=step))
        return _FAILED


if __name__ == "__main__":
    main()
