"""The circle as it was last heard of, in one file."""

from __future__ import annotations

import logging
from pathlib import Path

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_chassis.state import write_durably
from piccolo_formats.digests import DIGEST_SIZE, digest

from piccolo_fragment_store.adapters.circle_wire import read_circle
from piccolo_fragment_store.adapters.disk import told
from piccolo_fragment_store.core.circle import Circle

_log = logging.getLogger(__name__)


class CircleFile:
    """A file with the circle's bytes and, because who is let in hangs on them, their digest."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Circle | None:
        """The circle; None when it was never heard of, or cannot be read: then attestation tells it anew."""
        try:
            with told(self._path.name):
                data = self._path.read_bytes()
            check, circle = data[:DIGEST_SIZE], data[DIGEST_SIZE:]
            if check != digest("circle-file", circle):
                _log.error("the circle that was kept is damaged; attestation has to tell it anew")
                return None
            return read_circle(circle)
        except PiccoloError as unreadable:
            if unreadable.reason != "FILE_MISSING":
                told_ = fields(reason=unreadable.reason)
                _log.warning("the circle that was kept cannot be read", extra=told_)
            return None

    def save(self, circle: bytes) -> None:
        """Keeps it, as the wire carries it."""
        with told(self._path.name):
            write_durably(self._path, digest("circle-file", circle) + circle)
