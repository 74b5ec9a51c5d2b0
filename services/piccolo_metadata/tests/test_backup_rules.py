"""The backup's rules, without a database or a cloud."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_body import open_body, open_body_key
from piccolo_formats.backup_entry import split_entry
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.core.backup_points import Point, chain_to, check_schema, newest_before, restorable
from piccolo_metadata.core.backup_records import Pending, Position, fresh_position
from piccolo_metadata.core.backup_rules import acknowledged, continues, pause, snapshot_due
from piccolo_metadata.ports import OutboxEntry
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner

POSITION = replace(
    fresh_position(b"l" * 32, 1),
    seq=7,
    hash=b"h" * 32,
    base=5,
    schema=1,
    outbox=20,
    snapshot_bytes=1000,
    change_bytes=100,
    bytes=5000,
)
PENDING = Pending(
    locator=b"l" * 32,
    generation=1,
    seq=8,
    kind=EntryKind.CHANGESET,
    hash=b"n" * 32,
    time=99,
    base=5,
    schema=1,
    outbox=25,
    size=300,
)


def changes(*numbers: int, schema: int = 1) -> list[OutboxEntry]:
    return [OutboxEntry(number, schema, bytes(32), b"changes", 0) for number in numbers]


@dataclass
class Huge:
    """A changeset that no record holds."""

    number: int
    schema: int

    @property
    def changeset(self) -> bytes:
        class Long(bytes):
            def __len__(self) -> int:
                return 1 << 28

        return Long()


class TestSnapshotDue:
    def test_at_first_and_after_a_migration(self) -> None:
        assert snapshot_due(fresh_position(b"l" * 32, 1), 1)
        assert not snapshot_due(POSITION, 1)
        assert snapshot_due(POSITION, 2)

    @given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
    def test_when_changes_outweigh_half_of_it(self, snapshot: int, weight: int) -> None:
        position = replace(POSITION, snapshot_bytes=snapshot, change_bytes=weight)
        assert snapshot_due(position, 1) == (weight > snapshot / 2)


class TestContinues:
    def test_without_gaps_or_other_schemas(self) -> None:
        assert continues(POSITION, [])
        assert continues(POSITION, changes(21, 22, 23))
        assert not continues(POSITION, changes(22, 23))
        assert not continues(POSITION, changes(20, 21))
        assert not continues(POSITION, changes(21, 23))
        assert not continues(POSITION, [*changes(21), *changes(22, schema=2)])

    def test_a_transaction_too_large_for_a_record(self) -> None:
        assert not continues(POSITION, [Huge(21, 1)])


class TestAcknowledged:
    def test_a_changeset(self) -> None:
        moved = acknowledged(POSITION, PENDING)
        assert moved == replace(
            POSITION, seq=8, hash=b"n" * 32, time=99, outbox=25, change_bytes=400, bytes=5300
        )

    def test_a_snapshot(self) -> None:
        moved = acknowledged(POSITION, replace(PENDING, kind=EntryKind.SNAPSHOT, base=8, schema=2))
        assert (moved.base, moved.schema, moved.outbox) == (8, 2, 25)
        assert (moved.snapshot_bytes, moved.change_bytes, moved.bytes) == (300, 0, 5300)

    def test_after_a_claim_a_snapshot_comes(self) -> None:
        claim = replace(PENDING, kind=EntryKind.CLAIM, generation=2, outbox=20)
        moved = acknowledged(POSITION, claim)
        assert (moved.generation, moved.claim, moved.outbox) == (2, 8, 20)
        assert snapshot_due(moved, 1)

    def test_records_survive_the_database(self) -> None:
        for record in (POSITION, PENDING, fresh_position(b"l" * 32, 3)):
            assert type(record).from_record(record.to_record()) == record
        assert Position.from_record(POSITION.to_record()) != fresh_position(b"l" * 32, 1)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_to_five_minutes(failures: int, dice: float) -> None:
    seconds = pause(failures, dice)
    assert 0.5 <= seconds <= 300
    assert pause(failures + 1, dice) >= seconds
    if failures >= 10:
        assert seconds >= 150


def a_point(seq: int, kind: EntryKind, base: int, schema: int = 1) -> Point:
    return Point(seq, kind, 1, base, schema, 1000 + seq, bytes(32), bytes(80), 10)


LOG = [
    a_point(1, EntryKind.SNAPSHOT, 1),
    a_point(2, EntryKind.CHANGESET, 1),
    a_point(3, EntryKind.CLAIM, 1),
    a_point(4, EntryKind.SNAPSHOT, 4),
    a_point(5, EntryKind.CHANGESET, 4),
    a_point(6, EntryKind.CHANGESET, 4, schema=9),
]


class TestPoints:
    def test_what_can_be_restored(self) -> None:
        assert [point.seq for point in restorable(LOG)] == [1, 2, 4, 5, 6]

    def test_chains(self) -> None:
        for target, expected in ((1, [1]), (2, [1, 2]), (4, [4]), (6, [4, 5, 6])):
            assert [point.seq for point in chain_to(LOG, LOG[target - 1])] == expected

    def test_newest_before(self) -> None:
        for seq, expected in ((6, 5), (4, 2), (2, 1)):
            found = newest_before(LOG, seq)
            assert found is not None
            assert found.seq == expected
        assert newest_before(LOG, 1) is None

    def test_schema(self) -> None:
        check_schema(LOG[:5], 1)
        with pytest.raises(PiccoloError) as told:
            check_schema(LOG, 1)
        assert (told.value.kind, told.value.reason) == (Kind.PRECONDITION, "SCHEMA_NEWER")
        assert told.value.details == {"found": "9", "known": "1"}


class TestEntry:
    @given(st.binary(max_size=5000))
    def test_only_the_words_open_it(self, plain: bytes) -> None:
        owner = Owner()
        author = Author(owner)
        data, header_hash = author.entry(None, 1, plain=plain)
        header, body = split_entry([data])
        cloud = FakeCloud(owner.locator, {1: data})
        entry = cloud.header(1)
        assert entry.record_hash() == header_hash
        assert entry.signed.to_bytes() == header
        key = open_body_key(entry.header, owner.kek.backup())
        assert b"".join(open_body(entry.header, key, body)) == plain

    def test_two_entries_share_no_key(self) -> None:
        owner = Owner()
        author = Author(owner)
        keys = set()
        for _ in range(3):
            data, _ = author.entry(None, 1)
            keys.add(
                open_body_key(
                    FakeCloud(owner.locator, {1: data}).header(1).header, owner.kek.backup()
                ).reveal()
            )
        assert len(keys) == 3
        assert os.urandom(32) not in keys
