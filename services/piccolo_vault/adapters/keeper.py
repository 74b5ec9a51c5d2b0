"""Members' fragment-stores over gRPC with mutual TLS, pinned to the exact certificate.

Rules:
* The only root is the one certificate that the roster names for that member, and the name expected in it is
  its own: a certificate that it signed for another name is of no use.
* One channel a member is kept. Its endpoints are tried best first; when one cannot be reached, the next
  call goes to the next.
* Who could not be reached is tried anew by the next call: a channel of its own would let some seconds pass
  first, and refuse meanwhile what a member that is back could take. Calls that come while it connects wait
  for that one attempt.
* A member that changed certificate or addresses gets a new channel, and so does everyone when our own
  identity changes.
* A small range of blocks is asked for and answered in one message.
* Blocks are framed and found in messages without protobuf, which would copy them twice on either side.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from cryptography import x509
from cryptography.x509.oid import NameOID
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1 import fragment_pb2_grpc
from piccolo_chassis import bulk, rpc
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.ports.keepers import Blocks, Head, Kept, KeptState, PutAnswer, Room

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from piccolo_chassis.calls import Channel

    from piccolo_vault.core.circle import Member
    from piccolo_vault.ports.keyring import Keyring

_SERVICE = wire.DESCRIPTOR.services_by_name["FragmentService"].full_name
_UNARY_SECONDS = 60.0
_LOADED = 65_536
_STATES = {
    wire.FRAGMENT_STATE_INCOMING: KeptState.INCOMING,
    wire.FRAGMENT_STATE_PROVISIONAL: KeptState.PROVISIONAL,
    wire.FRAGMENT_STATE_LIVE: KeptState.LIVE,
    wire.FRAGMENT_STATE_TRASH: KeptState.TRASH,
}


@dataclass(slots=True)
class _Link:
    """One member's channel, and what it was made of."""

    certificate: bytes
    endpoints: tuple[str, ...]
    at: int
    channel: Channel
    keeper: GrpcKeeper


class GrpcKeepers:
    """`ports.keepers.Keepers` over the network. Close it at the end."""

    def __init__(self, keyring: Keyring, closing: Callable[[Awaitable[None]], object]) -> None:
        """`closing` takes the end of a channel that is in use no more."""
        self._keyring, self._closing = keyring, closing
        self._links: dict[bytes, _Link] = {}

    def keeper(self, member: Member) -> GrpcKeeper:
        """Returns the member's keeper. Raises PiccoloError UNAVAILABLE, NO_ENDPOINT."""
        link = self._links.get(member.owner_id)
        if link is None or (link.certificate, link.endpoints) != (
            member.server_certificate,
            member.endpoints,
        ):
            link = self._connect(member, 0)
        elif link.channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            link = self._connect(member, link.at)
        return link.keeper

    async def close(self) -> None:
        """Ends all channels."""
        for link in self._links.values():
            await link.channel.close()
        self._links.clear()

    def _connect(self, member: Member, at: int) -> _Link:
        if not member.endpoints:
            raise PiccoloError(
                Kind.UNAVAILABLE, "NO_ENDPOINT", f"No address of {member.name} is known; it was never online."
            )
        channel = _dial(member, member.endpoints[at], self._keyring.tls_identity())
        keeper = GrpcKeeper(channel, lambda: self._unreachable(member, channel))
        link = _Link(member.server_certificate, member.endpoints, at, channel, keeper)
        before = self._links.get(member.owner_id)
        self._links[member.owner_id] = link
        if before is not None:
            self._closing(before.channel.close(_UNARY_SECONDS))
        return link

    def _unreachable(self, member: Member, channel: Channel) -> None:
        """The next call goes to the member's next address."""
        link = self._links.get(member.owner_id)
        if link is not None and link.channel is channel and len(link.endpoints) > 1:
            self._connect(member, (link.at + 1) % len(link.endpoints))


def _dial(member: Member, endpoint: str, identity: tuple[bytes, bytes]) -> Channel:
    certificate, key = identity
    credentials = grpc.ssl_channel_credentials(
        root_certificates=ssl.DER_cert_to_PEM_cert(member.server_certificate).encode(),
        private_key=key,
        certificate_chain=certificate,
    )
    return rpc.connect(
        f"dns:///{endpoint}",  # without a scheme gRPC guesses one: "unix:80" would be a socket of this device
        credentials=credentials,
        unary_seconds=_UNARY_SECONDS,
        options=[
            ("grpc.ssl_target_name_override", _common_name(member)),
            # a connection of its own: gRPC would share one between channels that look alike to it
            ("grpc.use_local_subchannel_pool", 1),
        ],
    )


