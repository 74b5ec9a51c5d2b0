"""Only plaintext within its bounds passes protobuf and its rules by."""

from __future__ import annotations

import pytest
from piccolo.vault.v1 import store_pb2 as wire
from piccolo_chassis import validation
from piccolo_chassis.errors import PiccoloError

from piccolo_vault.service.store import _write_request
from piccolo_vault.tests.world import MIB


@pytest.mark.parametrize("size", [1, 3_000, MIB])
def test_plaintext_is_read_as_it_is(size: int) -> None:
    message = wire.WriteRequest(data=bytes([7]) * size).SerializeToString()
    assert bytes(_write_request(message)) == bytes([7]) * size


@pytest.mark.parametrize("size", [0, MIB + 1])
def test_plaintext_out_of_bounds_is_refused_by_the_rules(size: int) -> None:
    request = _write_request(wire.WriteRequest(data=bytes(size)).SerializeToString())
    assert isinstance(request, wire.WriteRequest)
    with pytest.raises(PiccoloError) as refused:
        validation.check(request)
    assert refused.value.reason == "REQUEST_INVALID"


def test_what_else_is_said_is_protobufs() -> None:
    for request in (
        wire.WriteRequest(open=wire.WriteOpen(path="/f", media="text/plain")),
        wire.WriteRequest(finish=wire.WriteFinish(size=3)),
    ):
        assert _write_request(request.SerializeToString()) == request
    # two things in one message: the last one counts, as protobuf says
    both = wire.WriteRequest(finish=wire.WriteFinish(size=3)).SerializeToString() + b"\x12\x01x"
    assert _write_request(both) == wire.WriteRequest(data=b"x")
