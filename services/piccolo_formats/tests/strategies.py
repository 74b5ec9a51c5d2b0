"""Hypothesis strategies for every record, made from the declarations themselves."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from piccolo_formats import passphrase, records
from piccolo_formats.records import shapes
from piccolo_formats.records.backup import Changeset, EntryHeader, EntryKind
from piccolo_formats.records.codec import Part, Record, _Map, _map_of, _Row
from piccolo_formats.records.commit import ObjectKind, Summary, SummaryFile
from piccolo_formats.records.fragment import FragmentTrailer
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.keeping import Tombstone, Undelete
from piccolo_formats.records.manifest import Content, Layout
from piccolo_formats.records.roster import Roster
from piccolo_formats.segments import SegmentPlan

IDS = st.binary(min_size=16, max_size=16)
HASHES = st.binary(min_size=32, max_size=32)


def record_types() -> list[type[Record]]:
    """Every record of the package."""
    names = [each.name for each in pkgutil.iter_modules(records.__path__)]
    modules = [importlib.import_module(f"{records.__name__}.{name}") for name in names]
    found = {
        value
        for module in (*modules, passphrase)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Record) and value is not Record
    }
    return sorted(found, key=lambda each: each.TYPE)


def instances(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Valid values of a record type."""
    plain = _plain(cls)
    repair = _REPAIRS.get(cls)
    return plain if repair is None else repair(plain)


def _plain(cls: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{entry.name: _values(entry.shape) for entry in _map_of(cls).entries})


def _values(shape: Any) -> st.SearchStrategy[Any]:
    match shape:
        case shapes.Integer(most, least):
            return st.integers(least, most)
        case shapes.Bytes(least, most):
            return st.binary(min_size=least, max_size=min(most, least + 64))
        case shapes.Text(most):
            text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
            return text.filter(lambda value: len(value.encode()) <= most)
        case shapes.Flag() | shapes.Mark():
            return st.booleans()
        case shapes.Choice(words):
            return st.sampled_from(words)
        case shapes.Optional(inner):
            return st.none() | _values(inner)
        case shapes.Many(inner, most):
            return st.lists(_values(inner), max_size=min(most, 4)).map(tuple)
        case _Map(cls, _):
            return instances(cls)
        case _Row(inner):
            return instances(inner.cls)
    raise TypeError(shape)


def _content(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def fit(content: Content, size: int, segment_size: int, padded: bool) -> Content:
        count = SegmentPlan(size, segment_size, padded=padded).count
        return replace(content, size=size, segment_size=segment_size, segments=count)

    return st.builds(fit, plain, st.integers(0, 2**40), st.integers(1, 2**32 - 100), st.booleans())


def _layout(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    @st.composite
    def fit(draw: st.DrawFn) -> Layout:
        m = draw(st.integers(1, 20))
        layout: Layout = draw(plain)
        return replace(
            layout,
            k=draw(st.integers(1, m)),
            m=m,
            size=draw(st.integers(1, 2**50)),
            stripe_size=draw(st.integers(1, 2**32 - 1)),
            fragments=b"".join(draw(st.lists(IDS, min_size=m, max_size=m, unique=True))),
            roots=draw(st.binary(min_size=32 * m, max_size=32 * m)),
            keepers=tuple(draw(st.lists(st.none() | HASHES, min_size=m, max_size=m))),
        )

    return fit()


def _roster(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    @st.composite
    def fit(draw: st.DrawFn) -> Roster:
        roster: Roster = draw(plain.filter(lambda each: each.members))
        keys = draw(st.lists(HASHES, min_size=12, max_size=12, unique=True))
        members = tuple(
            replace(
                member,
                number=number,
                owner=keys[3 * number],
                root=keys[3 * number + 1],
                admin=keys[3 * number + 2] if number == 0 or member.admin else None,
            )
            for number, member in enumerate(roster.members)
        )
        previous = None if roster.epoch == 1 else draw(HASHES)
        return replace(roster, members=members, previous=previous)

    return fit()


def _summary(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def fit(summary: Summary, file: SummaryFile, key: bytes) -> Summary:
        if summary.kind is ObjectKind.FILE:
            return replace(summary, files=(replace(file, offset=0),), pack_key=None)
        return replace(summary, files=(*summary.files, file), pack_key=key)

    return st.builds(fit, plain, instances(SummaryFile), st.binary(min_size=76, max_size=76))


def _named_fragments(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.sets(IDS, min_size=1, max_size=5).map(lambda each: tuple(sorted(each)))
    return st.builds(lambda record, fragments: replace(record, fragments=fragments), plain, lists)


def _entry(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def fit(entry: EntryHeader, prev: bytes, back: int) -> EntryHeader:
        seq = max(entry.seq, 2 if entry.kind is EntryKind.CHANGESET else 1)
        base = seq if entry.kind is EntryKind.SNAPSHOT else max(seq - back, entry.kind is EntryKind.CHANGESET)
        return replace(entry, seq=seq, base=int(base), prev=None if seq == 1 else prev)

    return st.builds(fit, plain, HASHES, st.integers(1, 9))


def _changeset(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def fit(each: Changeset) -> Changeset:
        first, last = sorted((each.first, each.last))
        return replace(each, first=first, last=last)

    return plain.map(fit)


_REPAIRS: dict[type[Part], Any] = {
    Content: _content,
    Layout: _layout,
    Roster: _roster,
    Summary: _summary,
    Tombstone: _named_fragments,
    Undelete: _named_fragments,
    EntryHeader: _entry,
    Changeset: _changeset,
    Successor: lambda plain: plain.filter(lambda each: each.old_root != each.new_root),
    FragmentTrailer: lambda plain: plain.filter(lambda each: each.last_block_size > 0),
}
