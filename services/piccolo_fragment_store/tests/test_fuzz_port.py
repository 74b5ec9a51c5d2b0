"""The peers' port under whatever a member's device, or anybody who finds the port, may send.

A real process behind real mTLS. What holds: it lives, every call ends in a status that says what it is, what
is kept stays as it is, and neither memory nor descriptors go up with the number of calls. `--seed` and
`--rounds` as in the circle's tests at random: a round is twenty conversations and one rude connection.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from piccolo.attestation.v1 import peer_pb2 as trust
from piccolo.fragment_store.v1 import claim_pb2
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import Service, running

from piccolo_fragment_store.testing.attestation import serving
from piccolo_fragment_store.testing.keeping import Sample, sample
from piccolo_fragment_store.testing.people import Person
from piccolo_fragment_store.tests.peers import Peers, blocks, finish, get, opening, state, store_request
from piccolo_fragment_store.tests.test_process import settings

pytestmark = pytest.mark.component

FRAGMENTS: Final = "/piccolo.fragment_store.v1.FragmentService/"
CONVERSATIONS: Final = 20
SECONDS: Final = 15.0
FRAGMENT_IDS: Final = range(1, 9)  # the last two are kept; nothing that is valid is said against them
KEPT: Final = (7, 8)
NUMBERS: Final = (0, 1, 2, 3, 255, 4097, 2**24, 2**31, 2**32 - 1, 2**60, 2**63, 2**64 - 1)
UNTYPED: Final = frozenset({Kind.INTERNAL, Kind.TIMEOUT, Kind.UNAVAILABLE})


@dataclass
class Guest:
    """A member with a valid certificate and no manners."""

    peers: Peers
    channel: Channel
    dice: random.Random
    seq: int = 10
    said: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def me(self) -> Person:
        return self.peers.ana

    def piece(self) -> Sample:
        """One of a few fragments, at times of another shape than before."""
        return sample(
            self.me.id,
            self.dice.choice(FRAGMENT_IDS),
            blocks=self.dice.choice([1, 3, 3, 3, 6]),
            last=self.dice.choice([None, None, 40]),
        )

    def harmless(self) -> Sample:
        """One that may be buried."""
        return sample(self.me.id, self.dice.choice([number for number in FRAGMENT_IDS if number not in KEPT]))

    def number(self) -> int:
        self.seq += 1
        return self.dice.choice([self.seq, self.seq, self.seq, *NUMBERS])

    def spoilt(self, data: bytes) -> bytes:
        """Bytes flipped, cut, doubled, or made up."""
        made = bytearray(data)
        for _ in range(self.dice.choice([0, 0, 1, 1, 2, 5])):
            at = self.dice.randrange(len(made) + 1)
            size = self.dice.choice([1, 1, 4, 40])
            new = self.dice.choice(
                [
                    b"",
                    self.dice.randbytes(size),
                    bytes(made[at : at + size]) * 2,
                    b"\xff" * 9 + b"\1",
                    b"\x80" * 30,
                ]
            )
            made[at : at + size] = new
        return bytes(made)

    async def say(self, method: str, request: bytes) -> None:
        """One request, and all that comes back."""
        path = method if method.startswith("/") else FRAGMENTS + method
        call = self.channel.unary_stream(path, None, None)(request, timeout=SECONDS)
        await self.outcome(method, self._heard(call))

    async def outcome(self, method: str, work: Any) -> None:
        """Notes how it ended, and what should not have happened."""
        try:
            await work
            ended = "OK"
        except PiccoloError as refused:
            ended = refused.reason
            if refused.kind in UNTYPED or ended == "UNKNOWN":
                self.wrong.append(f"{method}: {refused!r} {refused.details}")
        self.said[ended] = self.said.get(ended, 0) + 1

    async def _heard(self, call: Any) -> None:
        async for _ in call:
            pass


async def asks(guest: Guest) -> None:
    """A method with a request that is nearly right."""
    dice, me, piece = guest.dice, guest.me, guest.piece()
    ids = [piece.key.fragment, dice.randbytes(16), b"", dice.randbytes(15)][: dice.choice([1, 2, 2, 4])]
    commit = guest.spoilt(
        dice.choice([me, guest.peers.ben]).commit(dice.choice([1, 1, 2]), max(1, guest.number()))
    )
    some = [guest.harmless().key.fragment]
    stored = store_request(me, piece, max(1, guest.number()))
    requests: dict[str, Any] = {
        "Store": stored,
        "Commit": wire.CommitRequest(fragment_id=ids[0], root=piece.root, commit_record=commit),
        "Get": wire.GetRequest(fragment_id=ids[-1], first_block=guest.number(), blocks=guest.number()),
        "Load": wire.LoadRequest(fragment_id=ids[-1], first_block=guest.number(), blocks=guest.number()),
        "Stat": wire.StatRequest(fragment_ids=ids * dice.choice([1, 300])),
        "ListMine": wire.ListMineRequest(
            page_size=dice.choice(NUMBERS[:9]), page_token=dice.choice(["", "x", "ab" * 40])
        ),
        "GetRecords": wire.GetRecordsRequest(fragment_ids=ids * dice.choice([1, 25])),
        "PutRecord": wire.PutRecordRequest(fragment_id=ids[0], commit_record=commit),
        "Bury": wire.BuryRequest(
            tombstone=guest.spoilt(me.tombstone(some, 1, guest.seq, purge=dice.random() < 0.3))
        ),
        "Unbury": wire.UnburyRequest(undelete=guest.spoilt(me.undelete(some, 1, guest.seq))),
        "Claim": claim_pb2.ClaimRequest(
            claim=guest.spoilt(me.claim(me.device())), device=guest.spoilt(me.device().to_bytes())
        ),
        "Notice": wire.NoticeRequest(),
        "Nothing": wire.NoticeRequest(),
        "/piccolo.attestation.v1.PeerService/Gossip": trust.GossipRequest(bundle=dice.randbytes(50)),
        "/grpc.health.v1.Health/Check": wire.ListMineRequest(page_token="x"),
    }
    method = dice.choice(list(requests))
    data = requests[method].SerializeToString()
    await guest.say(method, guest.spoilt(data) if dice.random() < 0.6 else data)


async def puts(guest: Guest) -> None:
    """A Put whose messages come in any order, any number of times, and which may end anywhere."""
    dice, piece = guest.dice, guest.piece()
    opens = [opening(piece, guest.number()), opening(piece, guest.seq, dice.choice(NUMBERS))]
    odd = wire.PutRequest(
        open=wire.PutOpen(
            head=wire.FragmentHead(
                fragment_id=piece.key.fragment,
                block_size=dice.choice([0, 1, 255, 2**22, 2**32 - 1]),
                generation=dice.choice([0, 1, 2, 2**64 - 1]),
                seq=guest.number(),
                expected_bytes=dice.choice(NUMBERS),
            )
        )
    )
    steps = [
        blocks(piece, 0, 1),
        blocks(piece, 0, 9),
        blocks(piece, 1, 2),
        wire.PutRequest(blocks=dice.randbytes(dice.choice([1, 255, 256, 300, 5_000]))),
        wire.PutRequest(checkpoint=wire.PutCheckpoint()),
        finish(piece),
        wire.PutRequest(finish=wire.PutFinish(blocks=guest.number(), root=dice.randbytes(32))),
        wire.PutRequest(),
        odd,
        *opens,
    ]
    chosen = [dice.choice([*opens, *opens, *opens, odd, steps[0]]), *dice.choices(steps, k=dice.randrange(8))]
    sent = [each.SerializeToString() for each in chosen]
    call = guest.channel.stream_stream(FRAGMENTS + "Put", None, None)()
    leaves = dice.random() < 0.25
    await guest.outcome(
        "Put",
        _exchange(call, [guest.spoilt(each) if dice.random() < 0.15 else each for each in sent], leaves),
    )


async def _exchange(call: Any, messages: list[bytes], leaves: bool) -> None:
    """Sends while it listens, as a client must."""

    async def send() -> None:
        for each in messages:
            await call.write(each)
        if leaves:
            call.cancel()
        else:
            await call.done_writing()

    async def hear() -> None:
        async for _ in call:
            pass

    async with asyncio.timeout(SECONDS):
        sent, heard = await asyncio.gather(send(), hear(), return_exceptions=True)
    for failed in (heard, sent):
        if isinstance(failed, PiccoloError) and not (leaves and failed.kind is Kind.CANCELLED):
            raise failed
        if isinstance(failed, Exception) and not isinstance(failed, PiccoloError):
            raise failed


async def rude(guest: Guest) -> None:
    """A connection that speaks no gRPC: before TLS, in the middle of it, or behind it with a member's key."""
    host, _, port = guest.peers.endpoint.rpartition(":")
    kind = guest.dice.choice(
        ["bytes", "http", "half a hello", "silence", "frames", "frames", "no certificate"]
    )
    tls = (
        _context(guest.peers, certificate=kind != "no certificate")
        if kind in ("frames", "no certificate")
        else None
    )
    with suppress(OSError, ssl.SSLError, TimeoutError, EOFError):
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_connection(
                host, int(port), ssl=tls, server_hostname="x" if tls else None
            )
            try:
                writer.write(_rudeness(guest.dice, kind))
                await writer.drain()
                if guest.dice.random() < 0.5:
                    await reader.read(4_096)
            finally:
                writer.transport.abort()


