"""The service as the process it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1 import keeper_pb2
from piccolo.fragment_store.v1.keeper_pb2_grpc import KeeperServiceStub
from piccolo_chassis import command
from piccolo_chassis.testing import grpcurl, no_leaked_processes, running, spawned

from piccolo_fragment_store.testing.attestation import serving
from piccolo_fragment_store.testing.keeping import sample
from piccolo_fragment_store.tests.peers import Peers, blocks, opening, store_request

pytestmark = [pytest.mark.component, pytest.mark.usefixtures("no_leaked_processes")]
__all__ = ["no_leaked_processes"]


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "state": str(folder / "state"),
        "attestation": str(folder / "a.sock"),
        "address": "127.0.0.1:0",
        "offer_bytes": 1 << 30,
        "disk_reserve_bytes": 0,
        **more,
    }


async def test_grpcurl_lists_describes_and_calls_it(tmp_path: Path) -> None:
    async with running("fragment-store", settings(tmp_path), tmp_path / "p") as process:
        at = ["-plaintext", "-unix", str(process.socket)]
        listed = await command.run([grpcurl(), *at, "list"], seconds=20)
        assert b"piccolo.fragment_store.v1.KeeperService" in listed.stdout
        assert b"FragmentService" not in listed.stdout  # that one is for peers
        described = await command.run(
            [grpcurl(), *at, "describe", "piccolo.fragment_store.v1.KeeperService"], seconds=20
        )
        assert b"rpc RebuildIndex" in described.stdout
        method = "piccolo.fragment_store.v1.KeeperService/GetKeeperStatus"
        called = await command.run([grpcurl(), *at, method], seconds=20)
        assert json.loads(called.stdout)["offer_bytes"] == str(1 << 30)


async def test_what_it_keeps_survives_being_killed(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    peers.attestation.circle = peers.circle()
    kept, half = sample(peers.ana.id, 1), sample(peers.ana.id, 2)
    async with serving(peers.attestation, tmp_path / "a.sock"):
        async with running("fragment-store", settings(tmp_path), tmp_path / "p") as process:
            await peers.attestation.until_registered()
            async with peers.calling(peers.ana.vault_tls) as keeper:
                await keeper.Store(store_request(peers.ana, kept, 1))
                call = keeper.Put()
                await call.write(opening(half, 2))
                await call.read()
                await call.write(blocks(half, 0, 2))
                await call.write(wire.PutRequest(checkpoint=wire.PutCheckpoint()))
                await call.read()
                await process.kill()
        async with running("fragment-store", settings(tmp_path), tmp_path / "p") as process:
            await peers.attestation.until_registered(2)
            async with peers.calling(peers.ana.vault_tls) as keeper:
                first, second = (await keeper.ListMine(wire.ListMineRequest())).fragments
            assert (first.state, first.root) == (wire.FRAGMENT_STATE_LIVE, kept.root)
            assert (second.state, second.bytes) == (wire.FRAGMENT_STATE_INCOMING, 512)
            async with process.connect() as channel:
                stub = KeeperServiceStub(channel)
                rebuilt = await stub.RebuildIndex(keeper_pb2.RebuildIndexRequest())
                assert (rebuilt.fragments, rebuilt.strangers) == (1, 0)
                (owner,) = (await stub.ListOwners(keeper_pb2.ListOwnersRequest())).owners
                assert (owner.owner_id, owner.fragments) == (peers.ana.id, 2)
                status = await stub.GetKeeperStatus(keeper_pb2.GetKeeperStatusRequest())
                assert (status.live_fragments, status.used_bytes) == (1, 8192)
        assert not any(line.get("level") in ("error", "critical") for line in process.log())


async def test_wrong_settings_are_told_in_words(tmp_path: Path) -> None:
    for wrong, word in (
        ({"offer_bytes": -1}, "not negative"),
        ({"ofer": 1}, "unknown key"),
        ({"address": "x"}, "host:port"),
    ):
        async with spawned("fragment-store", settings(tmp_path, **wrong), tmp_path / "p") as process:
            assert await process.exited() == 78
            assert word in process.raw_log()
