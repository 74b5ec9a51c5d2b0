"""What the initrd told of the data partition, in a file under /run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from piccolo_gateway.core import boot
from piccolo_gateway.core.bodies.about import Boot

_MOST: Final = 4096
_log = logging.getLogger(__name__)


class BootState:
    """The file; it is small, and changes only when the data is opened later."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def told(self) -> Boot | None:
        """As the port says."""
        try:
            with self._path.open(encoding="ascii") as file:
                return boot.told(file.read(_MOST))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as unreadable:
            _log.warning("what the initrd told cannot be read", exc_info=unreadable)
            return None