def _rudeness(dice: random.Random, kind: str) -> bytes:
    match kind:
        case "bytes":
            return dice.randbytes(dice.choice([1, 100, 100_000]))
        case "http":
            return b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * dice.choice([1, 20_000])
        case "half a hello":
            return bytes.fromhex("16030102000100") + dice.randbytes(20)
        case "silence":
            return b""
    frames = [
        bytes(3) + b"\4\0" + bytes(4),  # SETTINGS
        b"\0\0\6\4\0" + bytes(4) + b"\0\4\xff\xff\xff\xff",  # a window beyond what may be
        b"\xff\xff\xff\1\4" + b"\0\0\0\1",  # HEADERS of 16 MiB that never come
        b"\0\0\4\3\0\0\0\0\1" + bytes(4),  # RST_STREAM of what was never opened
        b"\0\0\10\6\0" + bytes(4) + b"12345678",  # PING
        b"\0\0\4\x08\0" + bytes(4) + b"\x7f\xff\xff\xff",  # WINDOW_UPDATE over the edge
        b"\0\0\5\1\5\0\0\0\1" + dice.randbytes(5),  # HEADERS that are not HPACK
        b"\0\0\1\11\0\0\0\0\1x",  # CONTINUATION of nothing
        dice.randbytes(60),
    ]
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"".join(dice.choices(frames, k=dice.choice([1, 5, 400])))


