"""The scrub in its process: bits flip on a real disk, and their owner hears of it when it asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from piccolo.fragment_store.v1 import fragment_pb2
from piccolo.fragment_store.v1 import keeper_pb2 as wire
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub
from piccolo.fragment_store.v1.keeper_pb2_grpc import KeeperServiceStub
from piccolo_chassis.testing import no_leaked_processes, running

from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import Place, State
from piccolo_fragment_store.testing.attestation import serving
from piccolo_fragment_store.testing.keeping import Sample, sample
from piccolo_fragment_store.tests.peers import Peers, get, state, store_request
from piccolo_fragment_store.tests.test_process import settings

pytestmark = [pytest.mark.component, pytest.mark.usefixtures("no_leaked_processes")]
__all__ = ["no_leaked_processes"]
# from the file's beginning, or its end: a block, the leaves, the commit record, the trailer, the header
PLACES = {"block": 600, "leaf": 512 + 768 + 40, "record": 512 + 768 + 96 + 60, "trailer": -60, "header": 40}


def flip(folder: Path, piece: Sample, offset: int) -> None:
    """Changes one bit of a fragment's file where it lies, as a disk does: without a word about the time."""
    path = folder / "state" / layout.path(piece.key, Place(State.LIVE))
    data, about = bytearray(path.read_bytes()), path.stat()
    data[offset] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


async def scrubbed(keeper: KeeperServiceStub) -> wire.ScrubStatus:
    """Reads everything now; returns how that ended."""
    before = (await keeper.GetKeeperStatus(wire.GetKeeperStatusRequest())).scrub.rounds
    await keeper.BeginScrub(wire.BeginScrubRequest())
    while True:
        status = await keeper.GetKeeperStatus(wire.GetKeeperStatusRequest())
        if not status.scrub.running and status.scrub.rounds > before:
            return status.scrub


async def notice(keeper: FragmentServiceStub) -> fragment_pb2.NoticeResponse:
    return await keeper.Notice(fragment_pb2.NoticeRequest())


async def test_flipped_bits_are_found_told_and_healed(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    peers.attestation.circle = peers.circle()
    pieces = {part: sample(peers.ana.id, number) for number, part in enumerate(PLACES, 1)}
    sound = sample(peers.ana.id, 99)
    async with (
        serving(peers.attestation, tmp_path / "a.sock"),
        running("fragment-store", settings(tmp_path), tmp_path / "p") as process,
        process.connect() as channel,
    ):
        await peers.attestation.until_registered()
        own = KeeperServiceStub(channel)
        async with peers.calling(peers.ana.vault_tls) as ana, peers.calling(peers.ben.vault_tls) as ben:
            for seq, piece in enumerate((*pieces.values(), sound), 1):
                await ana.Store(store_request(peers.ana, piece, seq))
            for part, piece in pieces.items():
                flip(tmp_path, piece, PLACES[part])
            assert (await scrubbed(own)).last_damaged_fragments == len(pieces)
            ids = sorted(piece.key.fragment for piece in pieces.values())
            assert list((await notice(ana)).damaged) == ids
            assert not (await notice(ben)).damaged  # it is nobody else's concern
            assert [each.damaged for each in await state(ana, *pieces.values(), sound)] == [True] * 5 + [
                False
            ]
            for seq, piece in enumerate(pieces.values(), 20):
                await ana.Store(store_request(peers.ana, piece, seq))
            assert not (await notice(ana)).damaged
            assert (await scrubbed(own)).last_damaged_fragments == 0
            for piece in (*pieces.values(), sound):
                assert await get(ana, piece) == piece.data


async def test_how_far_it_was_and_what_it_found_outlive_a_kill(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    peers.attestation.circle = peers.circle()
    piece = sample(peers.ana.id, 1)
    async with serving(peers.attestation, tmp_path / "a.sock"):
        async with running("fragment-store", settings(tmp_path), tmp_path / "p") as process:
            await peers.attestation.until_registered()
            async with peers.calling(peers.ana.vault_tls) as ana, process.connect() as channel:
                await ana.Store(store_request(peers.ana, piece, 1))
                flip(tmp_path, piece, 600)
                first = await scrubbed(KeeperServiceStub(channel))
            await process.kill()
        async with running("fragment-store", settings(tmp_path), tmp_path / "p") as process:
            await peers.attestation.until_registered(2)
            async with peers.calling(peers.ana.vault_tls) as ana, process.connect() as channel:
                status = await KeeperServiceStub(channel).GetKeeperStatus(wire.GetKeeperStatusRequest())
                assert status.scrub == first
                assert status.damaged_fragments == 1
                assert list((await notice(ana)).damaged) == [piece.key.fragment]
