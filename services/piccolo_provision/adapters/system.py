"""Puts files to their places under /run, and has the system look at what changed."""

from __future__ import annotations

import grp
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_provision.core.places import PLACES, Place

ASK_AGAIN: Final = ("systemctl", "--no-block", "restart", "device-provision.timer")
"""Has all steps done once more, in some minutes."""
OWNED: Final = ("kek.sealed", "recovery")
"""The vault's files when somebody set the device up, or recovers on it."""
_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)


def group_id(name: str) -> int:
    """The number of a group. Raises KeyError."""
    return grp.getgrnam(name).gr_gid


def anything(run: Path) -> bool:
    """Whether any place holds a file."""
    return any((run / place.path).exists() for place in PLACES.values())


def owned(vault: Path) -> bool:
    """Whether somebody owns the device, by the vault's state folder."""
    return any((vault / name).exists() for name in OWNED)


def install(
    run: Path, files: Mapping[str, bytes], group: Callable[[str], int] = group_id
) -> list[Sequence[str]]:
    """Makes the places hold these files and no others; returns the commands by which the system looks again.

    Raises OSError or KeyError when a place cannot be written.
    """
    changed = [place for name, place in PLACES.items() if _put(run, place, files.get(name), group)]
    return list(dict.fromkeys(place.reload for place in changed if place.reload))


def _put(run: Path, place: Place, content: bytes | None, group: Callable[[str], int]) -> bool:
    """Whether the place holds something else than before."""
    target = run / place.path
    before = None
    with suppress(FileNotFoundError):
        before = target.read_bytes()
    if before == content:
        return False
    if content is None:
        target.unlink()
        return True
    _folder(target.parent)
    partial = target.with_name(f".{target.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), place.mode)
        os.fchown(file.fileno(), -1, group(place.group))
    partial.replace(target)
    return True


def _folder(folder: Path) -> None:
    """Makes a folder that all may enter; its file's own mode says who may read it."""
    if not folder.is_dir():
        _folder(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


async def tell(*programs: Sequence[str]) -> bool:
    """Runs programs, each whatever became of the others; returns whether all went well."""
    well = True
    for program in programs:
        try:
            await command.run(program, seconds=_SECONDS)
        except PiccoloError as failed:
            _log.error("the system was not told", extra=fields(program=program[0], problem=failed.message))
            well = False
    return well
