"""The search for bytes that must not be there finds them wherever they lie."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from integration.plaintext import samples, search

_SOURCE = random.Random(1).randbytes(5000)


@given(at=st.integers(0, 3000), start=st.sampled_from([0, 1645, 3290, 4936]))
def test_a_window_is_found_at_every_offset(at: int, start: int, tmp_path_factory: object) -> None:
    """Whatever the alignment, a copied window is seen."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "database"
        place.write_bytes(bytes(at) + _SOURCE[start : start + 64] + bytes(100))
        assert [found.place for found in search(Path(folder), samples([_SOURCE]))] == [place]


def test_foreign_bytes_are_not_found(tmp_path: Path) -> None:
    """What does not hold the source is clean."""
    (tmp_path / "database").write_bytes(random.Random(2).randbytes(100_000))
    assert not list(search(tmp_path, samples([_SOURCE])))


def test_a_window_across_two_pieces_is_found(tmp_path: Path) -> None:
    """Pieces overlap."""
    (tmp_path / "big").write_bytes(bytes((8 << 20) - 30) + _SOURCE[:64] + bytes(10))
    assert list(search(tmp_path, samples([_SOURCE])))


def test_windows_without_variety_are_no_evidence() -> None:
    """Zeros prove nothing."""
    assert not samples([bytes(1000), b"ab" * 500])
