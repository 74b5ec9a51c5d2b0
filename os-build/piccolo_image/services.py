"""The services as a tree: this checkout and what it depends on, locked by hash, for Debian's Python."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Final

from piccolo_image.programs import Programs

_PYTHON: Final = "3.13"  # Debian 13's
_PLATFORM: Final = "x86_64-manylinux_2_40"
_SITE: Final = "usr/lib/piccolo/site-packages"
_NOTES: Final = ("direct_url.json", "uv_cache.json")
_LAUNCHER: Final = """#!/usr/bin/python3 -sP
import sys

sys.path.insert(0, "/{site}")
from piccolo_chassis.launch import launch

launch("{module}", "{function}")
"""
_ENVIRONMENT: Final = {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "true"}


async def install(programs: Programs, checkout: Path, tree: Path, scratch: Path) -> None:
    """Installs the services and their dependencies into a tree."""
    site = tree / _SITE
    wheel = await _wheel(programs, checkout, scratch)
    locked = ("--require-hashes", "-r", checkout / "requirements-device.lock")
    for what in (locked, (wheel,)):
        await programs.run(
            *(checkout / ".venv/bin/uv", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:"),
            *("--target", site, "--python-version", _PYTHON, "--python-platform", _PLATFORM),
            *("--link-mode", "copy", "--no-compile", *what),
            environment=_ENVIRONMENT,
        )
    shutil.rmtree(site / "bin", ignore_errors=True)
    _forget_the_build(site)
    _launchers(checkout, tree)
    _units(checkout, tree)


def _forget_the_build(site: Path) -> None:
    """Takes away what uv noted of this machine and this moment, and that it did."""
    for record in site.glob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.partition(",")[0].endswith(_NOTES)]
        record.write_text("".join(kept), encoding="utf-8")
        for name in _NOTES:
            record.with_name(name).unlink(missing_ok=True)


async def _wheel(programs: Programs, checkout: Path, scratch: Path) -> Path:
    folder = scratch / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    # reproducible: the archive's times are not those of this checkout
    await programs.run(
        *(
            "env",
            "-C",
            checkout,
            checkout / ".venv/bin/python",
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
        ),
        folder,
        environment={"SOURCE_DATE_EPOCH": "315532800", "PATH": f"{checkout}/.venv/bin:/usr/bin:/bin"},
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def _launchers(checkout: Path, tree: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, entry in project["scripts"].items():
        module, _, function = entry.partition(":")
        launcher = tree / "usr/bin" / name
        launcher.write_text(_LAUNCHER.format(site=_SITE, module=module, function=function), encoding="utf-8")
        launcher.chmod(0o755)


def _units(checkout: Path, tree: Path) -> None:
    """The units and what belongs to them; the cloud is on no device."""
    units, lib = checkout / "units", tree / "usr/lib"
    no_cloud = shutil.ignore_patterns("piccolo-cloud.*")
    shutil.copytree(units / "system", lib / "systemd/system", dirs_exist_ok=True, ignore=no_cloud)
    for folder in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(units / folder, lib / folder, dirs_exist_ok=True)
    shutil.copytree(units / "config", lib / "piccolo", dirs_exist_ok=True)
