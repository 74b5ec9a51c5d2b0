"""The services' state folders, each of which says in `format` what it is in, and the room that is left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from piccolo_chassis.state import version_in


class Folders:
    """The folder of the services' state folders, each of which has its service's name.

    What does not say what it is in is left out: no release opens that, the one that runs neither. `reserve`
    is how many hundredths of the file system a release leaves free; `said` is the file in which the running
    release says what it opens (piccolo_image.formats).
    """

    def __init__(self, folder: Path, said: Path, reserve: int) -> None:
        self._folder, self._said, self._reserve = folder, said, reserve

    def formats(self) -> Mapping[str, int]:
        """As the port says."""
        said = {each.name: version_in(each, each.name) for each in self._folder.iterdir()}
        return {service: version for service, version in said.items() if version is not None}

    def opened(self) -> Mapping[str, int]:
        """As the port says."""
        return msgspec.json.decode(self._said.read_bytes(), type=dict[str, int])

    def room(self) -> int:
        """As the port says."""
        disk = os.statvfs(self._folder)
        return (disk.f_bavail - disk.f_blocks * self._reserve // 100) * disk.f_frsize
