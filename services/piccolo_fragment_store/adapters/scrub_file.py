"""How far the scrub is, in one small file. Losing it only makes a round begin anew."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.state import write_durably

from piccolo_fragment_store.adapters.disk import told
from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.core.scrubbing import Round

_log = logging.getLogger(__name__)


class ScrubFile:
    """The file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Round | None:
        """The round as it was saved; None when there is none that can be read."""
        try:
            with told(self._path.name):
                found = json.loads(self._path.read_bytes())
            owner, fragment = map(bytes.fromhex, found.pop("at"))
            root = bytes.fromhex(found.pop("root"))
            over = bool(found.pop("over"))
            return Round(at=Key(owner, fragment), root=root, over=over, **{k: int(found[k]) for k in found})
        except PiccoloError as missing:
            if missing.reason == "FILE_MISSING":
                return None
            raise
        except (ValueError, KeyError, TypeError, AttributeError):
            _log.error("how far the scrub was cannot be read; it begins again")
            return None

    def save(self, round_: Round) -> None:
        """Keeps it, durably."""
        told_ = asdict(round_) | {"at": [part.hex() for part in round_.at], "root": round_.root.hex()}
        with told(self._path.name):
            write_durably(self._path, json.dumps(told_).encode())
