"""The index's tables, its statements, and what their rows mean."""

from __future__ import annotations

from typing import Any, Final

from piccolo_fragment_store.core.fragment import Fragment, Incoming, Key, Place, Stamp, State
from piccolo_fragment_store.core.order import Marks, Order

SCHEMA: Final = """
CREATE TABLE wholes (
    owner BLOB NOT NULL, fragment BLOB NOT NULL, state INTEGER NOT NULL, day INTEGER NOT NULL,
    block_size INTEGER NOT NULL, blocks INTEGER NOT NULL, last_block_size INTEGER NOT NULL,
    root BLOB NOT NULL,
    put_generation INTEGER NOT NULL, put_seq INTEGER NOT NULL,
    record_generation INTEGER NOT NULL, record_seq INTEGER NOT NULL,
    file_size INTEGER NOT NULL, record_size INTEGER NOT NULL,
    since INTEGER NOT NULL, damaged INTEGER NOT NULL,
    inode INTEGER NOT NULL, written INTEGER NOT NULL,
    record_inode INTEGER NOT NULL, record_written INTEGER NOT NULL,
    PRIMARY KEY (owner, fragment)
) STRICT, WITHOUT ROWID;
CREATE INDEX aging ON wholes (state, day, owner, fragment) WHERE state <> 3;
CREATE INDEX damaged ON wholes (owner, fragment) WHERE damaged <> 0;
CREATE TABLE incoming (
    owner BLOB NOT NULL, fragment BLOB NOT NULL, block_size INTEGER NOT NULL, blocks INTEGER NOT NULL,
    put_generation INTEGER NOT NULL, put_seq INTEGER NOT NULL,
    file_size INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (owner, fragment)
) STRICT, WITHOUT ROWID;
CREATE TABLE marks (
    owner BLOB NOT NULL, fragment BLOB NOT NULL,
    dead_generation INTEGER NOT NULL, dead_seq INTEGER NOT NULL,
    raised_generation INTEGER NOT NULL, raised_seq INTEGER NOT NULL,
    purged_generation INTEGER NOT NULL, purged_seq INTEGER NOT NULL,
    PRIMARY KEY (owner, fragment)
) STRICT, WITHOUT ROWID;
CREATE TABLE inventories (owner BLOB NOT NULL PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE devices (
    owner BLOB NOT NULL, device BLOB NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (owner, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE standings (
    owner BLOB NOT NULL PRIMARY KEY, standing TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE state (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), clean INTEGER NOT NULL) STRICT;
INSERT INTO state VALUES (1, 0);
"""

