"""A content with its digest in front."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats.digests import digest, digests, with_digest, without_digest


@given(st.binary(max_size=200), st.data())
def test_what_was_written_is_read_and_a_flipped_bit_is_told(content: bytes, data: st.DataObject) -> None:
    written = with_digest("test", content)
    assert without_digest("test", written) == content
    assert without_digest("other", written) is None
    bit = data.draw(st.integers(0, 8 * len(written) - 1))
    flipped = bytearray(written)
    flipped[bit // 8] ^= 1 << bit % 8
    assert without_digest("test", bytes(flipped)) is None
    cut = data.draw(st.integers(0, len(written) - 1))
    assert without_digest("test", written[:cut]) is None


@given(st.lists(st.binary(max_size=3000), max_size=6))
def test_many_digests_are_each_as_if_alone(inputs: list[bytes]) -> None:
    assert digests("leaf", inputs) == tuple(digest("leaf", each) for each in inputs)
