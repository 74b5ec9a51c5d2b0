"""A keeper with everything it has: the peers' port with mTLS, the Unix socket, an attestation beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
from piccolo.attestation.v1 import circle_pb2 as trust
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1 import fragment_pb2_grpc as stubs
from piccolo_chassis import rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.interceptors import Limits
from piccolo_formats import merkle, tls
from piccolo_formats.fragment_file import split_leaves

from piccolo_fragment_store.__main__ import wiring
from piccolo_fragment_store.config import Config
from piccolo_fragment_store.testing.attestation import Attestation, serving, told_circle
from piccolo_fragment_store.testing.keeping import Sample
from piccolo_fragment_store.testing.people import Person, TlsPair

CHECKPOINT = wire.PutRequest(checkpoint=wire.PutCheckpoint())
Call = grpc.aio.StreamStreamCall[wire.PutRequest, wire.PutResponse]


@dataclass
class Peers:
    """One keeper, its owner, and two members who keep fragments with it."""

    folder: Path
    own: Person = field(default_factory=Person)
    ana: Person = field(default_factory=Person)
    ben: Person = field(default_factory=Person)
    attestation: Attestation = field(default_factory=Attestation)
    host: Host = field(init=False)

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "s.sock"

    @property
    def certificate(self) -> bytes:
        """The keeper's, as it registered it."""
        return self.attestation.registered[-1].keys.tls

    @property
    def endpoint(self) -> str:
        return self.attestation.registered[-1].endpoint

    def circle(self, **changes: Any) -> trust.Circle:
        return told_circle(self.own, self.ana, self.ben, **changes)

    def circle_with(self, ana: Person) -> trust.Circle:
        """The circle after Ana's device was replaced by one that claimed its generation."""
        people = (self.own, ana, self.ben)
        admitted = [each for person in people for each in person.admissions()]
        told = told_circle(*people, admissions=[*admitted, *self.ana.admissions(replaced=True)])
        told.members[1].claim = ana.claim(ana.device())
        return told

    def dial(self, pair: TlsPair | None, chain: bytes = b"") -> Channel:
        """A channel to the keeper, with a client certificate (or another one with its chain) or without."""
        key, certificate = pair.pem if pair else (None, None)
        credentials = grpc.ssl_channel_credentials(tls.to_pem(self.certificate), key, chain or certificate)
        name = tls.certificate_name(self.certificate)
        options = [("grpc.ssl_target_name_override", name)]
        return rpc.connect(self.endpoint, credentials=credentials, options=options)

    @asynccontextmanager
    async def calling_any(self, pair: TlsPair) -> AsyncIterator[Channel]:
        """A channel to the keeper, as soon as it lets the caller in."""
        async with self.dial(pair) as channel:
            async with asyncio.timeout(20):
                await channel.channel_ready()
            yield channel

    @asynccontextmanager
    async def calling(self, pair: TlsPair) -> AsyncIterator[stubs.FragmentServiceStub]:
        """The keeper as a member calls it, as soon as it lets the member in."""
        async with self.calling_any(pair) as channel:
            yield stubs.FragmentServiceStub(channel)

    @asynccontextmanager
    async def keeper(self, **settings: Any) -> AsyncIterator[Host]:
        """The keeper, serving, until the context is left."""
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        config = Config(
            **{
                "state": self.folder / "state",
                "attestation": self.folder / "a.sock",
                "address": "127.0.0.1:0",
                "offer_bytes": 1 << 30,
                "disk_reserve_bytes": 0,
                **settings,
            }
        )
        host = Host("fragment-store", self.socket, Limits(30, 60))
        async with host.task_group, wiring(config, host):
            await host.start()
            try:
                yield host
            finally:
                await host.stop(2)
                await host.task_group.finish()


@asynccontextmanager
async def meeting(**settings: Any) -> AsyncIterator[Peers]:
    """Attestation and the keeper, which knows the circle and is ready for its members."""
    with TemporaryDirectory(dir="/tmp") as folder:  # short: sockets' paths are
        peers = Peers(Path(folder))
        peers.attestation.circle = peers.circle()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(peers.attestation, peers.folder / "a.sock"))
            peers.host = await stack.enter_async_context(peers.keeper(**settings))
            await peers.attestation.until_registered()
            yield peers


@asynccontextmanager
async def refused(reason: str) -> AsyncIterator[list[PiccoloError]]:
    """What is awaited inside fails with this reason."""
    caught: list[PiccoloError] = []
    with pytest.raises(PiccoloError) as found:
        yield caught
    caught.append(found.value)
    assert found.value.reason == reason, found.value


def head(sample: Sample, seq: int, *, generation: int = 1, expected: bool = True) -> wire.FragmentHead:
    return wire.FragmentHead(
        fragment_id=sample.key.fragment,
        block_size=sample.block_size,
        generation=generation,
        seq=seq,
        expected_bytes=len(sample.data) if expected else None,
    )


def store_request(person: Person, sample: Sample, seq: int) -> wire.StoreRequest:
    return wire.StoreRequest(
        head=head(sample, seq, generation=person.generation),
        blocks=sample.data,
        root=sample.root,
        commit_record=person.commit(person.generation, seq),
    )


def opening(sample: Sample, seq: int, resume_at: int | None = None) -> wire.PutRequest:
    return wire.PutRequest(open=wire.PutOpen(head=head(sample, seq), resume_at=resume_at))


def blocks(sample: Sample, first: int, last: int) -> wire.PutRequest:
    return wire.PutRequest(blocks=b"".join(sample.blocks[first:last]))


def finish(sample: Sample) -> wire.PutRequest:
    return wire.PutRequest(finish=wire.PutFinish(blocks=len(sample.blocks), root=sample.root))


async def get(keeper: stubs.FragmentServiceStub, piece: Sample, first: int = 0, count: int = 0) -> bytes:
    """Blocks, checked as an owner checks them."""
    request = wire.GetRequest(fragment_id=piece.key.fragment, first_block=first, blocks=count)
    messages = [each async for each in keeper.Get(request)]
    _check(piece, messages[0].head, first)
    return b"".join(each.blocks for each in messages)


async def load(keeper: stubs.FragmentServiceStub, piece: Sample, first: int = 0, count: int = 0) -> bytes:
    """The same, loaded at once."""
    request = wire.LoadRequest(fragment_id=piece.key.fragment, first_block=first, blocks=count)
    answer = await keeper.Load(request)
    _check(piece, answer.head, first)
    return answer.blocks


def _check(piece: Sample, told: wire.GetHead, first: int) -> None:
    assert told.root == piece.root
    leaves, proof = (
        split_leaves(told.leaves),
        [told.proof[at : at + 32] for at in range(0, len(told.proof), 32)],
    )
    sizes = (told.total_blocks, told.block_size, told.last_block_size)
    merkle.verify_range(told.root, *sizes, first, leaves, proof)


async def told(call: Call) -> wire.PutResponse:
    """The next answer of a put."""
    answer = await call.read()
    assert isinstance(answer, wire.PutResponse)
    return answer


async def state(keeper: stubs.FragmentServiceStub, *pieces: Sample) -> list[wire.FragmentInfo]:
    request = wire.StatRequest(fragment_ids=[piece.key.fragment for piece in pieces])
    return list((await keeper.Stat(request)).fragments)