def _common_name(member: Member) -> str:
    try:
        subject = x509.load_der_x509_certificate(member.server_certificate).subject
        name = subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    except (ValueError, IndexError) as error:
        raise PiccoloError(
            Kind.UNAVAILABLE, "CERTIFICATE", f"The certificate of {member.name} cannot be read."
        ) from error
    return name if isinstance(name, str) else name.decode()


class GrpcKeeper:
    """One member's fragment-store."""

    def __init__(self, channel: Channel, unreachable: Callable[[], None]) -> None:
        self._stub = fragment_pb2_grpc.FragmentServiceStub(channel)
        self._put = channel.stream_stream(
            f"/{_SERVICE}/Put",
            request_serializer=bulk.or_framed(wire.PutRequest.SerializeToString),
            response_deserializer=wire.PutResponse.FromString,
        )
        self._get = channel.unary_stream(
            f"/{_SERVICE}/Get",
            request_serializer=wire.GetRequest.SerializeToString,
            response_deserializer=_piece,
        )
        self._unreachable = unreachable

    async def store(self, head: Head, blocks: bytes, root: bytes, record: bytes) -> bytes:
        """Keeps and commits a whole fragment."""
        request = wire.StoreRequest(head=_head(head), blocks=blocks, root=root, commit_record=record)
        return (await self._call(self._stub.Store(request))).receipt  # type: ignore[no-any-return]

    def put(self, head: Head, resume_at: int | None = None) -> GrpcPut:
        """Begins or resumes a fragment."""
        return GrpcPut(self._put(), _head(head), resume_at, self._unreachable)

    async def commit(self, fragment_id: bytes, root: bytes, record: bytes) -> bytes:
        """Commits a whole fragment."""
        request = wire.CommitRequest(fragment_id=fragment_id, root=root, commit_record=record)
        return (await self._call(self._stub.Commit(request))).receipt  # type: ignore[no-any-return]

    async def get(self, fragment_id: bytes, first_block: int, blocks: int, limit: int) -> Blocks:
        """Returns blocks, unchecked; never more than `limit` bytes of them."""
        if limit <= _LOADED:
            return await self._load(fragment_id, first_block, blocks, limit)
        call = self._get(wire.GetRequest(fragment_id=fragment_id, first_block=first_block, blocks=blocks))
        return await self._call(_collect(call, limit))  # type: ignore[no-any-return]

    async def _load(self, fragment_id: bytes, first_block: int, blocks: int, limit: int) -> Blocks:
        request = wire.LoadRequest(fragment_id=fragment_id, first_block=first_block, blocks=blocks)
        answer = await self._call(self._stub.Load(request))
        if len(answer.blocks) > limit:
            raise _wrong("sent more than it was asked for")
        if not answer.HasField("head"):
            raise _wrong("sent blocks without their proof")
        return _blocks(answer.head, [memoryview(answer.blocks)])

    async def stat(self, fragment_ids: Sequence[bytes]) -> list[Kept]:
        """Tells states."""
        answer = await self._call(self._stub.Stat(wire.StatRequest(fragment_ids=fragment_ids)))
        return [_kept(each) for each in answer.fragments]

    async def put_record(self, fragment_id: bytes, record: bytes) -> None:
        """Replaces a commit record."""
        request = wire.PutRecordRequest(fragment_id=fragment_id, commit_record=record)
        await self._call(self._stub.PutRecord(request))

    async def bury(self, tombstone: bytes) -> None:
        """Hands over a tombstone."""
        await self._call(self._stub.Bury(wire.BuryRequest(tombstone=tombstone)))

    async def unbury(self, undelete: bytes) -> list[bytes]:
        """Hands over an undelete."""
        return list((await self._call(self._stub.Unbury(wire.UnburyRequest(undelete=undelete)))).gone)

    async def list_mine(self, page_token: str) -> tuple[list[Kept], str]:
        """Returns a page of all fragments."""
        answer = await self._call(self._stub.ListMine(wire.ListMineRequest(page_token=page_token)))
        return [_kept(each) for each in answer.fragments], answer.next_page_token

    async def records(self, fragment_ids: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """Returns commit records."""
        answer = await self._call(self._stub.GetRecords(wire.GetRecordsRequest(fragment_ids=fragment_ids)))
        return [(each.fragment_id, each.commit_record) for each in answer.records if each.commit_record]

    async def room(self, wanted: int = 0) -> Room:
        """Tells its space."""
        answer = await self._call(self._stub.Notice(wire.NoticeRequest(wanted_bytes=wanted)))
        return Room(
            full=answer.full,
            free_bytes=answer.free_bytes,
            notices=tuple(answer.notices),
            damaged=tuple(answer.damaged),
            owner_bytes=answer.owner_bytes,
            share_bytes=answer.share_bytes,
            beyond_bytes=answer.beyond_bytes,
            offer_bytes=answer.offer_bytes,
            used_bytes=answer.used_bytes,
        )

    async def _call(self, call: Awaitable[Any]) -> Any:
        try:
            return await call
        except PiccoloError as error:
            if error.kind is Kind.UNAVAILABLE:
                self._unreachable()
            raise


@dataclass(frozen=True, slots=True)
class _Piece:
    """One message of a Get."""

    head: wire.GetHead | None
    blocks: memoryview


def _piece(message: bytes) -> _Piece:
    found = bulk.content(message, wire.GetResponse.BLOCKS_FIELD_NUMBER)
    if found is not None and not found[0]:
        return _Piece(None, found[1])
    told = wire.GetResponse.FromString(message if found is None else found[0])
    head = told.head if told.HasField("head") else None
    return _Piece(head, memoryview(told.blocks) if found is None else found[1])


async def _collect(call: Any, limit: int) -> Blocks:
    head: wire.GetHead | None = None
    messages: list[memoryview] = []
    try:
        async for piece in call:
            head = piece.head or head
            if piece.blocks:
                messages.append(piece.blocks)
                limit -= len(piece.blocks)
            if limit < 0:
                raise _wrong("sent more than it was asked for")
    finally:
        call.cancel()
    if head is None:
        raise _wrong("sent blocks without their proof")
    return _blocks(head, messages)


def _blocks(head: wire.GetHead, messages: Sequence[memoryview]) -> Blocks:
    return Blocks(
        block_size=head.block_size,
        last_block_size=head.last_block_size,
        total_blocks=head.total_blocks,
        leaves=head.leaves,
        proof=head.proof,
        messages=tuple(messages),
    )


class GrpcPut:
    """A fragment on its way."""

    def __init__(
        self, call: Any, head: wire.FragmentHead, resume_at: int | None, unreachable: Callable[[], None]
    ) -> None:
        self._call, self._unreachable = call, unreachable
        self._open: wire.PutOpen | None = wire.PutOpen(head=head, resume_at=resume_at)

    async def send(self, blocks: Sequence[memoryview]) -> None:
        """Sends whole blocks."""
        await self._guarded(self._call.write(bulk.framed(wire.PutRequest.BLOCKS_FIELD_NUMBER, *blocks)))

    async def checkpoint(self) -> None:
        """Asks for a checkpoint."""
        await self._guarded(self._call.write(wire.PutRequest(checkpoint=wire.PutCheckpoint())))

    async def finish(self, blocks: int, root: bytes) -> None:
        """Says that the fragment is whole."""
        finish = wire.PutFinish(blocks=blocks, root=root)
        await self._guarded(self._call.write(wire.PutRequest(finish=finish)))
        await self._guarded(self._call.done_writing())

    async def answer(self) -> PutAnswer | None:
        """Returns the next answer."""
        if self._open is not None:
            opening, self._open = self._open, None
            await self._guarded(self._call.write(wire.PutRequest(open=opening)))
        answer = await self._guarded(self._call.read())
        if answer is grpc.aio.EOF:
            return None
        return PutAnswer(answer.durable_blocks, answer.leaves_digest, answer.receipt)

    def close(self) -> None:
        """Ends the stream at once."""
        self._call.cancel()

    async def _guarded(self, call: Awaitable[Any]) -> Any:
        try:
            return await call
        except PiccoloError as error:
            if error.kind is Kind.UNAVAILABLE:
                self._unreachable()
            raise


def _kept(told: wire.FragmentInfo) -> Kept:
    state = KeptState.DAMAGED if told.damaged else _STATES.get(told.state, KeptState.ABSENT)
    return Kept(told.fragment_id, state, told.bytes, told.root, told.generation)


def _head(head: Head) -> wire.FragmentHead:
    return wire.FragmentHead(
        fragment_id=head.fragment_id,
        block_size=head.block_size,
        generation=head.generation,
        seq=head.seq,
        expected_bytes=head.expected_bytes,
    )


def _wrong(what: str) -> PiccoloError:
    return PiccoloError(Kind.INTERNAL, "KEEPER_WRONG", f"The keeper {what}.")