CLEAN: Final = "SELECT clean FROM state"
SET_CLEAN: Final = "UPDATE state SET clean = ?"
WHOLE: Final = "SELECT * FROM wholes WHERE owner = ? AND fragment = ?"
INCOMING: Final = "SELECT * FROM incoming WHERE owner = ? AND fragment = ?"
MARKS: Final = "SELECT * FROM marks WHERE owner = ? AND fragment = ?"
PUT_WHOLE: Final = """
INSERT OR REPLACE INTO wholes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
PUT_INCOMING: Final = "INSERT OR REPLACE INTO incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
PUT_MARKS: Final = "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
DROP_WHOLE: Final = "DELETE FROM wholes WHERE owner = ? AND fragment = ?"
DROP_INCOMING: Final = "DELETE FROM incoming WHERE owner = ? AND fragment = ?"
PAGE: Final = """
SELECT fragment FROM wholes WHERE owner = :owner AND fragment > :after
UNION SELECT fragment FROM incoming WHERE owner = :owner AND fragment > :after
ORDER BY fragment LIMIT :count
"""
USAGE: Final = """
SELECT owner, count(*), sum(size), sum(charge) FROM (
    SELECT owner, (blocks - 1) * block_size + last_block_size AS size,
        (file_size + 4095) / 4096 * 4096 + (record_size + 4095) / 4096 * 4096 AS charge FROM wholes
    UNION ALL SELECT owner, blocks * block_size, (file_size + 4095) / 4096 * 4096 FROM incoming
) GROUP BY owner ORDER BY owner
"""
COUNTS: Final = "SELECT state, count(*) FROM wholes GROUP BY state"
DAMAGED: Final = "SELECT count(*) FROM wholes WHERE damaged <> 0"
DAMAGED_OF: Final = """
SELECT fragment FROM wholes WHERE damaged <> 0 AND owner = ? AND state <> ? ORDER BY fragment LIMIT ?
"""
NEXT_WHOLE: Final = """
SELECT * FROM wholes WHERE (owner, fragment) > (?, ?) ORDER BY owner, fragment LIMIT 1
"""
AGING: Final = """
SELECT * FROM wholes
WHERE state = ? AND state <> 3 AND day = ? AND since <= ? AND (owner, fragment) > (?, ?)
ORDER BY owner, fragment LIMIT ?
"""
INCOMING_BEFORE: Final = "SELECT * FROM incoming WHERE since <= ? LIMIT ?"
INVENTORY: Final = "SELECT at FROM inventories WHERE owner = ?"
PUT_INVENTORY: Final = "INSERT OR REPLACE INTO inventories VALUES (?, ?)"
DEVICE: Final = "SELECT since FROM devices WHERE owner = ? AND device = ?"
DEVICES: Final = "SELECT 1 FROM devices WHERE owner = ? LIMIT 1"
PUT_DEVICE: Final = "INSERT OR IGNORE INTO devices VALUES (?, ?, ?)"
PUT_STANDING: Final = """
INSERT INTO standings VALUES (?, ?, ?)
ON CONFLICT (owner) DO UPDATE SET standing = excluded.standing, since = excluded.since
WHERE standing <> excluded.standing
"""
STANDING: Final = "SELECT since FROM standings WHERE owner = ?"
TRASH_CHARGE: Final = """
SELECT coalesce(sum((file_size + 4095) / 4096 * 4096 + (record_size + 4095) / 4096 * 4096), 0)
FROM wholes WHERE owner = ? AND state = ?
"""
FORGET: Final = ("DELETE FROM wholes WHERE owner = ?", "DELETE FROM incoming WHERE owner = ?")


def from_whole(whole: Fragment) -> tuple[Any, ...]:
    """The row of a whole fragment."""
    return (
        *whole.key,
        int(whole.place.state),
        whole.place.day,
        whole.block_size,
        whole.blocks,
        whole.last_block_size,
        whole.root,
        *whole.put,
        *whole.record,
        whole.file_size,
        whole.record_size,
        whole.since,
        int(whole.damaged),
        *whole.stamp,
        *whole.record_stamp,
    )


def to_whole(row: tuple[Any, ...]) -> Fragment:
    """The whole fragment of a row."""
    owner, fragment, state, day, block_size, blocks, last, root, pg, ps, rg, rs, *rest = row
    file_size, record_size, since, damaged, *stamps = rest
    return Fragment(
        key=Key(owner, fragment),
        place=Place(State(state), day),
        block_size=block_size,
        blocks=blocks,
        last_block_size=last,
        root=root,
        put=Order(pg, ps),
        record=Order(rg, rs),
        file_size=file_size,
        record_size=record_size,
        since=since,
        damaged=bool(damaged),
        stamp=Stamp(*stamps[:2]),
        record_stamp=Stamp(*stamps[2:]),
    )


def from_incoming(incoming: Incoming) -> tuple[Any, ...]:
    """The row of a half-written fragment."""
    return (
        *incoming.key,
        incoming.block_size,
        incoming.blocks,
        *incoming.put,
        incoming.file_size,
        incoming.since,
    )


def to_incoming(row: tuple[Any, ...]) -> Incoming:
    """The half-written fragment of a row."""
    owner, fragment, block_size, blocks, generation, seq, file_size, since = row
    return Incoming(Key(owner, fragment), block_size, blocks, Order(generation, seq), file_size, since)


def from_marks(key: Key, marks: Marks) -> tuple[Any, ...]:
    """The row of a fragment's marks."""
    return (*key, *marks.dead, *marks.raised, *marks.purged)


def to_marks(row: tuple[Any, ...]) -> Marks:
    """The marks of a row."""
    _, _, *numbers = row
    return Marks(*(Order(*numbers[at : at + 2]) for at in (0, 2, 4)))
