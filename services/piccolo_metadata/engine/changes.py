"""That something has changed, for whoever shows it.

Rules:
* A mark is higher after a change of its topic, over restarts too; what else draws revisions lifts it as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from piccolo_metadata.engine import audit
from piccolo_metadata.ports import Memory, Rows


def mark(rows: Rows, topic: str) -> int:
    """A topic's present mark."""
    sql = "SELECT revision FROM progress"
    if topic == audit.TOPIC:
        sql = "SELECT coalesce(max(number), 0) FROM audit"
    (found,) = rows.one(sql) or (0,)
    return int(found)


async def watch(memory: Memory, topic: str) -> AsyncIterator[int]:
    """The mark now, and after each change. Who is slow sees fewer, and always the last."""
    seen = -1
    while True:
        seen = await memory.changed(topic, seen)
        yield await memory.read(mark, topic)
