"""A member's fragment-store that lies, with that member's own keys: to its owner's peers it is the real one.

Rules:
* It listens where the member's fragment-store listened, which must have been stopped.
* It takes everything, keeps nothing but heads, roots and records, and says of everything that it is there.
* What it lies about is chosen: its receipts, or only the bytes that it gives back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from piccolo.fragment_store.v1 import claim_pb2
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1 import fragment_pb2_grpc as stubs
from piccolo_formats.digests import digest, without_digest
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.keeping import FragmentState, Receipt, ReceiptEntry
from piccolo_formats.signed import sign
from piccolo_formats.tls import make_certificate, to_pem

from integration.device import Device

_PIECE = 1 << 20


class Lie(Enum):
    """What it lies about."""

    OTHER_KEY = "its receipts are signed by a key that is not the member's"
    OTHER_ROOT = "its receipts are for another fragment"
    BYTES = "its receipts are right, and the bytes that it gives back are not"


@dataclass
class _Kept:
    head: wire.FragmentHead
    root: bytes
    size: int
    record: bytes = b""


@dataclass
class Liar(stubs.FragmentServiceServicer):
    """The service. `asked` counts how often blocks were asked for."""

    keeper: bytes
    generation: int
    key: SigningKey
    lie: Lie
    owner: bytes
    kept: dict[bytes, _Kept] = field(default_factory=dict)
    asked: int = 0

    async def Store(self, request: Any, context: Any) -> Any:
        """Takes a whole fragment."""
        self.kept[request.head.fragment_id] = kept = _Kept(
            request.head, request.root, len(request.blocks), request.commit_record
        )
        return wire.StoreResponse(receipt=self._receipt(kept, FragmentState.COMMITTED))

    async def Put(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Takes a fragment in steps, and says of all that it is durable."""
        head, blocks, size = wire.FragmentHead(), 0, 0
        async for request in requests:
            match request.WhichOneof("step"):
                case "open":
                    head = request.open.head
                    yield wire.PutResponse(leaves_digest=digest("leaves", b""))
                case "blocks":
                    size += len(request.blocks)
                    blocks += -(-len(request.blocks) // head.block_size)
                case "checkpoint":
                    yield wire.PutResponse(durable_blocks=blocks)
                case "finish":
                    kept = self.kept[head.fragment_id] = _Kept(head, request.finish.root, size)
                    receipt = self._receipt(kept, FragmentState.PROVISIONAL)
                    yield wire.PutResponse(durable_blocks=blocks, receipt=receipt)

    async def Commit(self, request: Any, context: Any) -> Any:
        """Says that it is committed."""
        kept = self.kept[request.fragment_id]
        kept.record = request.commit_record
        return wire.CommitResponse(receipt=self._receipt(kept, FragmentState.COMMITTED))

    async def PutRecord(self, request: Any, context: Any) -> Any:
        """Keeps the old one."""
        return wire.PutRecordResponse()

    async def Get(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Gives as many bytes as were asked for; they are nobody's."""
        self.asked += 1
        if request.fragment_id not in self.kept:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nobody gave it to this one")
        kept = self.kept[request.fragment_id]
        size = kept.head.block_size
        last = kept.size - (-(-kept.size // size) - 1) * size
        head = wire.GetHead(
            block_size=size,
            last_block_size=last,
            total_blocks=-(-kept.size // size),
            root=kept.root,
            leaves=bytes(32 * request.blocks),
        )
        wanted = min(request.blocks * size, kept.size - request.first_block * size)
        yield wire.GetResponse(head=head)
        for at in range(0, wanted, size):
            yield wire.GetResponse(blocks=b"\x55" * min(size, wanted - at))

    async def Load(self, request: Any, context: Any) -> Any:
        """Gives the same in one message."""
        given = [each async for each in self.Get(request, context)]
        return wire.LoadResponse(head=given[0].head, blocks=b"".join(each.blocks for each in given))

    async def Stat(self, request: Any, context: Any) -> Any:
        """Says of everything that it is there."""
        return wire.StatResponse(fragments=[self._info(each) for each in request.fragment_ids])

    async def ListMine(self, request: Any, context: Any) -> Any:
        """Lists everything that it was given."""
        return wire.ListMineResponse(fragments=[self._info(each) for each in self.kept])

    async def GetRecords(self, request: Any, context: Any) -> Any:
        """Gives the first record that it was given of each, however old."""
        records = [
            wire.KeptRecord(fragment_id=each, commit_record=self.kept[each].record)
            for each in request.fragment_ids
            if each in self.kept
        ]
        return wire.GetRecordsResponse(records=records)

    async def Bury(self, request: Any, context: Any) -> Any:
        """Says that it is buried."""
        return wire.BuryResponse(buried=1)

    async def Unbury(self, request: Any, context: Any) -> Any:
        """Says that nothing is there to be raised."""
        return wire.UnburyResponse()

    async def Claim(self, request: Any, context: Any) -> Any:
        """Promises nothing."""
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    async def KeepHead(self, request: Any, context: Any) -> Any:
        """Says that the head is kept."""
        return claim_pb2.KeepHeadResponse()

    async def GetHeads(self, request: Any, context: Any) -> Any:
        """Knows of no head."""
        return claim_pb2.GetHeadsResponse()

    async def Notice(self, request: Any, context: Any) -> Any:
        """Says that there is room."""
        return wire.NoticeResponse(free_bytes=1 << 40)

    def _info(self, fragment_id: bytes) -> wire.FragmentInfo:
        kept = self.kept.get(fragment_id)
        if kept is None:
            return wire.FragmentInfo(fragment_id=fragment_id)
        return wire.FragmentInfo(
            fragment_id=fragment_id,
            state=wire.FRAGMENT_STATE_LIVE,
            bytes=kept.size,
            root=kept.root,
            generation=kept.head.generation,
            seq=kept.head.seq,
        )

    def _receipt(self, kept: _Kept, state: FragmentState) -> bytes:
        entry = ReceiptEntry(
            fragment_id=kept.head.fragment_id,
            root=bytes(32) if self.lie is Lie.OTHER_ROOT else kept.root,
            size=kept.size,
            state=state,
            generation=kept.head.generation,
            seq=kept.head.seq,
        )
        record = Receipt(
            keeper=self.keeper, generation=self.generation, owner=self.owner, entries=(entry,), time=1
        )
        key = SigningKey(bytes(32)) if self.lie is Lie.OTHER_KEY else self.key
        return sign(record, key).to_bytes()


@asynccontextmanager
async def lying(device: Device, lie: Lie, keeper: str, owner: str) -> AsyncIterator[Liar]:
    """The liar in the place of a device's fragment-store, which is stopped meanwhile.

    `keeper` and `owner`: whose device it is, and whom it lies to, as owner ids in hexadecimal.
    """
    await device.stop(["fragment-store"])
    keys = device.state("fragment-store") / "keys"
    key = SigningKey(_key(keys / "signing.key"))
    liar = Liar(bytes.fromhex(keeper), 1, key, lie, bytes.fromhex(owner))
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 8 << 20)])
    stubs.add_FragmentServiceServicer_to_server(liar, server)
    pem = _key(keys / "tls.key")
    shown = serialization.load_pem_private_key(pem, None)
    if not isinstance(shown, ec.EllipticCurvePrivateKey):
        raise TypeError("the member's key is no P-256 key")
    certificate = to_pem(make_certificate(shown))
    server.add_secure_port(device.listens_at, grpc.ssl_server_credentials([(pem, certificate)]))
    await server.start()
    try:
        yield liar
    finally:
        await server.stop(None)
        await device.run({"fragment-store": device.settings("fragment-store")})


def _key(file: Path) -> bytes:
    """What a fragment-store keeps behind a digest."""
    kept = without_digest("fragment-store-key", file.read_bytes())
    if kept is None:
        raise ValueError(f"{file} is not what was written")
    return kept
