"""WebDAV with the programs that speak it, over a whole circle: litmus, rclone, curl."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unicodedata import normalize

import pytest
from piccolo_chassis import command

from integration.circle import circle
from integration.owner import Owner
from integration.plain import plainly

PROGRAMS: Final = ("litmus", "rclone", "curl")
MISSING: Final = [name for name in PROGRAMS if shutil.which(name) is None]
NAMES: Final = (
    "plain.txt",
    "日本語.txt",
    "e\u0301te\u0301",
    "שלום",
    "مرحبا",
    "हिन्दी",
    "ไทย",
    "👩\u200d🚀",
    "a&b<c>'\"#?;%20",
    "back\\slash",
    "tab\there",
    "two\nlines",
    " around ",
    "...",
)
PATCH: Final = (
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><author xmlns="urn:z">Ana</author></D:prop></D:set>'
    "</D:propertyupdate>"
)
WANTED: Final = '<D:propfind xmlns:D="DAV:"><D:prop><author xmlns="urn:z"/></D:prop></D:propfind>'
SUITES: Final = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs in the name of a token."""

    owner: Owner
    token: str = field(repr=False)
    folder: Path

    async def litmus(self, url: str) -> str:
        """What litmus says of an address."""
        program: list[str | Path] = ["litmus", "-k", f"{url}/dav/", "anybody", self.token]
        done = await command.run(program, seconds=300, folder=self.folder, check=False)
        return done.stdout.decode()

    async def rclone(self, *arguments: str) -> str:
        """What rclone prints; it must end well. The device is `box:`."""
        obscured = await command.run(["rclone", "obscure", self.token], seconds=30, environment=self._home)
        remote = {
            "TYPE": "webdav",
            "URL": f"{self.owner.device.url}/dav",
            "VENDOR": "owncloud",
            "USER": "anybody",
            "PASS": obscured.stdout.decode().strip(),
        }
        configured = {f"RCLONE_CONFIG_BOX_{name}": value for name, value in remote.items()}
        program = ["rclone", "--ca-cert", str(self.owner.device.certificate), *arguments]
        done = await command.run(program, seconds=300, environment={**configured, **self._home}, check=False)
        assert done.status == 0, done.stderr.decode()
        return (done.stdout + done.stderr).decode()

    async def curl(self, path: str, *arguments: str) -> str:
        """What curl prints of a path below /dav."""
        known = ["--cacert", str(self.owner.device.certificate), "--user", f"anybody:{self.token}"]
        program = ["curl", "--silent", *known, *arguments, f"{self.owner.device.url}/dav{path}"]
        return (await command.run(program, seconds=120)).stdout.decode()

    @property
    def _home(self) -> Mapping[str, str]:
        return {"HOME": str(self.folder), "LC_ALL": "C.UTF-8"}


def summaries(said: str) -> dict[str, tuple[int, int]]:
    """Each of litmus's suites: how many tests ran, and how many passed."""
    found = re.findall(r"summary for `(\w+)': of (\d+) tests run: (\d+) passed", said)
    return {name: (int(ran), int(passed)) for name, ran, passed in found}


def make_files(folder: Path) -> None:
    """A folder with names of every script, on two levels, of sizes around a piece."""
    for number, name in enumerate(NAMES):
        for where in (folder, folder / "in" / name):
            where.mkdir(parents=True, exist_ok=True)
            file = where / name
            file.write_bytes(os.urandom((0, 1, 5000, (1 << 20) + 1)[number % 4]))
            os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))


def files_of(folder: Path) -> dict[str, int]:
    """Every file's time by its name, in the form that the device keeps names in."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {normalize("NFC", str(path.relative_to(folder))): int(path.stat().st_mtime) for path in found}


async def litmus_passes_whole(programs: Programs) -> None:
    device = programs.owner.device
    secure = await programs.litmus(device.url)
    assert summaries(secure) == {**{name: (ran, ran) for name, ran in SUITES.items()}, "http": (3, 3)}, secure
    assert "WARNING" not in secure
    async with plainly(device.url, device.certificate) as url:  # there it tries Expect: 100-continue too
        plain = await programs.litmus(url)
    assert summaries(plain) == {name: (ran, ran) for name, ran in SUITES.items()}, plain
    assert "WARNING" not in plain
    assert "SKIPPED" not in plain


async def rclone_keeps_a_folder(programs: Programs, folder: Path) -> None:
    here, back = folder / "here", folder / "back"
    make_files(here)
    await programs.rclone("copy", str(here), "box:kept")
    await programs.rclone("check", "--download", str(here), "box:kept")
    again = await programs.rclone("sync", "--verbose", str(here), "box:kept")
    assert "Copied" not in again
    (here / NAMES[1]).write_bytes(b"changed")
    shutil.rmtree(here / "in" / NAMES[2])
    (here / NAMES[3]).rename(here / "in" / NAMES[3] / "moved")
    await programs.rclone(
        "sync", "--track-renames", "--track-renames-strategy", "modtime", str(here), "box:kept"
    )
    await programs.rclone("check", "--download", str(here), "box:kept")
    await programs.rclone("copy", "box:kept", str(back))
    assert files_of(back) == files_of(here)


async def curl_reads_ranges(programs: Programs, folder: Path) -> None:
    (folder / "digits").write_text("0123456789" * 100_000)
    status = ("--output", os.devnull, "--write-out", "%{http_code}")
    sent = ("--upload-file", str(folder / "digits"), "--header", "Expect: 100-continue")
    assert await programs.curl("/digits", *status, *sent) == "201"
    assert await programs.curl("/digits", "--range", "500005-500009") == "56789"
    assert await programs.curl("/digits", "--range", "-3") == "789"
    assert await programs.curl("/digits", *status, "--range", "2000000-") == "416"
    assert await programs.curl("/digits", *status, "--header", "If-None-Match: *") == "304"


async def notes_outlive_a_crash(programs: Programs) -> None:
    device = programs.owner.device
    told = await programs.curl("/digits", "--request", "PROPPATCH", "--data", PATCH)
    assert "200 OK" in told
    await device.kill(["gateway", "metadata"])
    await device.run({name: device.settings(name) for name in ("gateway", "metadata")})
    await programs.curl("/digits", "--request", "MOVE", "--header", "Destination: /dav/moved")
    asked = ("--request", "PROPFIND", "--header", "Depth: 0", "--data", WANTED)
    assert ">Ana<" in await programs.curl("/moved", *asked)


@pytest.mark.circle
@pytest.mark.skipif(bool(MISSING), reason=f"script/setup installs {' and '.join(MISSING)} as root")
async def test_the_programs_that_people_have(tmp_path: Path, no_leaked_processes: None) -> None:
    async with circle(tmp_path / "circle", 3) as made:
        owner = made.owners[0]
        token = await owner.api.make_token("dav", "read", "write")
        programs = Programs(owner, token, tmp_path)
        await litmus_passes_whole(programs)
        await rclone_keeps_a_folder(programs, tmp_path)
        await curl_reads_ranges(programs, tmp_path)
        await notes_outlive_a_crash(programs)
