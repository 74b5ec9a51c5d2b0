"""Puts through the peers' port: in messages, resumed, repeated, out of order."""

from __future__ import annotations

import grpc
import pytest
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub as Keeper
from piccolo_chassis.errors import Kind
from piccolo_formats.records.keeping import FragmentState, Receipt
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.engine.limits import Limits
from piccolo_fragment_store.testing.keeping import Sample, sample
from piccolo_fragment_store.tests.peers import (
    CHECKPOINT,
    Peers,
    blocks,
    finish,
    get,
    head,
    meeting,
    opening,
    refused,
    state,
    store_request,
    told,
)

pytestmark = pytest.mark.component


async def test_a_large_fragment_comes_and_goes_in_messages(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1, blocks=40, block_size=200_000, last=1)
    call = keeper.Put()
    await call.write(opening(piece, 1))
    for first in range(0, 40, 5):
        await call.write(blocks(piece, first, first + 5))
    await call.write(finish(piece))
    await call.done_writing()
    answers = [answer async for answer in call]
    assert answers[0].durable_blocks == 0
    assert answers[-1].durable_blocks == 40
    (entry,) = open_signed(Receipt, answers[-1].receipt).record.entries
    assert entry.state is FragmentState.PROVISIONAL
    messages = [each async for each in keeper.Get(wire.GetRequest(fragment_id=piece.key.fragment))]
    assert b"".join(each.blocks for each in messages) == piece.data
    assert max(len(each.blocks) for each in messages) <= 1 << 20
    assert len(messages) >= 7


async def test_a_put_resumes_behind_every_block(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1, blocks=4, last=9)
    for sent in range(4):
        call = keeper.Put()
        await call.write(opening(piece, 1))
        begun = await told(call)
        assert begun.durable_blocks == sent
        assert begun.leaves_digest == piece.leaves_digest(sent)
        await call.write(blocks(piece, sent, sent + 1))
        if sent == 3:
            await call.write(finish(piece))
        else:
            await call.write(CHECKPOINT)
        assert (await told(call)).durable_blocks == sent + 1
        call.cancel()
    assert await get(keeper, piece) == piece.data


async def test_a_put_resumes_where_its_owner_says(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1, blocks=4)
    for keep in (4, 3, 2, 1, 0):
        call = keeper.Put()
        await call.write(opening(piece, 1, keep))
        begun = await told(call)
        assert begun.durable_blocks == (keep if keep < 4 else 0)
        assert begun.leaves_digest == piece.leaves_digest(begun.durable_blocks)
        await call.write(blocks(piece, begun.durable_blocks, 4))
        await call.done_writing()
        assert (await told(call)).durable_blocks == 4
        assert await call.read() is grpc.aio.EOF
    (info,) = await state(keeper, piece)
    assert (info.state, info.bytes) == (wire.FRAGMENT_STATE_INCOMING, len(piece.data))


