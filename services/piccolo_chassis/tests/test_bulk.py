"""What is framed is protobuf's own wire, and what is read without protobuf is what protobuf reads."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from piccolo.vault.v1 import store_pb2 as wire

from piccolo_chassis import bulk

_DATA = wire.ReadResponse.DATA_FIELD_NUMBER


def _found(message: bytes) -> tuple[bytes, bytes] | None:
    found = bulk.content(message, _DATA)
    return None if found is None else (found[0], bytes(found[1]))


@given(st.lists(st.binary(max_size=400), max_size=4), st.integers(0, 2**63))
def test_protobuf_reads_what_is_framed(pieces: list[bytes], size: int) -> None:
    before = wire.ReadResponse(head=wire.ReadHead(size=size)).SerializeToString()
    message = bulk.framed(_DATA, *(memoryview(each) for each in pieces), before=before)
    told = wire.ReadResponse.FromString(message)
    assert (told.head.size, told.data) == (size, b"".join(pieces))
    assert _found(message) == (before, b"".join(pieces))


@given(st.binary(max_size=300), st.integers(0, 2**40))
def test_what_protobuf_wrote_is_read(data: bytes, size: int) -> None:
    written = wire.ReadResponse(head=wire.ReadHead(size=size), data=data).SerializeToString()
    found = _found(written)
    assert (found is None) == (not data)  # protobuf leaves empty bytes out
    if found:
        assert found[1] == data
        assert wire.ReadResponse.FromString(found[0]).head.size == size


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from([b"\x0a", b"\x12", b"\x12\x00", b"\x12\x01x", b"\x0a\x00", b"\x08\x05", b"\x80"]),
        ),
        max_size=6,
    ).map(b"".join)
)
@example(b"\x12\x01a\x12\x01b")
@example(b"\x92\x80\x00\x01a")
@example(b"\x12\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80a")
def test_any_bytes_are_read_as_protobuf_reads_them_or_left_to_it(message: bytes) -> None:
    found = _found(message)
    if found is None:
        return
    before, data = found
    try:
        rest = wire.ReadResponse.FromString(before)
    except DecodeError:
        return  # whoever needs what precedes is told so
    told = wire.ReadResponse.FromString(message)
    assert not rest.data
    assert (told.data, told.head) == (data, rest.head)


def test_a_serializer_passes_on_what_is_framed() -> None:
    serialize = bulk.or_framed(wire.ReadResponse.SerializeToString)
    assert serialize(b"as it is") == b"as it is"
    assert serialize(wire.ReadResponse(data=b"x")) == bulk.framed(_DATA, b"x")
