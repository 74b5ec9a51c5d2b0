"""The keeper and attestation: who waits for whom, and what goes on without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from piccolo.attestation.v1 import circle_pb2 as wire_of_trust
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1 import keeper_pb2
from piccolo.fragment_store.v1.keeper_pb2_grpc import KeeperServiceStub
from piccolo_chassis import rpc

from piccolo_fragment_store.adapters.circle_file import CircleFile
from piccolo_fragment_store.adapters.circle_wire import to_circle
from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.circle import Circle, Standing
from piccolo_fragment_store.engine.membership import Membership
from piccolo_fragment_store.testing.attestation import serving, told_circle
from piccolo_fragment_store.testing.keeping import InlineWorkers, sample
from piccolo_fragment_store.testing.people import Person, circle_of
from piccolo_fragment_store.tests.peers import Peers, store_request

LIST = wire.ListMineRequest()


@pytest_asyncio.fixture
async def peers() -> AsyncIterator[Peers]:
    with TemporaryDirectory(dir="/tmp") as folder:
        made = Peers(Path(folder))
        made.attestation.circle = made.circle()
        yield made


async def refusing(peers: Peers) -> str:
    async with rpc.connect(peers.socket) as channel:
        status = await KeeperServiceStub(channel).GetKeeperStatus(keeper_pb2.GetKeeperStatusRequest())
    assert bool(status.refusing) == bool(status.refusing_reason)
    return status.refusing_reason


@pytest.mark.component
async def test_without_attestation_it_stays_up_and_says_why_it_serves_nobody(peers: Peers) -> None:
    async with peers.keeper():
        assert await refusing(peers) == "CIRCLE_UNKNOWN"
        async with serving(peers.attestation, peers.folder / "a.sock"):
            await peers.attestation.until_registered()
            async with peers.calling(peers.ana.vault_tls) as keeper:
                await keeper.ListMine(LIST)
            assert await refusing(peers) == ""


@pytest.mark.component
async def test_what_it_registers_is_what_it_serves_with(peers: Peers) -> None:
    async with serving(peers.attestation, peers.folder / "a.sock"):
        async with peers.keeper(offer_bytes=12345):
            await peers.attestation.until_registered()
        async with peers.keeper(endpoint="box.example:4711"):
            await peers.attestation.until_registered(2)
    first, second = peers.attestation.registered
    assert first.keys.role == "fragment-store"
    assert first.keys == second.keys  # the keys are kept
    assert first.offer_bytes == 12345
    assert first.endpoint.startswith("127.0.0.1:")
    assert second.endpoint == "box.example:4711"


@pytest.mark.component
async def test_members_are_served_after_a_restart_without_attestation(peers: Peers) -> None:
    piece = sample(peers.ana.id, 1)
    async with serving(peers.attestation, peers.folder / "a.sock"), peers.keeper() as host:
        await peers.attestation.until_registered()
        async with peers.calling(peers.ana.vault_tls) as keeper:
            await keeper.Store(store_request(peers.ana, piece, 1))
    address = peers.endpoint
    async with peers.keeper(address=address) as host:
        async with peers.calling(peers.ana.vault_tls) as keeper:
            (info,) = (await keeper.ListMine(LIST)).fragments
            assert info.root == piece.root
        assert len(peers.attestation.registered) == 1
        async with serving(peers.attestation, peers.folder / "a.sock"):
            await peers.attestation.until_registered(2)
    assert host.stopping.is_set()


@pytest.mark.component
async def test_attestation_that_comes_back_is_told_again_and_heard_again(peers: Peers) -> None:
    async with peers.keeper():
        async with serving(peers.attestation, peers.folder / "a.sock"):
            await peers.attestation.until_registered()
        carl = Person()
        peers.attestation.circle = told_circle(peers.own, peers.ana, carl)
        async with serving(peers.attestation, peers.folder / "a.sock"):
            await peers.attestation.until_registered(2)
            async with peers.calling(carl.vault_tls) as keeper:
                await keeper.ListMine(LIST)


@pytest.mark.component
async def test_before_there_is_a_circle_nobody_is_let_in(peers: Peers) -> None:
    peers.attestation.circle = None
    async with serving(peers.attestation, peers.folder / "a.sock"), peers.keeper():
        await peers.attestation.until_registered()
        async with peers.dial(peers.ana.vault_tls) as channel:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await channel.channel_ready()
        await peers.attestation.tell(peers.circle())
        async with peers.calling(peers.ana.vault_tls) as keeper:
            await keeper.ListMine(LIST)


async def test_a_removal_counts_also_when_the_disk_is_full() -> None:
    own, ana = Person(), Person()
    heard: list[Circle] = []

    class Once:
        async def register(self, endpoint: str, offer_bytes: int) -> None:
            pass

        async def watch(self) -> AsyncIterator[tuple[Circle, bytes]]:
            yield circle_of(own, ana), b"first"
            yield circle_of(own), b"second"
            await asyncio.Event().wait()

        async def adopt(self, device: bytes, claim: bytes, successors: Sequence[bytes]) -> None:
            pass

    class Full:
        def load(self) -> Circle | None:
            return None

        def save(self, circle: bytes) -> None:
            raise refusals.disk_full(0)

    done = asyncio.Event()

    def changed(circle: Circle) -> None:
        heard.append(circle)
        if len(heard) == 2:
            done.set()

    membership = Membership(Once(), Full(), InlineWorkers(), changed)
    task = asyncio.create_task(membership.follow("here:1", 1))
    async with asyncio.timeout(5):
        await done.wait()
    task.cancel()
    assert [circle.members for circle in heard] == [2, 1]
    assert membership.circle is heard[1]


def test_the_circle_is_read_as_it_is_told() -> None:
    own, ana = Person(), Person()
    circle, expected = to_circle(told_circle(own, ana)), circle_of(own, ana)
    assert circle.id == expected.id
    assert (circle.self_owner, circle.self_generation) == (own.id, 1)
    assert circle.members == 2
    assert circle.admissions == expected.admissions
    assert circle.owners == expected.owners


def test_members_that_left_do_not_shrink_the_share() -> None:
    own, ana, ben = Person(), Person(), Person()
    told = told_circle(own, ana, ben)
    told.members[2].state = wire_of_trust.MEMBER_STATE_EXPELLED
    assert to_circle(told).members == 2


def test_a_certificate_that_is_no_roles_is_left_out() -> None:
    own, ana = Person(), Person()
    told = told_circle(own, ana)
    certificate = bytearray(ana.vault_tls.certificate)
    certificate[-1] ^= 1
    told.admissions[3].certificate = bytes(certificate)
    left = to_circle(told).admissions
    assert bytes(certificate) not in left
    assert len(left) == 5


def test_the_kept_circle_comes_back_or_not_at_all(tmp_path: Path) -> None:
    own, ana = Person(), Person()
    told = told_circle(own, ana, admissions=ana.admissions(Standing.LEAVING))
    file = CircleFile(tmp_path / "circle")
    assert file.load() is None
    file.save(told.SerializeToString())
    assert file.load() == to_circle(told)
    data = bytearray((tmp_path / "circle").read_bytes())
    for at in range(0, len(data), 37):
        spoilt = bytearray(data)
        spoilt[at] ^= 1
        (tmp_path / "circle").write_bytes(spoilt)
        assert file.load() is None
    (tmp_path / "circle").write_bytes(b"")
    assert file.load() is None
