"""systemd itself finds no fault in a unit: no key that it does not know, no value that it cannot read.

All of them lie in one folder, among this machine's own units; programs that only the image has are played. A
systemd older than the image's does not know some keys yet; only of these nothing is said.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import pytest
from piccolo_chassis import command

from script.callers import ROOT

pytestmark = [
    pytest.mark.component,
    pytest.mark.skipif(
        shutil.which("systemd-analyze") is None,
        reason="no systemd-analyze on this machine: script/setup installs it",
    ),
]
DEFINITION: Final = ROOT / "os-build/definition"
INITRD: Final = DEFINITION / "initrd/module"
OURS: Final = (
    ROOT / "units/system",
    *(DEFINITION / flavour / "usr/lib/systemd/system" for flavour in ("root", "development")),
)
HOST: Final = Path("/usr/lib/systemd/system")
# as the initrd's module-setup.sh puts them
DROPPED_IN: Final = {"repart.conf": "systemd-repart.service", "deadline.conf": "initrd.target"}
SUFFIXES: Final = (".service", ".socket", ".timer", ".target", ".mount", ".slice", ".path")
SINCE: Final = {"RestartSteps": 254, "RestartMaxDelaySec": 254, "ImportCredential": 254}
UNKNOWN: Final = re.compile(r"Unknown key(?: name)? '(\w+)'")


class Units:
    """A root with all units."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "usr/lib/systemd/system"
        shutil.copytree(HOST, self.folder, symlinks=True)
        for folder in OURS:
            shutil.copytree(folder, self.folder, dirs_exist_ok=True)
        here = [path for folder in OURS for path in folder.iterdir()]
        names = {path.name for path in here if path.suffix in SUFFIXES}
        names |= {path.stem for path in here if path.suffix == ".d" and (self.folder / path.stem).exists()}
        for path in INITRD.glob("*.service"):
            shutil.copy(path, self.folder)
            names.add(path.name)
        for drop_in, unit in DROPPED_IN.items():
            shutil.rmtree(self.folder / f"{unit}.d", ignore_errors=True)
            (self.folder / f"{unit}.d").mkdir()
            shutil.copy(INITRD / drop_in, self.folder / f"{unit}.d")
            if not (self.folder / unit).exists():  # of a package that this machine lacks
                (self.folder / unit).write_text("[Service]\nExecStart=/usr/bin/systemd-repart\n")
            names.add(unit)
        self.names = sorted(names)
        for name in self.names:
            for path in (self.folder / name, *(self.folder / f"{name}.d").glob("*")):
                self._play(path.read_text(encoding="utf-8"))

    def _play(self, text: str) -> None:
        for program in re.findall(r"^Exec\w+=[-@:+!|]*(\S+)", text, re.MULTILINE):
            played = self.root / (program[1:] if program.startswith("/") else f"usr/bin/{program}")
            played.parent.mkdir(parents=True, exist_ok=True)
            played.touch(mode=0o755)

    async def faults(self) -> list[str]:
        """What systemd says of them."""
        words = ("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={self.root}")
        # it takes names for paths, unless it is where they are
        done = await command.run([*words, *self.names], seconds=120.0, check=False, folder=self.folder)
        said = done.stderr.decode().splitlines()
        known = await _version()
        assert said or not done.status, "it failed without a word"
        return [line for line in said if not _is_of_a_later_one(line, known)]


async def _version() -> int:
    told = (await command.run(["systemd-analyze", "--version"], seconds=60.0)).stdout.decode()
    return int(told.split()[1].partition(".")[0])


def _is_of_a_later_one(line: str, known: int) -> bool:
    key = UNKNOWN.search(line)
    return key is not None and SINCE.get(key[1], 0) > known


@pytest.fixture
def units(tmp_path: Path) -> Units:
    return Units(tmp_path)


async def test_systemd_finds_no_fault_in_any_unit(units: Units) -> None:
    assert {"piccolo-vault.service", "device-provision.timer", "efi.mount"} < set(units.names)
    assert {"boot-complete.target", "initrd.target", "piccolo-data.service"} < set(units.names)
    assert await units.faults() == []


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("piccolo-vault.service", "LimitNOFILE=", "LimitNOFILES=", "LimitNOFILES"),
        ("device-provision.timer", "=5min", "=5mn", "5mn"),
        ("boot-complete.target.d/10-limit.conf", "=reboot-force", "=restart", "JobTimeoutAction"),
        ("piccolo-guard.service", "/usr/sbin/piccolo-guard", "/usr/sbin/piccolo-gard", "not executable"),
        ("initrd.target.d/deadline.conf", "JobTimeoutSec", "JobTimeoutSecs", "JobTimeoutSecs"),
    ],
)
async def test_a_fault_would_be_found(units: Units, name: str, before: str, after: str, said: str) -> None:
    path = units.folder / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    assert any(said in fault for fault in await units.faults())
