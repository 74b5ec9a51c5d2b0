"""Every record comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from piccolo_formats import cbor
from piccolo_formats.errors import FormatError
from piccolo_formats.records.codec import Record, _map_of, record_hash
from piccolo_formats.records.commit import ObjectKind
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.keeping import Tombstone
from piccolo_formats.records.roster import MemberState
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.strategies import instances, record_types
from piccolo_formats.tests.test_cbor import VALUES
from piccolo_formats.tests.vectors import objects, people

TYPES = record_types()
every_type = pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.TYPE)
calm = settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)


def test_every_record_of_the_page_is_there() -> None:
    assert {cls.TYPE for cls in TYPES} == {
        "acceptance", "changeset", "claim", "commit", "content", "delegation", "device", "entry", "fragment",
        "head", "invitation", "kek", "layout", "notice", "presence", "promise", "receipt", "roster",
        "successor", "summary", "tombstone", "trailer", "undelete",
    }  # fmt: skip


@every_type
def test_records_are_frozen_and_slotted(cls: type[Any]) -> None:
    assert is_dataclass(cls)
    assert "__dict__" not in dir(cls)
    assert cls.__dict__["__dataclass_params__"].frozen


@every_type
@calm
@given(data=st.data())
def test_a_record_comes_back(cls: type[Record], data: st.DataObject) -> None:
    record = data.draw(instances(cls))
    written = record.to_record()
    assert cls.from_record(written) == record
    assert record.record_hash() == record_hash(written)


@every_type
@calm
@given(data=st.data())
def test_a_changed_value_is_refused_or_is_another_record(cls: type[Record], data: st.DataObject) -> None:
    record = data.draw(instances(cls))
    value = record.to_value()
    name = data.draw(st.sampled_from(sorted(value)))
    value[name] = data.draw(VALUES)
    try:
        read = cls.from_value(value)
    except FormatError:
        return
    assert read.to_value() == value
    assert name not in ("type", "v") or read == record


@every_type
@calm
@given(data=st.data())
def test_keys_are_neither_missing_nor_unknown(cls: type[Record], data: st.DataObject) -> None:
    record = data.draw(instances(cls))
    value = record.to_value()
    marks = {entry.key for entry in _map_of(cls).entries if entry.may_be_missing}
    for name in value.keys() - marks:
        with pytest.raises(FormatError):
            cls.from_value({key: item for key, item in value.items() if key != name})
    for name in value.keys() & marks:
        unmarked = cls.from_value({key: item for key, item in value.items() if key != name})
        assert unmarked == replace(record, **{name: False})
    with pytest.raises(FormatError, match="unknown keys: 'more'"):
        cls.from_value({**value, "more": 1})


@every_type
@calm
@given(data=st.data())
def test_another_version_asks_for_an_update(cls: type[Record], data: st.DataObject) -> None:
    value = data.draw(instances(cls)).to_value()
    with pytest.raises(FormatError, match="Update this device") as caught:
        cls.from_value({**value, "v": 2})
    assert caught.value.reason == "record-version"
    with pytest.raises(FormatError):
        cls.from_value({**value, "v": True})


@every_type
def test_no_type_is_read_as_another(cls: type[Record]) -> None:
    for vector in published()["statements"]:
        if vector["type"] != cls.TYPE:
            with pytest.raises(FormatError, match=f"not a {cls.TYPE} record"):
                cls.from_record(hexed(vector["record"]))


@every_type
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(cls: type[Record], data: bytes) -> None:
    with pytest.raises(FormatError):
        cls.from_record(data)


@every_type
@given(value=VALUES)
def test_arbitrary_values_are_refused(cls: type[Record], value: cbor.Value) -> None:
    with pytest.raises(FormatError):
        cls.from_value(value)


@every_type
@calm
@given(data=st.data())
def test_wrong_python_types_are_not_written(cls: type[Any], data: st.DataObject) -> None:
    record = data.draw(instances(cls))
    for field in fields(cls):
        with pytest.raises(FormatError):
            replace(record, **{field.name: object()}).to_record()


ROSTER = people.roster().record
LAYOUT = objects.Stored("x", objects.LONE.key, bytes(16), b"abc", 3, 1, 2).layout.record
SUMMARY = objects.summary_of(
    objects.Stored("x", objects.LONE.key, bytes(16), b"abc", 3, 1, 2),
    ObjectKind.FILE,
    (objects.LONE.entry(),),
)
TOMBSTONE = Tombstone(
    owner=bytes(32), generation=1, seq=1, purge=False, fragments=(b"a" * 16, b"b" * 16), time=0
)
MEMBER = ROSTER.members[0]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ROSTER, members=()),
        replace(ROSTER, members=(replace(MEMBER, admin=None),)),
        replace(ROSTER, members=ROSTER.members[::-1]),
        replace(ROSTER, members=(MEMBER, replace(MEMBER, number=1))),
        replace(ROSTER, members=(MEMBER, replace(ROSTER.members[1], root=MEMBER.root))),
        replace(ROSTER, members=(MEMBER, replace(ROSTER.members[1], admin=MEMBER.admin))),
        replace(ROSTER, previous=None),
        replace(ROSTER, epoch=1),
        replace(LAYOUT, k=3),
        replace(LAYOUT, k=0),
        replace(LAYOUT, m=3),
        replace(LAYOUT, fragments=LAYOUT.fragments[:16] * 2),
        replace(LAYOUT, roots=LAYOUT.roots[:32]),
        replace(LAYOUT, keepers=LAYOUT.keepers[:1]),
        replace(LAYOUT, size=0),
        replace(LAYOUT, stripe_size=0),
        replace(SUMMARY, files=()),
        replace(SUMMARY, files=SUMMARY.files * 2),
        replace(SUMMARY, pack_key=bytes(76)),
        replace(SUMMARY, kind=ObjectKind.PACK),
        replace(SUMMARY, files=(replace(SUMMARY.files[0], offset=1),)),
        replace(TOMBSTONE, fragments=()),
        replace(TOMBSTONE, fragments=TOMBSTONE.fragments[::-1]),
        replace(TOMBSTONE, fragments=TOMBSTONE.fragments[:1] * 2),
        replace(objects.LONE.content, segments=3),
        replace(objects.LONE.content, segment_size=0),
    ],
)
def test_contradictions_are_neither_written_nor_read(wrong: Record) -> None:
    with pytest.raises(FormatError):
        wrong.to_record()


def test_contradictions_are_not_read_either() -> None:
    value = TOMBSTONE.to_value()
    assert isinstance(value["fragments"], list)
    value["fragments"] = value["fragments"][::-1]
    with pytest.raises(FormatError, match="not sorted"):
        type(TOMBSTONE).from_value(value)


def test_a_lone_file_is_not_cut_like_a_packed_one() -> None:
    """8,193 bytes in segments of 256 are 34 with padding, and 33 without."""
    lone = replace(objects.LONE.content, size=8_193, segments=34)
    assert lone.plan(packed=False).count == 34
    for wrong, packed in (
        (lone, True),
        (replace(lone, segments=33), False),
        (replace(lone, segments=33), True),
    ):
        assert wrong.to_record()
        with pytest.raises(FormatError):
            wrong.plan(packed=packed)  # a file in a pack is one segment
    with pytest.raises(FormatError):
        replace(lone, segments=35).to_record()


def test_errors_say_where_and_what() -> None:
    value: Any = ROSTER.to_value()
    value["members"][1]["owner"] = b"short"
    with pytest.raises(FormatError, match=r"roster\.members\[1\]\.owner has 5 bytes, not 32"):
        type(ROSTER).from_value(value)
    value["members"][1]["owner"] = bytes(32)
    value["members"][1]["state"] = "asleep"
    with pytest.raises(FormatError, match=r"state is not one of active, leaving, expelled, compromised"):
        type(ROSTER).from_value(value)


def test_a_choice_is_written_by_its_member_only() -> None:
    assert MEMBER.state is MemberState.ACTIVE
    with pytest.raises(FormatError):
        replace(ROSTER, members=(replace(MEMBER, state="active"),)).to_record()  # type: ignore[arg-type]


def test_a_mark_is_written_when_it_is_true_and_never_otherwise() -> None:
    (plain,) = [each for each in published()["statements"] if _is_successor(each, exposed=False)]
    (marked,) = [each for each in published()["statements"] if _is_successor(each, exposed=True)]
    before = Successor.from_record(hexed(plain["record"]))
    assert not before.exposed
    assert before.to_record() == hexed(plain["record"])
    assert Successor.from_record(hexed(marked["record"])) == replace(before, exposed=True)
    value: Any = before.to_value()
    for wrong in (False, 1, None, "true"):
        with pytest.raises(FormatError, match=r"successor\.exposed is there and not true"):
            Successor.from_value({**value, "exposed": wrong})


def _is_successor(vector: dict[str, Any], *, exposed: bool) -> bool:
    return bool(vector["type"] == "successor" and vector["fields"].get("exposed", False) is exposed)


def test_a_roster_knows_its_members_and_admins() -> None:
    assert ROSTER.admins() == {people.ADA.kek.admin().public}
    assert ROSTER.member(people.BEN.id) == ROSTER.members[1]
    assert ROSTER.member(bytes(32)) is None


def test_a_layout_gives_ids_and_roots_by_index() -> None:
    assert LAYOUT.fragment_id(0) + LAYOUT.fragment_id(1) == LAYOUT.fragments
    assert LAYOUT.root(0) + LAYOUT.root(1) == LAYOUT.roots
    for index in (-1, 2):
        with pytest.raises(FormatError):
            LAYOUT.fragment_id(index)
        with pytest.raises(FormatError):
            LAYOUT.root(index)
