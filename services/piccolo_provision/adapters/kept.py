"""The memory, in the state folder on the data partition."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from piccolo_chassis import state

from piccolo_provision.core import memory
from piccolo_provision.core.memory import Memory

_NAME: Final = "memory.json"
_log = logging.getLogger(__name__)


class Kept:
    """The memory in a folder that is claimed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME

    def there(self) -> bool:
        """Whether anything is remembered, or was."""
        return self._path.exists()

    def read(self) -> Memory:
        """What is remembered; nothing, when there is nothing, or what there is can no longer be read."""
        try:
            return memory.decode(self._path.read_bytes())
        except FileNotFoundError:
            return Memory()
        except (OSError, ValueError) as damaged:
            _log.error("the memory of earlier configurations is damaged", exc_info=damaged)
            return Memory()

    def write(self, remembered: Memory) -> None:
        """Remembers, durably."""
        state.write_durably(self._path, remembered.encode())