def _context(peers: Peers, *, certificate: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if certificate:
        pair = peers.folder / "ana.pem"
        if not pair.exists():
            pair.write_bytes(b"".join(peers.ana.vault_tls.pem))
        context.load_cert_chain(pair)
    return context


@asynccontextmanager
async def guest_of(folder: Path, seed: int) -> AsyncIterator[tuple[Service, Guest, list[Sample]]]:
    """A keeper's process with something to keep, and its guest."""
    peers = Peers(folder)
    peers.attestation.circle = peers.circle()
    process = running("fragment-store", settings(folder), folder / "p")
    async with serving(peers.attestation, folder / "a.sock"), process as started:
        await peers.attestation.until_registered()
        kept = [sample(peers.ana.id, number) for number in KEPT]
        async with peers.calling(peers.ana.vault_tls) as keeper:
            for seq, piece in enumerate(kept, 1):
                await keeper.Store(store_request(peers.ana, piece, seq))
        async with peers.calling_any(peers.ana.vault_tls) as channel:
            yield started, Guest(peers, channel, random.Random(seed)), kept


async def test_whatever_a_member_sends_ends_in_a_status_and_harms_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--seed")
    seed = secrets.randbelow(2**32) if seed is None else seed
    rounds = request.config.getoption("--rounds")
    async with guest_of(tmp_path, seed) as (process, guest, kept):
        at_first = _weight(process.pid)
        for round_ in range(rounds):
            talks = [guest.dice.choice([asks, asks, puts]) for _ in range(CONVERSATIONS)]
            await asyncio.gather(rude(guest), *(talk(guest) for talk in talks))
            assert guest.wrong == [], f"seed {seed}, round {round_}: {guest.wrong[:3]}"
            if round_ == rounds // 4:
                at_first = _weight(process.pid)
        await guest.channel.close()
        at_last = await _settled(process.pid, at_first.descriptors)
        print(f"seed {seed}: {rounds * CONVERSATIONS} calls; {at_first} then {at_last}; {guest.said}")  # noqa: T201
        assert at_last.descriptors <= at_first.descriptors + 4
        assert at_last.memory <= at_first.memory + 24 * 2**20
        async with guest.peers.calling(guest.me.vault_tls) as keeper:
            for piece in kept:
                assert await get(keeper, piece) == piece.data
            assert {each.state for each in await state(keeper, *kept)} == {wire.FRAGMENT_STATE_LIVE}
        assert len(guest.said) > 8, guest.said  # it came past the door
        assert [line for line in process.log() if line.get("message") == "unforeseen failure"] == []


@dataclass(frozen=True)
class Weight:
    """What a process takes."""

    memory: int
    descriptors: int


def _weight(pid: int) -> Weight:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Weight(pages * 4096, len(list(Path(f"/proc/{pid}/fd").iterdir())))


async def _settled(pid: int, descriptors: int) -> Weight:
    """What it takes when the connections that were closed are closed on its side too."""
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            while _weight(pid).descriptors > descriptors:  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.1)
    return _weight(pid)
