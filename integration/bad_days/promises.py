"""What a circle owes an owner: of each path, what a reader may find there.

Rules:
* What was acknowledged is there, and nothing older.
* What was asked for and not acknowledged is there whole, or not at all; it may still come to be later.
* What was once seen is not followed by anything older.
* An owner who has come back by the words may find again what was removed since the last backup, never less.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from blake3 import blake3

Content: TypeAlias = bytes | None
"""The digest of a file's bytes; None: there is no such file."""
NOTHING: Final[Content] = None


class BrokenPromiseError(AssertionError):
    """Something acknowledged is missing, older, or not what was put."""


def content_of(data: bytes) -> Content:
    """What stands for a file's bytes."""
    return blake3(data).digest()


@dataclass(slots=True)
class Promises:
    """Of each path, what may be found there, from the oldest to the newest."""

    _may: dict[str, list[Content]] = field(default_factory=dict)
    _unsaved: dict[str, Content] = field(default_factory=dict)

    def asked(self, path: str, content: Content) -> None:
        """A change was asked for: it may have its effect from now on."""
        self._may.setdefault(path, [NOTHING]).append(content)

    def acknowledged(self, path: str, content: Content) -> None:
        """The change that was asked for last was acknowledged."""
        before = self._may[path][0]
        if content is NOTHING and before is not NOTHING:
            self._unsaved[path] = before
        else:
            self._unsaved.pop(path, None)
        self._may[path] = [content]

    def saved(self) -> None:
        """The cloud has acknowledged everything that was committed."""
        self._unsaved.clear()

    def burned(self) -> None:
        """The device is lost, with what of it was in no backup: what was removed may be found again."""
        for path, before in self._unsaved.items():
            self._may[path] = [before, *self._may[path]]

    def seen(self, path: str, content: Content) -> None:
        """A reader found this. Raises BrokenPromiseError when that may not be."""
        may = self._may.get(path, [NOTHING])
        if content not in may:
            raise BrokenPromiseError(
                f"{path}: {_told(content)}, where {' or '.join(map(_told, may))} is owed"
            )
        self._may[path] = may[may.index(content) :]

    def paths(self) -> list[str]:
        """Every path that anything was ever asked for."""
        return list(self._may)

    def there(self) -> list[str]:
        """The paths where a file is owed."""
        return [path for path, may in self._may.items() if NOTHING not in may]


def _told(content: Content) -> str:
    return "nothing" if content is None else f"content {content[:4].hex()}"
