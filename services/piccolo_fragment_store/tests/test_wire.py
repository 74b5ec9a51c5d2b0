"""Blocks pass protobuf by; whatever else a member says does not."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo_chassis import validation
from piccolo_chassis.errors import PiccoloError

from piccolo_fragment_store.service import convert


def test_blocks_are_read_as_they_are() -> None:
    found = convert.put_request(wire.PutRequest(blocks=b"block").SerializeToString())
    assert isinstance(found, memoryview)
    assert bytes(found) == b"block"


def test_empty_blocks_are_refused_by_the_rules() -> None:
    request = convert.put_request(wire.PutRequest(blocks=b"").SerializeToString())
    assert isinstance(request, wire.PutRequest)
    with pytest.raises(PiccoloError):
        validation.check(request)


def test_what_else_is_said_is_protobufs() -> None:
    for request in (
        wire.PutRequest(open=wire.PutOpen(head=wire.FragmentHead(fragment_id=bytes(16), block_size=7))),
        wire.PutRequest(checkpoint=wire.PutCheckpoint()),
        wire.PutRequest(finish=wire.PutFinish(blocks=1, root=bytes(32))),
        wire.PutRequest(),
    ):
        assert convert.put_request(request.SerializeToString()) == request
    with pytest.raises(DecodeError):
        convert.put_request(b"\x12\x05cut")


def test_an_answer_with_blocks_is_protobufs_own_wire() -> None:
    head = wire.GetHead(block_size=4, total_blocks=2, leaves=bytes(64))
    told = wire.GetResponse.FromString(convert.get_response(head, b"blocks"))
    assert told == wire.GetResponse(head=head, blocks=b"blocks")
    assert wire.GetResponse.FromString(convert.get_response(None, b"x")) == wire.GetResponse(blocks=b"x")
