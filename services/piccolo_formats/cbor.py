"""Deterministic CBOR (RFC 8949, 4.2.1), strict both ways (section 1).

Only integers of 64 bits and a sign, byte strings, text, arrays, maps with text keys, booleans and null. What
was read is encoded again and refused when the bytes differ: so one value has one encoding, and a hash or a
signature over bytes is one over the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

import cbor2

from piccolo_formats.errors import FormatError

Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[str, Value] | None"

MAX_DEPTH = 12
_SMALLEST, _LARGEST = -(2**64), 2**64 - 1


class _NoTags(Mapping[int, Any]):
    """Answers every tag number with a refusal: the library would build dates, regexes and fractions."""

    def __getitem__(self, _tag: int) -> Any:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 1  # an empty mapping would be taken for none


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tags are not allowed")


_NO_TAGS = _NoTags()


def encode(value: Value) -> bytes:
    """Return the one encoding of the value. Raises FormatError for a type that the format does not have."""
    _check(value, 0)
    try:
        # For text keys "canonical" (shortest first) and RFC 8949's order (by encoded bytes) are the same.
        return cbor2.dumps(value, canonical=True)
    except (cbor2.CBOREncodeError, UnicodeEncodeError, ValueError, TypeError, OverflowError) as error:
        raise FormatError("cbor-value", f"this value has no encoding: {error}") from error


def decode(data: bytes) -> Value:
    """Return the value of the bytes. Raises FormatError unless they are exactly its one encoding."""
    try:
        value = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_NO_TAGS,
            max_depth=MAX_DEPTH + 1,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, MemoryError, OverflowError) as error:
        raise FormatError(
            "cbor-malformed", f"the bytes are not CBOR as the format allows it: {error}"
        ) from error
    _check(value, 0)
    if encode_checked(value) != data:
        raise FormatError(
            "cbor-not-deterministic", "the bytes are not the shortest, sorted CBOR of their value"
        )
    return value  # type: ignore[no-any-return]


def encode_checked(value: Value) -> bytes:
    """Encode a value whose types were checked already."""
    return cbor2.dumps(value, canonical=True)


def _check(value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FormatError("cbor-depth", f"arrays and maps are nested more than {MAX_DEPTH} deep")
    kind = type(value)
    if kind is bytes or kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not _SMALLEST <= value <= _LARGEST:  # type: ignore[operator]
            raise FormatError("cbor-value", "an integer has more than 64 bits")
    elif kind is list:
        for item in value:  # type: ignore[attr-defined]
            _check(item, depth + 1)
    elif kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise FormatError("cbor-value", "a map has a key that is not text")
            _check(item, depth + 1)
    else:
        raise FormatError("cbor-value", f"a value of type {kind.__name__} is not allowed")