async def test_what_is_here_already_is_success(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1)
    commit = wire.CommitRequest(
        fragment_id=piece.key.fragment, root=piece.root, commit_record=peers.ana.commit(1, 3)
    )
    async for _ in keeper.Put(iter([opening(piece, 1), blocks(piece, 0, 3), finish(piece)])):
        pass
    first, second = [await keeper.Commit(commit) for _ in range(2)]
    entries = [open_signed(Receipt, each.receipt).record.entries for each in (first, second)]
    assert entries[0] == entries[1]
    answers = [answer async for answer in keeper.Put(iter([opening(piece, 2), finish(piece)]))]
    assert [answer.durable_blocks for answer in answers] == [3, 3]
    assert open_signed(Receipt, answers[-1].receipt).record.entries == entries[0]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "OUT_OF_ORDER"),
        (["blocks"], "OUT_OF_ORDER"),
        (["open", "open"], "OUT_OF_ORDER"),
        (["open", "empty"], "REQUEST_INVALID"),
        (["open", "finish"], "BLOCKS_MISSING"),
        (["open", "short", "blocks"], "BLOCK_AFTER_LAST"),
        (["open", "blocks", "wrong root"], "ROOT_MISMATCH"),
    ],
)
async def test_a_put_out_of_order_is_told_so(
    peers: Peers, keeper: Keeper, messages: list[str], reason: str
) -> None:
    piece = sample(peers.ana.id, 1)
    known = {
        "open": opening(piece, 1),
        "blocks": blocks(piece, 0, 3),
        "short": wire.PutRequest(blocks=piece.data[:300]),
        "finish": finish(piece),
        "wrong root": wire.PutRequest(finish=wire.PutFinish(blocks=3, root=bytes(32))),
        "empty": wire.PutRequest(),
    }
    async with refused(reason):
        async for _ in keeper.Put(iter([known[name] for name in messages])):
            pass


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"fragment_id": b"short"}, "REQUEST_INVALID"),
        ({"block_size": 0}, "REQUEST_INVALID"),
        ({"block_size": (4 << 20) + 1}, "REQUEST_INVALID"),
        ({"seq": 0}, "NUMBER_OUT_OF_RANGE"),
        ({"seq": 1 << 63}, "NUMBER_OUT_OF_RANGE"),
        ({"generation": 2}, "OTHER_GENERATION"),
        ({"expected_bytes": (1 << 64) - 1}, "DISK_FULL"),
    ],
)
async def test_a_head_that_cannot_be_is_refused_before_the_first_byte(
    peers: Peers, keeper: Keeper, said: dict[str, bytes | int], reason: str
) -> None:
    piece = sample(peers.ana.id, 1)
    told_head = head(piece, 1)
    for name, value in said.items():
        setattr(told_head, name, value)
    async with refused(reason):
        async for _ in keeper.Put(iter([wire.PutRequest(open=wire.PutOpen(head=told_head))])):
            pass
    assert not (await keeper.ListMine(wire.ListMineRequest())).fragments


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (wire.PutRequest(open=wire.PutOpen()), "REQUEST_INVALID"),
        (wire.PutRequest(blocks=b""), "REQUEST_INVALID"),
        (wire.PutRequest(finish=wire.PutFinish(blocks=0, root=bytes(32))), "REQUEST_INVALID"),
        (wire.PutRequest(finish=wire.PutFinish(blocks=3, root=bytes(31))), "REQUEST_INVALID"),
        (wire.PutRequest(finish=wire.PutFinish(blocks=(1 << 64) - 1, root=bytes(32))), "BLOCKS_MISSING"),
        (wire.PutRequest(blocks=bytes(256 * 4097)), "BLOCKS_TOO_SMALL"),
    ],
)
async def test_a_malformed_message_ends_the_put_and_keeps_what_was_durable(
    peers: Peers, keeper: Keeper, message: wire.PutRequest, reason: str
) -> None:
    piece = sample(peers.ana.id, 1)
    call = keeper.Put()
    await call.write(opening(piece, 1))
    await call.read()
    await call.write(blocks(piece, 0, 2))
    await call.write(CHECKPOINT)
    assert (await told(call)).durable_blocks == 2
    await call.write(message)
    async with refused(reason) as caught:
        await call.read()
    assert caught[0].kind in (Kind.INVALID, Kind.CONFLICT)
    answers = [
        each async for each in keeper.Put(iter([opening(piece, 2), blocks(piece, 2, 3), finish(piece)]))
    ]
    assert answers[0].durable_blocks == 2
    assert await get(keeper, piece) == piece.data


async def test_a_message_that_is_too_large_ends_the_put_and_nothing_else(
    peers: Peers, keeper: Keeper
) -> None:
    piece = sample(peers.ana.id, 1)
    async with refused("RESOURCE_EXHAUSTED"):
        async for _ in keeper.Put(iter([opening(piece, 1), wire.PutRequest(blocks=bytes(32 << 20))])):
            pass
    async for _ in keeper.Put(iter([opening(piece, 2), blocks(piece, 0, 3), finish(piece)])):
        pass
    assert await get(keeper, piece) == piece.data


