"""Between the wire's messages and this service's own words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo_chassis import bulk
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.circle import Admission
from piccolo_fragment_store.core.fragment import Head, Kept, Key
from piccolo_fragment_store.core.order import NEVER
from piccolo_fragment_store.engine import statements, uploads


def head(told: wire.FragmentHead, admission: Admission) -> Head:
    """The head of a fragment that a member puts.

    Raises PiccoloError INVALID: NUMBER_OUT_OF_RANGE, OTHER_GENERATION.
    """
    order = statements.order(told.generation, told.seq)
    if order.generation != admission.generation:
        raise PiccoloError(
            Kind.INVALID,
            "OTHER_GENERATION",
            f"The certificate is of generation {admission.generation}, the request says {order.generation}.",
        )
    expected = told.expected_bytes if told.HasField("expected_bytes") else None
    return Head(Key(admission.owner, told.fragment_id), order, told.block_size, expected)


def put_request(message: bytes) -> wire.PutRequest | memoryview:
    """A message of a put; one of blocks, which are nearly all, as the blocks alone, not copied."""
    found = bulk.content(message, wire.PutRequest.BLOCKS_FIELD_NUMBER)
    if found is not None and found[1] and not found[0]:
        return found[1]
    return wire.PutRequest.FromString(message)


def get_response(head: wire.GetHead | None, blocks: bytes) -> bytes:
    """A message of a get, on the wire."""
    before = b"" if head is None else wire.GetResponse(head=head).SerializeToString()
    return bulk.framed(wire.GetResponse.BLOCKS_FIELD_NUMBER, blocks, before=before)


async def steps(
    requests: AsyncIterator[wire.PutRequest | memoryview], to_head: Callable[[wire.FragmentHead], Head]
) -> AsyncIterator[uploads.Step]:
    """The messages of a put."""
    async for request in requests:
        if isinstance(request, memoryview):
            yield uploads.Blocks(request)
            continue
        match request.WhichOneof("step"):
            case "open":
                resume_at = request.open.resume_at if request.open.HasField("resume_at") else None
                yield uploads.Open(to_head(request.open.head), resume_at)
            case "blocks":
                yield uploads.Blocks(request.blocks)
            case "checkpoint":
                yield uploads.Checkpoint()
            case "finish":
                yield uploads.Finish(request.finish.blocks, request.finish.root)
            case _:
                raise PiccoloError(
                    Kind.INVALID,
                    "REQUEST_INVALID",
                    "A message of a put says one thing; this one says nothing.",
                )


def info(fragment_id: bytes, kept: Kept) -> wire.FragmentInfo:
    """A fragment as the keeper has it."""
    told = wire.FragmentInfo(fragment_id=fragment_id)
    if kept.last != NEVER:
        told.generation, told.seq = kept.last
    if kept.whole is not None:
        whole = kept.whole
        told.state = wire.FragmentState.ValueType(int(whole.state))
        told.bytes, told.root, told.damaged = whole.size, whole.root, whole.damaged
    elif kept.incoming is not None:
        told.state, told.bytes = wire.FRAGMENT_STATE_INCOMING, kept.incoming.size
    return told
