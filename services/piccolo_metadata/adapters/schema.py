"""The tables, and the steps from one schema version to the next.

Rules:
* `user_version` counts the steps that a database has been through. A step is one transaction; a released
  step never changes. A database of a newer release is refused and left untouched.
* Every table is STRICT with a NOT NULL primary key: sessions skip tables without one and rows with NULL in
  it. No trigger and no foreign key action changes a recorded table: applying a changeset would do it twice.
* What is in no backup is named in `UNRECORDED`; everything else is recorded.
* The search index is derived: it is emptied in snapshots and rebuilt from the names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw
from piccolo_chassis.errors import Kind, PiccoloError

APPLICATION_ID: Final = 0x5049434D  # "PICM": file(1) and a stranger's tools can tell what it is

UNRECORDED: Final = frozenset(
    {"outbox", "local", "upload", "upload_leaves", "intent", "published", "operation", "search"}
)

_NAMES = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY NOT NULL,
    parent INTEGER NOT NULL REFERENCES entry (id),
    name TEXT NOT NULL,
    kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
    revision INTEGER NOT NULL,
    version_id BLOB,                    -- the current version's; NULL for directories
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    media TEXT NOT NULL,
    versions INTEGER NOT NULL,
    deep INTEGER NOT NULL,              -- directories: no path below is longer than this beyond its own
    UNIQUE (parent, name)
) STRICT;
CREATE INDEX entry_history ON entry (id) WHERE versions > 1;

CREATE TABLE version (
    entry INTEGER NOT NULL REFERENCES entry (id),
    number INTEGER NOT NULL,            -- the highest is the current one
    version_id BLOB NOT NULL REFERENCES content (version_id),
    stored INTEGER NOT NULL,
    replaced INTEGER,                   -- the memory's age then; NULL for the current one
    PRIMARY KEY (entry, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_content ON version (version_id);

CREATE TABLE trash (
    id INTEGER PRIMARY KEY NOT NULL,
    entry INTEGER NOT NULL REFERENCES entry (id),
    path TEXT NOT NULL,                 -- where it was
    removed INTEGER NOT NULL,
    aged INTEGER NOT NULL,              -- the memory's age then
    files INTEGER NOT NULL,
    doomed INTEGER NOT NULL             -- 1: being taken apart, no longer to be restored
) STRICT;
CREATE INDEX trash_entry ON trash (entry);

CREATE VIRTUAL TABLE search USING fts5 (
    name, content = '', contentless_delete = 1, detail = 'none', tokenize = 'trigram case_sensitive 1'
);
"""

_OBJECTS = """
CREATE TABLE object (
    object_id BLOB PRIMARY KEY NOT NULL,
    kind INTEGER NOT NULL,
    layout BLOB NOT NULL,
    sealed_layout_key BLOB NOT NULL,
    wrapped_pack_key BLOB NOT NULL,
    missing BLOB NOT NULL,              -- one byte an index
    reclaimable INTEGER NOT NULL        -- 1: no kept version lies in it, and none will again
) STRICT;
CREATE INDEX object_reclaimable ON object (object_id) WHERE reclaimable = 1;

CREATE TABLE content (
    version_id BLOB PRIMARY KEY NOT NULL,
    object_id BLOB NOT NULL REFERENCES object (object_id),
    content BLOB NOT NULL,
    mac BLOB NOT NULL,
    wrapped_key BLOB NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    media TEXT NOT NULL,
    generation INTEGER NOT NULL,        -- with seq: the version's own order
    seq INTEGER NOT NULL
) STRICT;
CREATE INDEX content_object ON content (object_id);

CREATE TABLE repair (
    object_id BLOB PRIMARY KEY NOT NULL REFERENCES object (object_id),
    margin INTEGER NOT NULL,
    cause TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    tries INTEGER NOT NULL
) STRICT;
CREATE INDEX repair_urgency ON repair (margin, not_before, object_id);

CREATE TABLE tombstone (
    id INTEGER PRIMARY KEY NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE TABLE tombstone_keeper (
    keeper BLOB NOT NULL,
    tombstone INTEGER NOT NULL REFERENCES tombstone (id),
    PRIMARY KEY (keeper, tombstone)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_keepers ON tombstone_keeper (tombstone);
"""

_MEMORY = """
CREATE TABLE progress (                 -- one row
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    revision INTEGER NOT NULL,          -- the last one given
    age INTEGER NOT NULL,               -- seconds of running, as of the last write
    mutation INTEGER NOT NULL,          -- the last number given
    generation INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (namespace, key)
) STRICT;

CREATE TABLE audit (
    number INTEGER PRIMARY KEY NOT NULL,
    time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT raise(ABORT, 'the audit log is only ever added to'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT raise(ABORT, 'the audit log is only ever added to'); END;
"""

