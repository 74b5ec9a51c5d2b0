"""Server-sent events (WHATWG HTML, section 9.2) and their ids.

Rules:
* An id is `<instance>-<revision>`: how far the operations were told, and by which state of which device.
  After a device was wiped or replaced, an old id means nothing and the events begin anew.
* The circle and the backup are told as they are now: who comes back sees the present, not the way there.
* Who may only watch sees that something goes on, not what of: no path that an operation is about or has
  found, and neither the circle nor the backup. Of a recovery he sees all: its owner has no more yet.
* Of all else a tag is told: where it is another than before, what it stands for may have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from piccolo_gateway.core.bodies.memory import Operation

RETRY: Final = b"retry: 2000\n\n"
BEAT: Final = b": alive\n\n"
MEDIA: Final = "text/event-stream"
_RECOVERY: Final = "recover"


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed. `data` is one line of JSON."""

    topic: str
    data: bytes

    def encode(self, event_id: str) -> bytes:
        """The event as it travels."""
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (event_id.encode(), self.topic.encode(), self.data)


def make_id(instance: str, revision: int) -> str:
    """The id of an event after which all operations up to a revision were told."""
    return f"{instance}-{revision}"


def read_id(instance: str, text: str) -> int:
    """The revision to go on after; 0 (all) for an id that is not ours."""
    known, _, number = text.rpartition("-")
    if known != instance or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return 0
    return int(number)


def told(operation: Operation, *, reads: bool) -> Operation:
    """An operation as who may read, or only watch, sees it."""
    if reads or operation.kind == _RECOVERY:
        return operation
    return msgspec.structs.replace(operation, subject="", result="", error_message="")
