"""The services' state folders, each of which says in its file `format` what it is in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from piccolo_chassis.state import version_in


class Folders:
    """The folder of the services' state folders, each of which has its service's name.

    What does not say what it is in is left out: no release opens that, the one that runs neither.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def formats(self) -> Mapping[str, int]:
        """As the port says."""
        said = {each.name: version_in(each, each.name) for each in self._folder.iterdir()}
        return {service: version for service, version in said.items() if version is not None}
