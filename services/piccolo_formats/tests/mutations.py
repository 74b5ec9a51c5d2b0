"""Good bytes made bad, with an eye for what is in them.

`mutated` knows bytes only: it flips, cuts, splices, doubles and extends them, and puts huge numbers where a
length may be. `altered` knows CBOR: one thing in it becomes something else and the rest stays as it was, also
inside of byte strings that hold CBOR themselves; so it comes past the checks that random bytes fail at.
`FUZZ` are the settings of tests that use them: few examples by default, and more with `--rounds`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any, Final

import cbor2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FUZZ: Final = settings(max_examples=settings().max_examples // 4, suppress_health_check=list(HealthCheck))

Path = tuple[Any, ...]  # keys and indexes; None leads into the CBOR that a byte string holds

Change = Callable[[Any, Any], None]

_HUGE: Final = [
    b"\xff" * 8,
    b"\0" * 8,
    (2**60).to_bytes(8),
    (2**31).to_bytes(4),
    (2**24).to_bytes(4),
    b"\x7f",
]
_DEEP: Final = b"\x81" * 3_000 + b"\0"
_NUMBERS: Final = [0, 1, -1, 255, 256, 2**16, 2**24 + 1, 2**31, 2**32 - 1, 2**32, 2**60, 2**63 - 1, 2**64 - 1]
_ODD: Final[list[Any]] = [
    None,
    False,
    True,
    *_NUMBERS,
    -(2**64),
    2**64,
    2**4000,
    0.5,
    float("inf"),
    b"",
    b"\0" * 15,
    b"\xff" * 16,
    bytes(32),
    b"\x82\x41\0\x80",
    bytes(70_000),
    _DEEP,
    "",
    "\0",
    "../../etc/passwd",
    "é" * 3_000,
    [],
    [[]],
    [None] * 70_000,
    {},
    {"type": "x", "v": 1},
    {"": 0},
    cbor2.CBORTag(2, b"\xff" * 40),
    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
]


@st.composite
def mutated(draw: st.DrawFn, good: bytes, *others: bytes) -> bytes:
    """One to four changes to good bytes; a splice takes a piece of the others too."""
    data = good
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + draw(st.sampled_from([1, 4, 32, 1_000])))))
        data = data[:start] + draw(_piece(data, start, stop, others)) + data[stop:]
    return data


def _piece(data: bytes, start: int, stop: int, others: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """What comes in place of some bytes."""
    old = data[start:stop]
    flipped = bytes([old[0] ^ 0x80, *old[1:]]) if old else b"\0"
    spliced = st.sampled_from([data, *others]).flatmap(
        lambda source: st.integers(0, len(source)).map(lambda at: source[at : at + 64])
    )
    fixed = st.sampled_from(
        [b"", flipped, old * 2, old * 50, data[:8], data[-8:], bytes(len(old)), _DEEP, *_HUGE]
    )
    return fixed | st.binary(max_size=12) | spliced


@st.composite
def altered(draw: st.DrawFn, good: bytes) -> bytes:
    """Deterministic CBOR with one thing changed."""
    value = cbor2.loads(good)
    path = draw(st.sampled_from([path for path in _places(value) if path]))
    return _dumped(_changed(value, path, draw(_change())))


@st.composite
def chosen_value(draw: st.DrawFn) -> bytes:
    """Something odd, whatever was there."""
    return _dumped(draw(st.sampled_from(_ODD)))


def _dumped(value: Any) -> bytes:
    return cbor2.dumps(value, canonical=True)


def _held(value: bytes) -> Any:
    """What a byte string holds, when it is a structure of CBOR."""
    if value[:1] and (0x80 <= value[0] < 0xC0):
        try:
            found = cbor2.loads(value)
        except (cbor2.CBORError, ValueError, TypeError, RecursionError):
            return None
        if isinstance(found, dict | list) and _dumped(found) == value:
            return found
    return None


def _children(value: Any) -> Iterator[tuple[int | str | None, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, bytes) and (held := _held(value)) is not None:
        yield None, held


def _places(value: Any, at: Path = ()) -> Iterator[Path]:
    yield at
    for step, child in _children(value):
        yield from _places(child, (*at, step))


def _changed(value: Any, path: Path, change: Change) -> Any:
    """The value with a change made where the path leads."""
    step, rest = path[0], path[1:]
    if step is None:
        held = _held(value)
        return _dumped(_changed(held, rest, change) if rest else [held])
    made = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        made[step] = _changed(value[step], rest, change)
    else:
        change(made, step)
    return made


def _change() -> st.SearchStrategy[Change]:
    """Something that is done to one entry of a map or an array."""
    return (
        st.sampled_from(_ODD).map(lambda new: lambda container, step: container.__setitem__(step, new))
        | st.integers(-3, 3).map(lambda by: lambda container, step: _nudge(container, step, by))
        | st.sampled_from([_drop, _repeat])
    )


def _nudge(container: Any, step: Any, by: int) -> None:
    """Changes a value a little."""
    match container[step]:
        case bytes() as old:
            last = bytes([*old[:-1], (old or b"\0")[-1] ^ 1])
            container[step] = [old[:-1], old + b"\0", old * 2, last][by % 4]
        case str() as old:
            container[step] = [old[:-1], old + "/", old * 50, old.upper()][by % 4]
        case int() as old:
            container[step] = old + by
        case list() as old:
            container[step] = [old[:-1], old * 2, old[::-1], [*old, None]][by % 4]
        case _:
            container[step] = by


def _drop(container: Any, step: Any) -> None:
    del container[step]


def _repeat(container: Any, step: Any) -> None:
    """Adds what should not be there."""
    if isinstance(container, dict):
        container["zzz"] = container[step]
    else:
        container.append(container[step])
