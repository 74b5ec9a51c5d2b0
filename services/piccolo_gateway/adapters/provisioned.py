"""What piccolo-provision told of itself, in a file under /run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import msgspec

from piccolo_gateway.core.bodies.about import Configuration

_MOST: Final = 4096
_log = logging.getLogger(__name__)


class ProvisionStatus:
    """The file; it is small, and written anew at each boot and each time the site is asked again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def told(self) -> Configuration | None:
        """As the port says."""
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(_MOST), type=Configuration)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as unreadable:
            _log.warning("what provision told cannot be read", exc_info=unreadable)
            return None
