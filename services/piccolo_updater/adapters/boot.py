"""How this boot came by its data: what the initrd wrote."""

from __future__ import annotations

from pathlib import Path

_WITHOUT = ("degraded", "")


class BootFile:
    """Lines like `STATE=degraded` and `REASON=tpm-refused`.

    Where there is no such file, no initrd of ours put anything in the place of the data: in a container.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def missing(self) -> str:
        """As the port says."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        told = dict(line.partition("=")[::2] for line in text.splitlines())
        return told.get("REASON") or "no-reason" if told.get("STATE", "") in _WITHOUT else ""
