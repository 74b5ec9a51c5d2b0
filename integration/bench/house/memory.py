"""The bare house's memory: SQLite set as ours (WAL, synchronous=FULL), a commit for each Prepare and Publish.

python -m integration.bench.house.memory FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import apsw
import grpc
from piccolo_chassis import memory as allocator

from integration.bench.bare_process import serve
from integration.bench.house import shape

SERVICE: Final = "bench.Memory"
DATABASE: Final = "memory.db"
_TABLES: Final = """
    CREATE TABLE intent (name TEXT PRIMARY KEY, intent BLOB) STRICT, WITHOUT ROWID;
    CREATE TABLE file (name TEXT PRIMARY KEY, manifest BLOB) STRICT, WITHOUT ROWID;
"""


class Memory:
    """Remembers files. A thread of its own waits for the disk."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._db = apsw.Connection(str(path))
        self._db.pragma("journal_mode", "wal")
        self._db.pragma("synchronous", "full")
        self._db.execute(_TABLES)

    async def prepare(self, request: bytes, context: Any) -> bytes:
        """Remembers that a file is on its way, durably."""
        await self._run(self._prepare, shape.name_of(context), request)
        return b""

    async def publish(self, request: bytes, context: Any) -> bytes:
        """Gives it its name, durably."""
        del request
        await self._run(self._publish, shape.name_of(context))
        return b""

    async def lookup(self, request: bytes, context: Any) -> bytes:
        """Finds a file."""
        del request
        found = self._db.execute("SELECT manifest FROM file WHERE name = ?", (shape.name_of(context),))
        return bytes(next(found)[0])

    async def _run(self, work: Any, *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _prepare(self, name: str, intent: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO intent VALUES (?, ?)", (name, intent))

    def _publish(self, name: str) -> None:
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO file SELECT name, substr(intent, 1, ?) FROM intent WHERE name = ?",
                (shape.MANIFEST_BYTES, name),
            )
            self._db.execute("DELETE FROM intent WHERE name = ?", (name,))


async def run(folder: Path) -> None:
    """Serves until SIGTERM."""
    memory = Memory(folder / DATABASE)
    methods: dict[str, Any] = {
        "Prepare": grpc.unary_unary_rpc_method_handler(memory.prepare),
        "Publish": grpc.unary_unary_rpc_method_handler(memory.publish),
        "Lookup": grpc.unary_unary_rpc_method_handler(memory.lookup),
    }
    await serve(shape.server(SERVICE, methods, shape.read_shape(folder).memory), folder, "")


if __name__ == "__main__":
    allocator.tune()
    asyncio.run(run(Path(sys.argv[1])))
