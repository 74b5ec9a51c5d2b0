"""The peers' port as members use it: real mTLS, real calls, an attestation beside it."""

from __future__ import annotations

import pytest
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub as Keeper
from piccolo_chassis.errors import Kind
from piccolo_formats.records.keeping import FragmentState, Receipt
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.testing.keeping import sample
from piccolo_fragment_store.tests.peers import (
    Peers,
    blocks,
    finish,
    get,
    head,
    load,
    meeting,
    opening,
    refused,
    state,
    store_request,
)

pytestmark = pytest.mark.component


async def test_a_small_fragment_is_kept_and_read_back(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1, last=99)
    kept = await keeper.Store(store_request(peers.ana, piece, 7))
    receipt = open_signed(Receipt, kept.receipt, [peers.attestation.registered[0].keys.signing]).record
    assert (receipt.keeper, receipt.owner) == (peers.own.id, peers.ana.id)
    (entry,) = receipt.entries
    assert (entry.root, entry.size, entry.state) == (piece.root, len(piece.data), FragmentState.COMMITTED)
    assert (entry.generation, entry.seq) == (1, 7)
    assert await get(keeper, piece) == piece.data
    (info,) = await state(keeper, piece)
    assert (info.state, info.bytes, info.seq) == (wire.FRAGMENT_STATE_LIVE, len(piece.data), 7)


async def test_every_range_proves_itself(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1, blocks=6, last=1)
    await keeper.Store(store_request(peers.ana, piece, 1))
    for first in range(6):
        for count in range(1, 7 - first):
            wanted = b"".join(piece.blocks[first : first + count])
            assert await get(keeper, piece, first, count) == wanted
            assert await load(keeper, piece, first, count) == wanted
    async with refused("NO_SUCH_BLOCK"):
        await get(keeper, piece, 5, 2)
    async with refused("NO_SUCH_BLOCK"):
        await load(keeper, piece, 5, 2)


async def test_only_small_ranges_are_loaded_at_once(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1, blocks=17, block_size=4096)
    await keeper.Store(store_request(peers.ana, piece, 1))
    assert await load(keeper, piece, 1, 16) == b"".join(piece.blocks[1:])
    short = sample(peers.ana.id, 2, blocks=3, block_size=300_000, last=10)
    await keeper.Store(store_request(peers.ana, short, 2))
    assert await load(keeper, short, 2, 1) == short.blocks[2]
    async with refused("RANGE_TOO_LONG"):
        await load(keeper, short, 0, 1)
    edge = sample(peers.ana.id, 3, blocks=2, block_size=60_000, last=65_536 - 60_000)
    await keeper.Store(store_request(peers.ana, edge, 3))
    assert await load(keeper, edge) == edge.data
    async with refused("RANGE_TOO_LONG") as caught:
        await load(keeper, piece)
    assert caught[0].kind is Kind.OUT_OF_RANGE
    async with peers.calling(peers.ben.vault_tls) as other, refused("NO_FRAGMENT"):
        await load(other, piece, 0, 1)


async def test_other_bytes_under_the_same_id_are_refused(peers: Peers, keeper: Keeper) -> None:
    piece, other = sample(peers.ana.id, 1), sample(peers.ana.id, 1, last=7)
    await keeper.Store(store_request(peers.ana, piece, 1))
    async with refused("OTHER_ROOT") as caught:
        await keeper.Store(store_request(peers.ana, other, 2))
    assert caught[0].kind is Kind.CONFLICT
    async with refused("OTHER_ROOT"):
        async for _ in keeper.Put(iter([opening(other, 3), finish(other)])):
            pass
    async with refused("OTHER_ROOT"):
        await keeper.Commit(
            wire.CommitRequest(
                fragment_id=piece.key.fragment, root=other.root, commit_record=peers.ana.commit(1, 4)
            )
        )
    assert await get(keeper, piece) == piece.data


async def test_lists_are_paged_and_hold_only_ones_own(peers: Peers, keeper: Keeper) -> None:
    pieces = [sample(peers.ana.id, number, blocks=1) for number in range(1, 8)]
    for seq, piece in enumerate(pieces, 1):
        await keeper.Store(store_request(peers.ana, piece, seq))
    found, token = [], ""
    while True:
        page = await keeper.ListMine(wire.ListMineRequest(page_size=3, page_token=token))
        assert len(page.fragments) <= 3
        found += [info.fragment_id for info in page.fragments]
        if not (token := page.next_page_token):
            break
    assert found == [piece.key.fragment for piece in pieces]
    async with peers.calling(peers.ben.vault_tls) as other:
        assert not (await other.ListMine(wire.ListMineRequest())).fragments
        (info,) = (await other.Stat(wire.StatRequest(fragment_ids=[found[0]]))).fragments
        assert info.state == wire.FRAGMENT_STATE_UNSPECIFIED
        async with refused("NO_FRAGMENT"):
            async for _ in other.Get(wire.GetRequest(fragment_id=found[0])):
                pass
    async with refused("PAGE_TOKEN"):
        await keeper.ListMine(wire.ListMineRequest(page_token="no token"))


