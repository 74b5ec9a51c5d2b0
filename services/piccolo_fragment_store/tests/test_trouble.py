"""The process in trouble: told to stop while it writes, a spoilt index, a full disk, a state folder that
is not its own; and what its log says."""

from __future__ import annotations

import base64
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from piccolo.fragment_store.v1 import claim_pb2
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub
from piccolo_chassis.errors import Kind
from piccolo_chassis.testing import Service, no_leaked_processes, running, spawned
from piccolo_formats.digests import DIGEST_SIZE
from piccolo_formats.records.keeping import Receipt
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.testing.attestation import serving
from piccolo_fragment_store.testing.keeping import sample
from piccolo_fragment_store.tests.peers import (
    CHECKPOINT,
    Peers,
    blocks,
    finish,
    get,
    opening,
    refused,
    state,
    store_request,
    told,
)
from piccolo_fragment_store.tests.test_process import settings

pytestmark = [pytest.mark.component, pytest.mark.usefixtures("no_leaked_processes")]
__all__ = ["no_leaked_processes"]


class Box:
    """One device's keeper, which is started again and again over the same state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.peers, self.starts = folder, Peers(folder), 0
        self.peers.attestation.circle = self.peers.circle()

    @asynccontextmanager
    async def keeper(self, **changes: Any) -> AsyncIterator[tuple[Service, FragmentServiceStub]]:
        """The process, ready, and the keeper as Ana calls it."""
        self.starts += 1
        process = running("fragment-store", settings(self.folder, **changes), self.folder / "p")
        async with serving(self.peers.attestation, self.folder / "a.sock"), process as started:
            await self.peers.attestation.until_registered(self.starts)
            async with self.peers.calling(self.peers.ana.vault_tls) as called:
                yield started, called


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


async def test_told_to_stop_it_tells_each_put_how_far_it_is_durable(box: Box) -> None:
    piece = sample(box.peers.ana.id, 1, blocks=4)
    async with box.keeper() as (process, keeper):
        call = keeper.Put()
        await call.write(opening(piece, 1))
        await call.read()
        await call.write(blocks(piece, 0, 2))
        await call.write(CHECKPOINT)
        assert (await told(call)).durable_blocks == 2
        await call.write(blocks(piece, 2, 3))
        process.process.send_signal(signal.SIGTERM)
        async with refused("STOPPING") as caught:
            while True:
                last = await told(call)
        assert caught[0].kind is Kind.UNAVAILABLE
        assert last.durable_blocks == int(caught[0].details["durable_blocks"])
        assert last.durable_blocks in (2, 3)  # the third may still have been on its way
        assert await process.exited() == 0
    async with box.keeper() as (process, keeper):
        call = keeper.Put()
        await call.write(opening(piece, 1))
        begun = await told(call)
        assert begun.durable_blocks == last.durable_blocks
        assert begun.leaves_digest == piece.leaves_digest(begun.durable_blocks)
        await call.write(blocks(piece, begun.durable_blocks, 4))
        await call.write(finish(piece))
        receipt = open_signed(Receipt, (await told(call)).receipt).record
        assert receipt.entries[0].root == piece.root
        assert await get(keeper, piece) == piece.data


@pytest.mark.parametrize("spoilt", ["flipped", "torn", "removed"])
async def test_a_spoilt_index_is_rebuilt_at_the_start(box: Box, spoilt: str) -> None:
    live, buried = sample(box.peers.ana.id, 1), sample(box.peers.ana.id, 2)
    async with box.keeper() as (process, keeper):
        for seq, piece in enumerate((live, buried), 1):
            await keeper.Store(store_request(box.peers.ana, piece, seq))
        tombstone = box.peers.ana.tombstone([buried.key.fragment], 1, 3)
        await keeper.Bury(wire.BuryRequest(tombstone=tombstone))
    index = box.folder / "state" / "index.sqlite"
    data = bytearray(index.read_bytes())
    match spoilt:
        case "flipped":
            data[200:6000] = bytes(byte ^ 0x55 for byte in data[200:6000])
            index.write_bytes(data)
        case "torn":
            index.write_bytes(data[: len(data) // 2])
        case "removed":
            index.unlink()
    async with box.keeper() as (process, keeper):
        found = [info.state for info in await state(keeper, live, buried)]
        assert found == [wire.FRAGMENT_STATE_LIVE, wire.FRAGMENT_STATE_TRASH]
        assert await get(keeper, live) == live.data
        ids = [live.key.fragment]
        (record,) = (await keeper.GetRecords(wire.GetRecordsRequest(fragment_ids=ids))).records
        assert record.commit_record == box.peers.ana.commit(1, 1)
    assert not any(line.get("level") in ("error", "critical") for line in process.log())


async def test_a_full_disk_refuses_what_is_new_and_serves_buries_and_commits_what_is_here(box: Box) -> None:
    live, whole, new = (sample(box.peers.ana.id, number) for number in (1, 2, 3))
    async with box.keeper() as (_, keeper):
        await keeper.Store(store_request(box.peers.ana, live, 1))
        async for _ in keeper.Put(iter([opening(whole, 2), blocks(whole, 0, 3), finish(whole)])):
            pass
    reserve = shutil.disk_usage(box.folder).free * 3 // 2  # half of it is for the records of what is here
    async with box.keeper(disk_reserve_bytes=reserve) as (_, keeper):
        async with refused("DISK_FULL") as caught:
            await keeper.Store(store_request(box.peers.ana, new, 3))
        assert caught[0].kind is Kind.FULL
        async with refused("DISK_FULL"):
            async for _ in keeper.Put(iter([opening(new, 3)])):
                pass
        assert (await keeper.Notice(wire.NoticeRequest())).full
        assert await get(keeper, live) == live.data
        await keeper.Store(store_request(box.peers.ana, live, 1))  # what is here already is success
        record = box.peers.ana.commit(1, 4)
        await keeper.Commit(
            wire.CommitRequest(fragment_id=whole.key.fragment, root=whole.root, commit_record=record)
        )
        tombstone = box.peers.ana.tombstone([live.key.fragment], 1, 5)
        assert (await keeper.Bury(wire.BuryRequest(tombstone=tombstone))).buried == 1
        found = [info.state for info in await state(keeper, live, whole, new)]
        assert found == [
            wire.FRAGMENT_STATE_TRASH,
            wire.FRAGMENT_STATE_LIVE,
            wire.FRAGMENT_STATE_UNSPECIFIED,
        ]
        assert not list((box.folder / "state" / "incoming").rglob("*.*"))


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("piccolo-fragment-store 2\n", "newer release"),
        ("piccolo-fragment-store 0\n", "older release"),
        ("piccolo-metadata 1\n", "no state folder of piccolo-fragment-store"),
        ("", "no state folder of piccolo-fragment-store"),
    ],
)
async def test_a_state_folder_of_another_version_or_service_is_refused_and_left_alone(
    tmp_path: Path, said: str, word: str
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "format").write_text(said)
    async with spawned("fragment-store", settings(tmp_path), tmp_path / "p") as process:
        assert await process.exited() == 78
        assert word in process.raw_log()
    assert {path.name for path in (tmp_path / "state").iterdir()} <= {"format", ".lock"}
    assert (tmp_path / "state" / "format").read_text() == said


async def test_nothing_secret_and_nothing_kept_is_in_its_log(box: Box) -> None:
    ana = box.peers.ana
    kept, half, other = sample(ana.id, 1), sample(ana.id, 2), sample(ana.id, 1, last=70)
    device = ana.next_generation().device()
    statements = [ana.commit(1, 1), ana.tombstone([kept.key.fragment], 1, 6), ana.claim(device)]
    async with box.keeper() as (process, keeper):
        await keeper.Store(store_request(ana, kept, 1))
        async with refused("OTHER_ROOT"):
            await keeper.Store(store_request(ana, other, 2))
        async with refused("STATEMENT_INVALID"):
            request = store_request(ana, half, 3)
            request.commit_record = b"a summary that is no record"
            await keeper.Store(request)
        async with refused("ROOT_MISMATCH"):
            wrong = wire.PutRequest(finish=wire.PutFinish(blocks=3, root=bytes(32)))
            async for _ in keeper.Put(iter([opening(half, 4), blocks(half, 0, 3), wrong])):
                pass
        await keeper.Bury(wire.BuryRequest(tombstone=statements[1]))
        keys = box.folder / "state" / "keys"
        seed, pem = ((keys / name).read_bytes()[DIGEST_SIZE:] for name in ("signing.key", "tls.key"))
        der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
        secret = [seed, pem, der, b"a summary that is no record"]
        await get(keeper, kept)
        async with box.peers.calling(ana.enrol) as blank:
            await blank.Claim(claim_pb2.ClaimRequest(claim=statements[2], device=device.to_bytes()))
    log = unquoted(process.raw_log())
    assert "OTHER_ROOT" in log  # it does say what happened
    assert "PRIVATE KEY" not in log
    for each in (*secret, *statements, *kept.blocks, *half.blocks, *other.blocks):
        for form in spellings(each):
            assert form not in log


def spellings(secret: bytes) -> Iterator[str]:
    """How bytes may come into a log: the middle of them, so that neither quoting nor padding hides it."""
    begin = len(secret) // 2 // 3 * 3
    piece = secret[begin : begin + 12]
    assert len(piece) >= 6
    yield piece.hex()
    yield base64.b64encode(piece).decode().rstrip("=")[:-1]
    yield base64.urlsafe_b64encode(piece).decode().rstrip("=")[:-1]
    yield unquoted(repr(piece)[2:-1])


def unquoted(text: str) -> str:
    """Text without what quoting adds, once or twice."""
    return text.translate({ord(mark): None for mark in "\\'\""})
