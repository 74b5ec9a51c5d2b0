"""The bare house: it gives back what it was given, and nothing is spared it that we have to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.bench import bare, house
from integration.bench.bare_process import MESSAGE
from integration.bench.house import memory, shape

_K, _M = 2, 3


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[house.House]:
    """A house before three keepers, of which any two have a file."""
    async with bare.grid(tmp_path / "b", _K, _M) as grid, house.house(tmp_path / "h", grid) as one:
        yield one


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 5))
def test_a_stripe_is_cut_into_equal_parts(pieces: Sequence[bytes], k: int) -> None:
    """The parts in order are the bytes, and less than a zero each more."""
    parts, data = shape.cut(pieces, k), b"".join(pieces)
    assert len(parts) == k
    assert len({len(part) for part in parts}) == 1
    assert b"".join(parts)[: len(data)] == data
    assert sum(map(len, parts)) - len(data) < k


def test_full_messages_are_not_copied() -> None:
    """What already has the form of parts passes as it is."""
    pieces = [bytes(MESSAGE), bytes(MESSAGE)]
    assert all(part is piece for part, piece in zip(shape.cut(pieces, 2), pieces, strict=True))


@pytest.mark.component
async def test_it_stores_what_it_is_given_durably(made: house.House, tmp_path: Path) -> None:
    """Small, large and empty files come back; each keeper has its part, and a large file's record."""
    sizes = [0, 1, 4096, shape.SMALL_FILE, shape.SMALL_FILE + 1, 9 * MESSAGE + 17]
    for size in sizes:
        data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        key = await made.put(f"/of/{size}", data)
        assert await made.get(key) == data
    for number in range(_M):
        kept = tmp_path / "b" / f"b{number:02d}" / "kept"
        large = {f"of-{size}" for size in sizes if size > shape.SMALL_FILE}
        assert {each.name for each in kept.iterdir()} == {f"of-{size}" for size in sizes} | {
            f"{name}.record" for name in large
        }
        for size in sizes:
            assert (kept / f"of-{size}").stat().st_size >= -(-size // _K)
    known = apsw.Connection(str(tmp_path / "h" / shape.MEMORY / memory.DATABASE))
    assert next(known.execute("SELECT count(*) FROM file"))[0] == len(sizes)
    assert next(known.execute("SELECT count(*) FROM intent"))[0] == 0
