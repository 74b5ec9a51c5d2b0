"""Records and their parts, declared as frozen dataclasses; the annotations are the format (section 1).

A field's CBOR key is its name, or that of `field(metadata=key(...))` where the name would be no good Python.
A mark that is false has no key; every other field has one. Unknown keys, missing keys, wrong types and wrong
lengths are refused, and `check()` adds what only several fields together can tell.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

from piccolo_formats import cbor
from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError
from piccolo_formats.records.shapes import Choice, Flag, Many, Mark, Optional, Shape, refuse

VERSION = 1


def key(name: str) -> dict[str, str]:
    """Return the metadata that gives a field another key in CBOR than its own name."""
    return {"key": name}


class Part:
    """A map inside a record: no type, no version."""

    __slots__ = ()

    def check(self) -> None:
        """Raise FormatError when the fields contradict each other."""


class Row(Part):
    """A part written as an array of its fields in order."""

    __slots__ = ()


class Record(Part):
    """A map of its own, with `type` and `v`."""

    TYPE: ClassVar[str]
    __slots__ = ()

    def to_record(self) -> bytes:
        """Return the record's bytes. Raises FormatError for a value that the format does not allow."""
        return cbor.encode(self.to_value())

    def to_value(self) -> dict[str, cbor.Value]:
        """Return the record as a CBOR map."""
        packed = _map_of(type(self)).pack(self, self.TYPE)
        return {"type": self.TYPE, "v": VERSION, **packed}

    @classmethod
    def from_record(cls, data: bytes) -> Self:
        """Parse a record of exactly this type. Raises FormatError for anything else."""
        return cls.from_value(cbor.decode(data))

    @classmethod
    def from_value(cls, value: cbor.Value) -> Self:
        """Parse a record of exactly this type from a CBOR map."""
        if type(value) is not dict:
            raise FormatError("record-type", f"this is not a record, where a {cls.TYPE} record was expected")
        if value.get("type") != cls.TYPE:
            raise FormatError("record-type", f"this is not a {cls.TYPE} record")
        version = value.get("v")
        if type(version) is not int or version != VERSION:
            raise FormatError(
                "record-version",
                f"this {cls.TYPE} record is of another version of the format. Update this device.",
            )
        rest = {name: item for name, item in value.items() if name not in ("type", "v")}
        record: Self = _map_of(cls).unpack(rest, cls.TYPE)
        return record

    def record_hash(self) -> bytes:
        """Return the hash by which other records name this one, 32 bytes."""
        return record_hash(self.to_record())


def record_hash(payload: bytes) -> bytes:
    """Return the hash of a record's bytes."""
    return digest("record", payload)


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    key: str
    shape: Shape

    @property
    def may_be_missing(self) -> bool:
        """Whether a map without this key is one in which it is false."""
        return isinstance(self.shape, Mark)

    def is_left_out(self, value: Any) -> bool:
        """Whether an attribute has no key."""
        return self.may_be_missing and value is False


@dataclass(frozen=True, slots=True)
class _Map:
    """The shape of a Part, as a map."""

    cls: type[Any]
    entries: tuple[_Entry, ...]

    def pack(self, value: Any, where: str) -> Any:
        if type(value) is not self.cls:
            refuse(where, f"is not a {self.cls.__name__}")
        packed = {
            entry.key: entry.shape.pack(getattr(value, entry.name), f"{where}.{entry.key}")
            for entry in self.entries
            if not entry.is_left_out(getattr(value, entry.name))
        }
        value.check()
        return packed

    def unpack(self, value: Any, where: str) -> Any:
        if type(value) is not dict:
            refuse(where, "is not a map")
        allowed = {entry.key for entry in self.entries}
        wanted = {entry.key for entry in self.entries if not entry.may_be_missing}
        if not wanted <= value.keys() <= allowed:
            missing = ", ".join(sorted(wanted - value.keys())) or "none"
            unknown = ", ".join(repr(name)[:40] for name in sorted(value.keys() - allowed)[:5]) or "none"
            raise FormatError("record-keys", f"{where}: missing keys: {missing}; unknown keys: {unknown}")
        made = self.cls(
            **{
                entry.name: entry.shape.unpack(value[entry.key], f"{where}.{entry.key}")
                for entry in self.entries
                if entry.key in value
            }
        )
        made.check()
        return made


@dataclass(frozen=True, slots=True)
class _Row:
    """The shape of a Row: a map's fields without their keys."""

    map: _Map

    def pack(self, value: Any, where: str) -> Any:
        return list(self.map.pack(value, where).values())

    def unpack(self, value: Any, where: str) -> Any:
        entries = self.map.entries
        if type(value) is not list or len(value) != len(entries):
            refuse(where, f"is not an array of {len(entries)}")
        return self.map.unpack(dict(zip((entry.key for entry in entries), value, strict=True)), where)


_MAPS: dict[type[Any], _Map] = {}


def _map_of(cls: type[Any]) -> _Map:
    if cls not in _MAPS:
        _MAPS[cls] = _declared(cls)
    return _MAPS[cls]


def _declared(cls: type[Any]) -> _Map:
    hints = get_type_hints(cls, include_extras=True)
    return _Map(
        cls,
        tuple(
            _Entry(each.name, each.metadata.get("key", each.name), _shape(hints[each.name]))
            for each in fields(cls)
        ),
    )


def _shape(hint: Any) -> Shape:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1])
    if origin in (Union, types.UnionType):
        inner = [each for each in arguments if each is not type(None)]
        if len(inner) == 1 and len(arguments) == 2:
            return Optional(_shape(inner[0]))
    elif origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Many(_shape(arguments[0]))
    elif hint is bool:
        return Flag()
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        return Choice(hint)
    elif isinstance(hint, type) and issubclass(hint, Row):
        return _Row(_map_of(hint))
    elif isinstance(hint, type) and issubclass(hint, Part):
        return _map_of(hint)
    raise TypeError(f"a field of a record cannot be annotated {hint!r}")


def _annotated(inner: Any, shape: Any) -> Shape:
    if isinstance(shape, int):  # Annotated[tuple[X, ...], 64]: at most 64 of them
        return Many(_shape(get_args(inner)[0]), shape)
    return shape  # type: ignore[no-any-return]
