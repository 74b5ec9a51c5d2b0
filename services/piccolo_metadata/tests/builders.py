"""What tests build: intents whose parts are well formed, and a memory without threads."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path as FilePath
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.manifest import Layout
from piccolo_formats.signed import sign

from piccolo_metadata.adapters.batch import Batch, View
from piccolo_metadata.adapters.changesets import Tables
from piccolo_metadata.adapters.connection import add_views, open_writer
from piccolo_metadata.adapters.schema import migrate
from piccolo_metadata.core.ages import Age
from piccolo_metadata.core.objects import Intent, NewFile, ObjectKind, Published, StoredContent, StoredObject
from piccolo_metadata.engine import publishing
from piccolo_metadata.ports import Rows, Transaction
from piccolo_metadata.testing import ManualClock

P = ParamSpec("P")
T = TypeVar("T")

SIGNER = SigningKey(bytes(range(32)))
KEEPERS = tuple(bytes([number]) * 32 for number in range(1, 10))


def an_id(name: object) -> bytes:
    """16 bytes that stand for a name."""
    return hashlib.sha256(repr(name).encode()).digest()[:16]


def a_layout(
    object_id: bytes, *, k: int = 5, keepers: tuple[bytes | None, ...] = KEEPERS, seq: int = 1
) -> bytes:
    """Signed("layout") of an object."""
    m = len(keepers)
    layout = Layout(
        suite=1,
        owner=b"o" * 32,
        object_id=object_id,
        epoch=1,
        generation=1,
        seq=seq,
        k=k,
        m=m,
        size=1_000,
        stripe_size=65_536,
        fragments=b"".join(an_id((object_id, index)) for index in range(m)),
        roots=b"r" * 32 * m,
        keepers=keepers,
    )
    return sign(layout, SIGNER).to_bytes()


def an_object(
    name: object, *, kind: ObjectKind = ObjectKind.FILE, missing: tuple[int, ...] = ()
) -> StoredObject:
    """A stored object that goes by a name."""
    object_id = an_id(name)
    return StoredObject(object_id, kind, a_layout(object_id), b"layout key", b"", missing)


def a_file(
    path: str,
    version: object,
    *,
    expected: int | None = None,
    size: int = 100,
    upload_id: str = "",
    modified: int = 7,
    order: tuple[int, int] = (1, 1),
) -> NewFile:
    """A file version to be published."""
    content = StoredContent(b"content", b"m" * 32, b"w" * 76, 0, size + 48)
    return NewFile(path, modified, "text/plain", expected, content, upload_id, an_id(version), size, order)


def an_intent(*files: NewFile, name: object = None, kind: ObjectKind = ObjectKind.FILE) -> Intent:
    """An intent for files."""
    return Intent(an_object(name or files, kind=kind), files, b"commit record")


class Bench:
    """Implements ports.Memory on one connection, in one thread: deterministic, and fast enough to explore."""

    def __init__(self, path: FilePath | str = ":memory:", clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.connection = open_writer(path)
        migrate(self.connection)
        add_views(self.connection)
        self.tables = Tables(self.connection)
        self._age = Age(0, self.clock.wall(), self.clock.monotonic())

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close(True)

    @property
    def age(self) -> Age:
        """The memory's age now."""
        self._age = self._age.look(self.clock.wall(), self.clock.monotonic())
        return self._age

    def check_room(self) -> None:
        """There is always room."""

    def now(self, work: Callable[Concatenate[Rows, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Reads."""
        view = View(self.connection, self.age)
        try:
            return work(view, *args, **kwargs)
        finally:
            view.close()

    def do(self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Writes, in a commit of its own."""
        batch = Batch(self.connection, self.tables, self.age)
        batch.commit(iter([lambda write: work(write, *args, **kwargs)]))
        outcome = batch.outcomes[0]
        if outcome.error:
            raise outcome.error
        result: T = outcome.value
        return result

    async def read(self, work: Callable[Concatenate[Rows, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Reads."""
        return self.now(work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Writes."""
        return self.do(work, *args, **kwargs)

    async def changed(self, topic: str, seen: int) -> int:
        """Nothing ever changes while one waits here."""
        await asyncio.Event().wait()
        return seen

    def publish(self, *files: NewFile, kind: ObjectKind = ObjectKind.FILE) -> list[Published]:
        """Prepares and publishes files, all of which must be taken."""
        intent = an_intent(*files, kind=kind)
        assert self.do(publishing.prepare, intent) == []
        return self.do(publishing.publish, intent.object.object_id, ())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return list(self.connection.execute(sql))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end."""
    return asyncio.run(work)


def content_of(connection: apsw.Connection, tables: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of tables, to compare databases by."""
    return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}
