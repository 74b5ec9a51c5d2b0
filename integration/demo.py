"""The main job, for everyone to see: a circle keeps an owner's files through every loss it promised to bear.

    script/demo [--devices N] [--data FOLDER] [--lose T] [--once] [--json FILE] [--keep FOLDER]

Each step is what people would do and see; the verdict is the exit status: 0 only when all held.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from integration.answers import Health
from integration.circle import Circle, circle
from integration.client import ApiError, Client, OperationFailedError
from integration.files import Folder, put_folder, verify_folder
from integration.foreign import only_foreign_bytes
from integration.screen import Screen

_ADMINS: Final = 3
_HEALING_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 2.0


@dataclass(slots=True)
class Report:
    """What was done, how long each step took, and whether it held."""

    devices: int
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether everything that was promised came true."""
        names = ("verified", "survived", "repaired", "recovered", "foreign_bytes_only")
        return all(self.facts.get(name) is True for name in names)

    def to_json(self) -> str:
        """The report as JSON."""
        facts = {"devices": self.devices, **self.facts, "held": self.held}
        rounded = {step: round(value, 3) for step, value in self.seconds.items()}
        return json.dumps({**facts, "seconds": rounded}, indent=2)


@dataclass(slots=True)
class Demo:
    """The main job on one circle; the first owner is the one whose files are at stake."""

    made: Circle
    data: Folder
    lose: int | None
    report: Report
    screen: Screen
    dead: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def step(self, name: str, title: str) -> AsyncIterator[None]:
        """One step of the job, timed and told."""
        self.screen.begin(title)
        began = monotonic()
        yield
        self.report.seconds[name] = monotonic() - began
        self.screen.end(self.report.seconds[name])

    async def run(self) -> None:
        """Does all of it."""
        owner = self.made.owners[0]
        facts, data = self.report.facts, self.data
        facts |= {"files": len(data.files), "bytes": data.size}
        async with self.step("put", f"Storing {len(data.files):,} files, {data.size / 1e6:,.1f} MB"):
            written = await put_folder(owner.api, data, self.screen.progress)
            facts |= {"k": written.health.k, "m": written.health.m}
        async with self.step("get", "Reading everything back"):
            facts["verified"] = await verify_folder(owner.api, data, self.screen.progress)
        async with self.step("foreign", "Looking for the owner's bytes on the owner's device"):
            mine = await owner.api.owner_id()
            facts["foreign_bytes_only"] = await asyncio.to_thread(only_foreign_bytes, self.made, mine, data)
        await self._lose()
        await self._repair()
        await self._recover()
        facts["put_seconds"] = round(self.report.seconds["put"], 3)
        facts["get_seconds"] = round(self.report.seconds["get"], 3)

    async def _lose(self) -> None:
        facts = self.report.facts
        lost = bearable(len(self.made.owners), facts["k"], facts["m"]) if self.lose is None else self.lose
        facts["lost"] = lost
        async with self.step("spread", "Waiting until every member has its fragments"):
            await self.made.owners[0].api.heals(facts["m"] - facts["k"])
        async with self.step("lose", f"Killing {lost} device{'s' * (lost != 1)} and reading everything back"):
            for owner in self.made.owners[len(self.made.owners) - lost :]:
                await owner.device.kill()
                self.dead.append(owner.device.name)
            facts["survived"] = await verify_folder(self.made.owners[0].api, self.data, self.screen.progress)

    async def _repair(self) -> None:
        owner = self.made.owners[0]
        async with self.step("repair", "A fresh device joins; the circle repairs onto it"):
            await self.made.add(1)
            await owner.api.knows_members(len(self.made.owners))
            await owner.api.reaches_all(but=self.dead)
            await owner.api.check()
            health = await self._healed(owner.api)
            self.screen.say(health.words)
            self.report.facts["repaired"] = _bears_a_loss(health)
            self.report.facts["survives_after_repair"] = health.survives

    async def _healed(self, api: Client) -> Health:
        """The health after a repair, and again for a while: a busy device may miss a call, and is back."""
        until = monotonic() + _HEALING_SECONDS
        while True:
            await api.repair()
            health = await api.health()
            if _bears_a_loss(health) or monotonic() > until:
                return health
            self.screen.say(health.words)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _recover(self) -> None:
        owner = self.made.owners[0]
        async with self.step("recover", "The owner's device burns; a blank one gets the 24 words"):
            await owner.api.backed_up()
            await owner.burn()
            await owner.start()
            await owner.api.recover()
        async with self.step("verify_recovered", "Reading everything back on the new device"):
            self.report.facts["recovered"] = await verify_folder(owner.api, self.data, self.screen.progress)


def _bears_a_loss(health: Health) -> bool:
    return health.survives >= 1 and health.unreadable == 0


def bearable(devices: int, k: int, m: int) -> int:
    """How many devices may die at once so that reading, letting somebody in, and recovering go on."""
    promised = m - k
    admins = devices - (_ADMINS // 2 + 1)  # a majority of them lets a fresh device in
    witnesses = (devices - 1) // 2  # a majority of the others promises a recovered device its generation
    return max(0, min(promised, admins, witnesses))


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/demo", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--devices", type=int, default=5, metavar="N", help="devices in the circle (3 or more)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="what to store (default: Python's library)"
    )
    parser.add_argument(
        "--lose", type=int, metavar="T", help="devices to kill (default: as many as promised)"
    )
    parser.add_argument("--once", action="store_true", help="end when the job is done")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the devices' state and logs here")
    options = parser.parse_args(argv)
    if wrong := _wrong(options):
        parser.error(wrong)
    return options


def _wrong(options: argparse.Namespace) -> str | None:
    """What makes no sense in the command line; better told now than when the work is done."""
    if options.devices < 3:
        return "a circle that survives a loss has three devices at least"
    if options.lose is not None and not 0 <= options.lose < options.devices:
        return f"--lose may be 0 to {options.devices - 1}: the owner's own device is spared"
    if options.data is not None and not options.data.is_dir():
        return f"{options.data} is not a folder"
    if options.json is not None and not options.json.absolute().parent.is_dir():
        return f"{options.json.absolute().parent} is not a folder: the report could not be written"
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        return f"{options.keep} is not empty: the circle of another time must not be mixed in"
    return None


async def play(options: argparse.Namespace, folder: Path, screen: Screen) -> Report:
    """The demo from the first process to the last."""
    report = Report(options.devices)
    if (task := asyncio.current_task()) is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, too
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    data = Folder.read(options.data or Path(sysconfig.get_paths()["stdlib"]))
    began = monotonic()
    screen.begin(f"Starting {options.devices} devices and the cloud")
    async with circle(folder, options.devices, screen.note) as made:
        report.seconds["start"] = monotonic() - began
        screen.end(report.seconds["start"])
        try:
            await Demo(made, data, options.lose, report, screen).run()
        except* (ApiError, OperationFailedError, TimeoutError) as failed:
            screen.failed(failed)
        screen.table(report.facts, report.seconds, held=report.held)
        if options.json:
            options.json.write_text(report.to_json() + "\n")
        if not options.once:
            screen.examples(made.owners[0], await made.owners[0].api.make_token("demo", "admin"))
            await _interrupted()
    return report


async def _interrupted() -> None:
    """Returns when somebody asks for the end."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()


def main(argv: list[str] | None = None) -> int:
    """Runs the demo; 0 only when all held."""
    options, screen = parse(argv), Screen(sys.stdout)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="piccolo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return 0 if asyncio.run(play(options, folder, screen)).held else 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.say("stopped")
        return 130
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
