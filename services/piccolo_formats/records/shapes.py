"""The types a record's field may have, and how each becomes CBOR and comes back (section 1).

A shape checks in both directions, so that what this package writes it also reads. Fields name their shape by
Annotated aliases (`OwnerId`, `U64`, ...); containers are built from plain annotations by codec.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, NoReturn, Protocol, TypeAlias

from piccolo_formats.errors import FormatError


def refuse(where: str, problem: str) -> NoReturn:
    """Raise the FormatError of a field: where it is, and what is wrong with it."""
    raise FormatError("record-field", f"{where} {problem}")


class Shape(Protocol):
    """How one field becomes CBOR and comes back. Both raise FormatError for a value that is not allowed."""

    def pack(self, value: Any, where: str) -> Any:
        """Return the CBOR value of an attribute."""

    def unpack(self, value: Any, where: str) -> Any:
        """Return the attribute of a CBOR value."""


class _Scalar(ABC):
    """A shape whose attribute and CBOR value are the same."""

    def pack(self, value: Any, where: str) -> Any:
        return self.unpack(value, where)

    @abstractmethod
    def unpack(self, value: Any, where: str) -> Any:
        """Return the attribute of a CBOR value."""


@dataclass(frozen=True, slots=True)
class Integer(_Scalar):
    """An integer from `least` to `most`."""

    most: int
    least: int = 0

    def unpack(self, value: Any, where: str) -> Any:
        """Return the number, checked."""
        if type(value) is not int:
            refuse(where, "is not an integer")
        if not self.least <= value <= self.most:
            refuse(where, f"is not between {self.least} and {self.most}")
        return value


@dataclass(frozen=True, slots=True)
class Bytes(_Scalar):
    """A byte string of `least` to `most` bytes."""

    least: int
    most: int

    def unpack(self, value: Any, where: str) -> Any:
        """Return the bytes, checked."""
        if type(value) is not bytes:
            refuse(where, "is not a byte string")
        if not self.least <= len(value) <= self.most:
            wanted = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
            refuse(where, f"has {len(value)} bytes, not {wanted}")
        return value


@dataclass(frozen=True, slots=True)
class Text(_Scalar):
    """Text of `least` to `most` bytes of UTF-8."""

    most: int
    least: int = 1

    def unpack(self, value: Any, where: str) -> Any:
        """Return the text, checked."""
        if type(value) is not str:
            refuse(where, "is not text")
        try:
            size = len(value.encode())
        except UnicodeEncodeError as error:
            raise FormatError("record-field", f"{where} is not Unicode text") from error
        if not self.least <= size <= self.most:
            refuse(where, f"has {size} bytes, not {self.least} to {self.most}")
        return value


@dataclass(frozen=True, slots=True)
class Flag(_Scalar):
    """A boolean."""

    def unpack(self, value: Any, where: str) -> Any:
        """Return the boolean, checked."""
        if type(value) is not bool:
            refuse(where, "is not true or false")
        return value


@dataclass(frozen=True, slots=True)
class Mark(_Scalar):
    """True; what is false has no key: a record without it is written as before there was such a key.

    Its field needs the default False.
    """

    def unpack(self, value: Any, where: str) -> Any:
        """Return true, checked."""
        if value is not True:
            refuse(where, "is there and not true")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed set of words."""

    words: type[StrEnum]

    def pack(self, value: Any, where: str) -> Any:
        """Return the word."""
        if type(value) is not self.words:
            refuse(where, f"is not a {self.words.__name__}")
        return value.value

    def unpack(self, value: Any, where: str) -> Any:
        """Return the member of the set."""
        if type(value) is not str or value not in self.words.__members__.values():
            refuse(where, f"is not one of {', '.join(self.words)}")
        return self.words(value)


@dataclass(frozen=True, slots=True)
class Optional:
    """Null or another shape."""

    shape: Shape

    def pack(self, value: Any, where: str) -> Any:
        """Return null or the value packed."""
        return None if value is None else self.shape.pack(value, where)

    def unpack(self, value: Any, where: str) -> Any:
        """Return None or the value unpacked."""
        return None if value is None else self.shape.unpack(value, where)


@dataclass(frozen=True, slots=True)
class Many:
    """An array of one shape; a tuple in Python."""

    shape: Shape
    most: int = 65_536

    def pack(self, value: Any, where: str) -> Any:
        """Return the list of packed items."""
        if type(value) is not tuple:
            refuse(where, "is not a tuple")
        return self._each(value, where, self.shape.pack)

    def unpack(self, value: Any, where: str) -> Any:
        """Return the tuple of unpacked items."""
        if type(value) is not list:
            refuse(where, "is not an array")
        return tuple(self._each(value, where, self.shape.unpack))

    def _each(self, items: Any, where: str, convert: Any) -> list[Any]:
        if len(items) > self.most:
            refuse(where, f"has {len(items)} items; {self.most} are allowed")
        return [convert(item, f"{where}[{number}]") for number, item in enumerate(items)]


U8: TypeAlias = Annotated[int, Integer(2**8 - 1)]
U32: TypeAlias = Annotated[int, Integer(2**32 - 1)]
U64: TypeAlias = Annotated[int, Integer(2**64 - 1)]
I64: TypeAlias = Annotated[int, Integer(2**63 - 1, -(2**63))]
Count: TypeAlias = Annotated[int, Integer(2**64 - 1, 1)]
Epoch: TypeAlias = Annotated[int, Integer(2**32 - 1, 1)]
Suite: TypeAlias = Annotated[int, Integer(1, 1)]
Id: TypeAlias = Annotated[bytes, Bytes(16, 16)]
OwnerId: TypeAlias = Annotated[bytes, Bytes(32, 32)]
Hash: TypeAlias = Annotated[bytes, Bytes(32, 32)]
PublicKey: TypeAlias = Annotated[bytes, Bytes(32, 32)]
WrappedKey: TypeAlias = Annotated[bytes, Bytes(76, 76)]
Certificate: TypeAlias = Annotated[bytes, Bytes(64, 4096)]
SignedBytes: TypeAlias = Annotated[bytes, Bytes(1, 2**24)]
Blob: TypeAlias = Annotated[bytes, Bytes(0, 2**31)]
Marked: TypeAlias = Annotated[bool, Mark()]
Name: TypeAlias = Annotated[str, Text(255)]
Path: TypeAlias = Annotated[str, Text(4096)]