async def test_records_are_renewed_by_newer_ones_only(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1)
    await keeper.Store(store_request(peers.ana, piece, 5))
    newer, older = peers.ana.commit(1, 9, b"newer"), peers.ana.commit(1, 4, b"older")
    request = wire.PutRecordRequest(fragment_id=piece.key.fragment, commit_record=newer)
    await keeper.PutRecord(request)
    await keeper.PutRecord(request)
    async with refused("SUPERSEDED"):
        await keeper.PutRecord(wire.PutRecordRequest(fragment_id=piece.key.fragment, commit_record=older))
    ids = [piece.key.fragment, bytes(16)]
    found = await keeper.GetRecords(wire.GetRecordsRequest(fragment_ids=ids))
    assert [record.commit_record for record in found.records] == [newer, b""]
    (info,) = await state(keeper, piece)
    assert info.seq == 9


async def test_many_large_records_come_in_several_messages(peers: Peers, keeper: Keeper) -> None:
    ids = []
    for number in range(1, 4):
        piece = sample(peers.ana.id, number, blocks=1)
        request = store_request(peers.ana, piece, number)
        request.commit_record = peers.ana.commit(1, number, bytes(2_000_000))
        await keeper.Store(request)
        ids.append(piece.key.fragment)
    first = (await keeper.GetRecords(wire.GetRecordsRequest(fragment_ids=ids))).records
    assert [record.fragment_id for record in first] == ids[:2]
    rest = (await keeper.GetRecords(wire.GetRecordsRequest(fragment_ids=ids[2:]))).records
    assert [record.fragment_id for record in rest] == ids[2:]


async def test_the_owner_root_buries_and_raises(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1)
    await keeper.Store(store_request(peers.ana, piece, 1))
    ids = [piece.key.fragment]
    bury = wire.BuryRequest(tombstone=peers.ana.tombstone(ids, 1, 5))
    assert (await keeper.Bury(bury)).buried == 1
    assert (await keeper.Bury(bury)).buried == 0
    (info,) = await state(keeper, piece)
    assert (info.state, info.seq) == (wire.FRAGMENT_STATE_TRASH, 5)
    assert await get(keeper, piece) == piece.data  # the trash can still be read
    async with refused("BURIED"):
        await keeper.Store(store_request(peers.ana, piece, 3))
    raised = await keeper.Unbury(wire.UnburyRequest(undelete=peers.ana.undelete([*ids, bytes(16)], 1, 6)))
    assert (raised.restored, list(raised.gone)) == (1, [bytes(16)])
    assert (await state(keeper, piece))[0].state == wire.FRAGMENT_STATE_LIVE


async def test_statements_of_others_do_not_count(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1)
    await keeper.Store(store_request(peers.ana, piece, 1))
    ids, ben = [piece.key.fragment], peers.ben
    async with refused("SIGNATURE_INVALID") as caught:  # signed, but not by the owner's root
        await keeper.Bury(wire.BuryRequest(tombstone=ben.tombstone(ids, 1, 5)))
    assert caught[0].kind is Kind.DENIED
    async with refused("SIGNATURE_INVALID"):
        await keeper.Unbury(wire.UnburyRequest(undelete=ben.undelete(ids, 1, 5)))
    async with refused("OTHER_OWNER"):
        await keeper.PutRecord(
            wire.PutRecordRequest(fragment_id=piece.key.fragment, commit_record=ben.commit(1, 9))
        )
    async with refused("STATEMENT_INVALID"):
        await keeper.Bury(wire.BuryRequest(tombstone=b"no statement"))
    stranger = peers.ana.next_generation()
    stranger.generation = 1
    async with refused("SIGNATURE_INVALID"):  # of this generation, but not by this device's vault
        await keeper.PutRecord(
            wire.PutRecordRequest(fragment_id=piece.key.fragment, commit_record=stranger.commit(1, 9))
        )
    assert (await state(keeper, piece))[0].state == wire.FRAGMENT_STATE_LIVE


async def test_numbers_that_nobody_counts_to_are_refused(peers: Peers, keeper: Keeper) -> None:
    piece = sample(peers.ana.id, 1)
    request = store_request(peers.ana, piece, 1)
    for seq in (0, 1 << 63):
        request.head.seq = seq
        async with refused("NUMBER_OUT_OF_RANGE"):
            await keeper.Store(request)
    request.head.seq, request.head.generation = 1, 2
    async with refused("OTHER_GENERATION"):
        await keeper.Store(request)


async def test_a_full_keeper_says_so(peers: Peers) -> None:
    async with meeting(offer_bytes=100_000) as small, small.calling(small.ana.vault_tls) as keeper:
        piece = sample(small.ana.id, 1, blocks=10, block_size=50_000)
        unknown = wire.PutRequest(open=wire.PutOpen(head=head(piece, 1, expected=False)))
        async with refused("OFFER_FULL") as caught:
            await keeper.Store(store_request(small.ana, piece, 1))
        assert caught[0].kind is Kind.FULL
        async with refused("OFFER_FULL"):
            async for _ in keeper.Put(iter([unknown, blocks(piece, 0, 5)])):
                pass
        assert (await state(keeper, piece))[0].state == wire.FRAGMENT_STATE_UNSPECIFIED
        notice = await keeper.Notice(wire.NoticeRequest())
        assert notice.full
        assert notice.owner_bytes == 0


async def test_notice_tells_what_one_has_and_may_have(peers: Peers, keeper: Keeper) -> None:
    await keeper.Store(store_request(peers.ana, sample(peers.ana.id, 1), 1))
    notice = await keeper.Notice(wire.NoticeRequest())
    assert notice.owner_bytes == 4096
    assert 0 < notice.free_bytes <= (1 << 30) - 4096
    assert not notice.full
    assert not notice.notices