_LOCAL = """
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    schema INTEGER NOT NULL,
    digest BLOB NOT NULL,
    changeset BLOB NOT NULL,
    time INTEGER NOT NULL
) STRICT;

CREATE TABLE local (
    key TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (
    upload_id TEXT PRIMARY KEY NOT NULL,
    path TEXT NOT NULL,
    modified INTEGER NOT NULL,
    media TEXT NOT NULL,
    expected_revision INTEGER,
    vault_state BLOB NOT NULL,
    blocks INTEGER NOT NULL,
    size INTEGER,
    at_risk INTEGER NOT NULL,
    durable_segments INTEGER NOT NULL,
    touched INTEGER NOT NULL
) STRICT;
CREATE TABLE upload_leaves (            -- one row a checkpoint
    upload_id TEXT NOT NULL REFERENCES upload (upload_id),
    first INTEGER NOT NULL,
    leaves BLOB NOT NULL,
    PRIMARY KEY (upload_id, first)
) STRICT;

CREATE TABLE intent (
    number INTEGER PRIMARY KEY NOT NULL,
    object_id BLOB UNIQUE NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE published (                -- what Publish answered, for whoever asks again
    object_id BLOB PRIMARY KEY NOT NULL,
    time INTEGER NOT NULL,
    answer BLOB NOT NULL
) STRICT;
CREATE INDEX published_time ON published (time);

CREATE TABLE operation (
    operation_id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    unit TEXT NOT NULL,
    state INTEGER NOT NULL,
    phase TEXT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    result TEXT NOT NULL,
    error_reason TEXT NOT NULL,
    error_message TEXT NOT NULL,
    started INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    number INTEGER UNIQUE NOT NULL      -- the order of their beginning
) STRICT;
CREATE INDEX operation_changes ON operation (revision);
"""

# the root, the trash and where copies are built: directories that are their own parent and have no name
_FIRST_ROWS = """
INSERT INTO entry (id, parent, name, kind, revision, size, modified, media, versions, deep) VALUES
    (1, 1, '', 2, 0, 0, 0, '', 0, 0),
    (2, 2, '', 2, 0, 0, 0, '', 0, 0),
    (3, 3, '', 2, 0, 0, 0, '', 0, 0);
INSERT INTO progress (id, revision, age, mutation, generation) VALUES (1, 0, 0, 0, 1);
"""

_EXPOSED = """
CREATE TABLE exposed (                  -- objects whose keys were wrapped for words that strangers may know
    object_id BLOB PRIMARY KEY NOT NULL REFERENCES object (object_id)
) STRICT;
"""

_PROPERTIES = """
CREATE TABLE property (                 -- what clients noted about entries
    entry INTEGER NOT NULL REFERENCES entry (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (entry, name)
) STRICT, WITHOUT ROWID;
"""

STEPS: Final[tuple[str, ...]] = (
    _NAMES + _OBJECTS + _MEMORY + _LOCAL + _FIRST_ROWS,
    _EXPOSED,
    _PROPERTIES,
)
AHEAD: Final = 0
"""How many of the last steps this release knows and does not take: a later one will (docs/adr/0043)."""
KNOWN: Final = len(STEPS)
SCHEMA_VERSION: Final = KNOWN - AHEAD
FORMAT: Final = SCHEMA_VERSION - 2
"""The state folder's. Its first one held databases up to the third schema; each schema since is another."""
NEWEST_FORMAT: Final = KNOWN - 2


def version_of(connection: apsw.Connection) -> int:
    """The database's schema version; 0 for an empty one."""
    return int(connection.pragma("user_version"))


def migrate(connection: apsw.Connection, steps: Sequence[str] = STEPS, ahead: int = AHEAD) -> bool:
    """Brings the database to the version that `steps` lead to; returns whether anything had to be done.

    The last `ahead` steps are not taken; where they were taken already, the database is left as it is.

    Raises PiccoloError PRECONDITION, SCHEMA_NEWER.
    """
    found, written = version_of(connection), len(steps) - ahead
    check_not_newer(found, len(steps))
    for number in range(found, written):
        with connection:
            connection.execute(steps[number])
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", number + 1)
    return found < written


def check_not_newer(found: int, known: int = KNOWN) -> None:
    """Raises PiccoloError PRECONDITION, SCHEMA_NEWER for a version that this release does not know."""
    if found > known:
        raise PiccoloError(
            Kind.PRECONDITION,
            "SCHEMA_NEWER",
            f"The database was written by a newer release (schema {found}, this release knows {known}); "
            "start the newer release again. Nothing was changed.",
            {"found": str(found), "known": str(known)},
        )


def recorded_tables(connection: apsw.Connection) -> tuple[str, ...]:
    """The tables that sessions record and snapshots hold."""
    names = connection.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'")
    plain = {str(name) for name, kind in names if kind == "table" and not str(name).startswith("sqlite_")}
    return tuple(sorted(plain - UNRECORDED))


def definition(connection: apsw.Connection) -> list[tuple[str, str, str]]:
    """All that the schema says, to compare databases by."""
    rows = connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM main.sqlite_schema"
        " WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1, 2"  # the planner's statistics come and go
    )
    return [(str(kind), str(name), str(sql)) for kind, name, sql in rows]