async def test_a_put_is_always_the_callers_own(peers: Peers, keeper: Keeper) -> None:
    mine, theirs = sample(peers.ana.id, 1), sample(peers.ben.id, 1)
    async for _ in keeper.Put(iter([opening(mine, 1), blocks(mine, 0, 3), finish(mine)])):
        pass
    async with peers.calling(peers.ben.vault_tls) as other:
        async with refused("NO_FRAGMENT"):  # a guess of the id is not enough
            await other.Commit(commit_of(mine, peers.ben.commit(1, 2)))
        async for _ in other.Put(iter([opening(theirs, 3), blocks(theirs, 0, 3), finish(theirs)])):
            pass
        for stolen in (peers.ana.commit(1, 4), peers.own.commit(1, 4)):
            async with refused("OTHER_OWNER"):
                await other.Commit(commit_of(theirs, stolen))
            request = store_request(peers.ben, theirs, 4)
            request.commit_record = stolen
            async with refused("OTHER_OWNER"):
                await other.Store(request)
        assert await get(other, theirs) == theirs.data
    assert await get(keeper, mine) == mine.data
    (info,) = await state(keeper, mine)
    assert (info.state, info.seq) == (wire.FRAGMENT_STATE_PROVISIONAL, 1)


def commit_of(piece: Sample, record: bytes) -> wire.CommitRequest:
    return wire.CommitRequest(fragment_id=piece.key.fragment, root=piece.root, commit_record=record)


async def test_a_put_of_ones_own_owner_is_refused(peers: Peers) -> None:
    piece = sample(peers.own.id, 1)
    async with peers.calling(peers.own.vault_tls) as own, refused("OWN_OWNER") as caught:
        async for _ in own.Put(iter([opening(piece, 1), blocks(piece, 0, 3), finish(piece)])):
            pass
    assert caught[0].kind is Kind.DENIED


async def test_a_second_put_of_the_same_fragment_takes_over(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1)
    first = keeper.Put()
    await first.write(opening(piece, 1))
    await first.read()
    await first.write(blocks(piece, 0, 1))
    await first.write(CHECKPOINT)
    await first.read()
    second = keeper.Put()
    await second.write(opening(piece, 1))
    assert (await told(second)).durable_blocks == 1
    await first.write(blocks(piece, 1, 2))
    async with refused("TAKEN_OVER"):
        await first.read()
    await second.write(blocks(piece, 1, 3))
    await second.write(finish(piece))
    assert (await told(second)).receipt
    assert await get(keeper, piece) == piece.data


async def test_a_stream_too_many_is_refused_at_once() -> None:
    limits = Limits(member_streams=2)
    async with meeting(limits=limits) as peers, peers.calling(peers.ana.vault_tls) as keeper:
        running = []
        for number in (1, 2):
            call = keeper.Put()
            await call.write(opening(sample(peers.ana.id, number), number))
            await call.read()
            running.append(call)
        async with refused("TOO_MANY_STREAMS"):
            async for _ in keeper.Put(iter([opening(sample(peers.ana.id, 3), 3)])):
                pass
        async with peers.calling(peers.ben.vault_tls) as other:
            call = other.Put()
            await call.write(opening(sample(peers.ben.id, 1), 1))
            assert (await told(call)).durable_blocks == 0
        await running[0].done_writing()
        assert (await told(running[0])).durable_blocks == 0
        assert await running[0].read() is grpc.aio.EOF
        call = keeper.Put()
        await call.write(opening(sample(peers.ana.id, 3), 3))
        assert (await told(call)).durable_blocks == 0


async def test_a_stopping_keeper_tells_how_far_it_is_durable() -> None:
    async with meeting() as peers, peers.calling(peers.ana.vault_tls) as keeper:
        piece = sample(peers.ana.id, 1)
        call = keeper.Put()
        await call.write(opening(piece, 1))
        await call.read()
        await call.write(blocks(piece, 0, 2))
        await call.write(CHECKPOINT)
        await call.read()
        peers.host.stopping.set()
        assert (await told(call)).durable_blocks == 2
        async with refused("STOPPING") as caught:
            await call.read()
        assert caught[0].kind is Kind.UNAVAILABLE
        assert caught[0].details["durable_blocks"] == "2"
