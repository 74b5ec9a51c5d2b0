"""What an owner borrowed and others need: asked for by a notice, moved by the owner, deleted by nobody."""

from __future__ import annotations

import pytest
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo_formats.records.keeping import Notice, NoticeKind
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.testing.keeping import Sample, sample
from piccolo_fragment_store.tests.peers import get, meeting, refused, store_request

pytestmark = pytest.mark.component
SHARE = 4 << 20


def piece(owner: bytes, number: int) -> Sample:
    return sample(owner, number, blocks=62, block_size=16_384)  # with its leaves, 1 MiB


@pytest.mark.parametrize("told", [False, True])
async def test_what_was_borrowed_is_asked_for_and_kept_until_its_owner_moves_it(told: bool) -> None:
    async with meeting(offer_bytes=2 * SHARE) as peers:
        ana, ben = peers.ana, peers.ben
        async with peers.calling(ana.vault_tls) as of_ana, peers.calling(ben.vault_tls) as of_ben:
            hers = [piece(ana.id, number) for number in range(6)]
            for seq, each in enumerate(hers, 1):
                await of_ana.Store(store_request(ana, each, seq))
            before = await of_ana.Notice(wire.NoticeRequest())
            assert before.owner_bytes > before.share_bytes == SHARE
            assert not before.full
            assert not before.beyond_bytes
            for seq in range(1, 3):
                await of_ben.Store(store_request(ben, piece(ben.id, seq), seq))
            await of_ana.Notice(wire.NoticeRequest(wanted_bytes=1 << 20))  # she has more than her share
            assert not (await of_ben.Notice(wire.NoticeRequest())).notices
            assert not (await of_ana.Notice(wire.NoticeRequest())).notices  # nobody else needs it yet
            if told:
                await of_ben.Notice(wire.NoticeRequest(wanted_bytes=1 << 20))
            else:
                async with refused("OFFER_FULL"):
                    await of_ben.Store(store_request(ben, piece(ben.id, 3), 3))
            asked = await of_ana.Notice(wire.NoticeRequest())
            (notice,) = asked.notices
            assert open_signed(Notice, notice).record.kind is NoticeKind.EVICT
            assert asked.beyond_bytes == asked.owner_bytes - SHARE
            assert asked.full
            assert asked.free_bytes == 0
            async with refused("ASKED_TO_MOVE"):
                await of_ana.Store(store_request(ana, piece(ana.id, 9), 20))
            for each in hers:
                assert await get(of_ana, each) == each.data  # nothing was deleted
            assert not (await of_ben.Notice(wire.NoticeRequest())).notices
            moved = [each.key.fragment for each in hers[:4]]
            await of_ana.Bury(wire.BuryRequest(tombstone=ana.tombstone(moved, 1, 30)))
            after = await of_ana.Notice(wire.NoticeRequest())
            assert after.beyond_bytes == 0  # though the trash keeps them for 45 days
            assert after.owner_bytes == asked.owner_bytes
