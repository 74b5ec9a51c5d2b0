"""How fast a keeper takes in and gives out, through real mTLS on the loopback, both sides on one machine."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub as Keeper
from piccolo_chassis.testing import running

from piccolo_fragment_store.testing.attestation import serving
from piccolo_fragment_store.testing.keeping import Sample, sample
from piccolo_fragment_store.tests.peers import Peers, blocks, finish, opening, store_request
from piccolo_fragment_store.tests.test_process import settings

pytestmark = pytest.mark.bench
MIB = 1 << 20
ROUNDS = 3


async def test_speed(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    peers.attestation.circle = peers.circle()
    config = settings(tmp_path, offer_bytes=1 << 34)
    config["serve"] = {"log_level": "warning"}
    async with (
        serving(peers.attestation, tmp_path / "a.sock"),
        running("fragment-store", config, tmp_path / "p"),
    ):
        await peers.attestation.until_registered()
        async with peers.calling(peers.ana.vault_tls) as keeper:
            await _streams(peers, keeper)
            await _stores(peers, keeper)


async def _streams(peers: Peers, keeper: Keeper) -> None:
    put, get = [], []
    for number in range(1, ROUNDS + 1):
        piece = sample(peers.ana.id, number, blocks=64 * 4, block_size=MIB // 4)
        begun = time.perf_counter()
        async for _ in keeper.Put(_messages(piece, number)):
            pass
        put.append(64 * MIB / (time.perf_counter() - begun) / 1e6)
        begun, size = time.perf_counter(), 0
        async for message in keeper.Get(wire.GetRequest(fragment_id=piece.key.fragment)):
            size += len(message.blocks)
        assert size == 64 * MIB
        get.append(64 * MIB / (time.perf_counter() - begun) / 1e6)
    fast, faster = statistics.median(put), statistics.median(get)
    say(f"64 MiB in blocks of 256 KiB: Put {fast:.0f} MB/s, Get {faster:.0f} MB/s")


async def _messages(piece: Sample, number: int) -> AsyncIterator[wire.PutRequest]:
    yield opening(piece, number, 0)
    for first in range(0, len(piece.blocks), 4):
        yield blocks(piece, first, first + 4)
    yield finish(piece)


async def _stores(peers: Peers, keeper: Keeper) -> None:
    pieces = [sample(peers.ana.id, 1000 + number, blocks=1, block_size=1024) for number in range(300)]
    requests = [store_request(peers.ana, piece, 1000 + number) for number, piece in enumerate(pieces)]
    seconds = []
    for request in requests:
        begun = time.perf_counter()
        await keeper.Store(request)
        seconds.append(time.perf_counter() - begun)
    middle, late = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    say(f"Store of 1 KiB: median {middle * 1e3:.2f} ms, 99 % within {late * 1e3:.2f} ms")


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
