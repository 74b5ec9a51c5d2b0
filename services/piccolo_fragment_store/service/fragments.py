"""FragmentService: parse, call, convert. Who calls was decided by the gate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from piccolo.fragment_store.v1 import claim_pb2
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1 import fragment_pb2_grpc as stubs
from piccolo_chassis import bulk
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.keeping import Tombstone, Undelete

from piccolo_fragment_store.core import access
from piccolo_fragment_store.core.circle import CallerKind, Circle, Standing
from piccolo_fragment_store.core.fragment import Fragment, Head, Key
from piccolo_fragment_store.engine import burials, inventory, keeping, statements
from piccolo_fragment_store.engine.burials import Unburied
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.keeper import Keeper
from piccolo_fragment_store.engine.keeping import Record
from piccolo_fragment_store.engine.reading import Opening
from piccolo_fragment_store.engine.uploads import Told
from piccolo_fragment_store.service import convert
from piccolo_fragment_store.service.gate import caller

_PAGE: Final = 1000
_DAMAGED: Final = 1000


SERVICE: Final = wire.DESCRIPTOR.services_by_name["FragmentService"].full_name
QUICK: Final = {
    f"/{SERVICE}/Put": bulk.Quick(request=convert.put_request),
    f"/{SERVICE}/Get": bulk.Quick(response=bulk.or_framed(wire.GetResponse.SerializeToString)),
}


def add(keeper: Keeper, server: grpc.aio.Server) -> None:
    """Lets a server serve a keeper to members; blocks pass it by the quick way."""
    stubs.add_FragmentServiceServicer_to_server(FragmentServicer(keeper), bulk.quickly(server, QUICK))


class FragmentServicer(stubs.FragmentServiceServicer):
    """What members ask of this keeper."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def Store(self, request: wire.StoreRequest, context: Any) -> wire.StoreResponse:
        """Keeps a whole small fragment and commits it."""
        owner, head = caller().owner, self._head(request.head)
        known = access.only_known(caller())

        def work(holdings: Holdings) -> Fragment:
            record = self._record(request.commit_record)
            return keeping.store(holdings, head, request.blocks, request.root, record, only_known=known)

        async with self._keeper.traffic.hold(owner, request.ByteSize()):
            whole = await self._keeper.run(work)
        return wire.StoreResponse(receipt=self._keeper.identity.receipt(owner, [whole]))

    async def Put(  # type: ignore[override]  # it writes its answers itself: see Uploads
        self, request_iterator: AsyncIterator[wire.PutRequest], context: Any
    ) -> None:
        """Streams a fragment in."""
        owner, identity = caller().owner, self._keeper.identity

        async def tell(told: Told) -> None:
            receipt = identity.receipt(owner, [told.whole]) if told.whole else b""
            await context.write(
                wire.PutResponse(
                    durable_blocks=told.durable_blocks, leaves_digest=told.leaves_digest, receipt=receipt
                )
            )

        steps = convert.steps(request_iterator, self._head)
        await self._keeper.uploads.put(steps, tell, only_known=access.only_known(caller()))

    async def Commit(self, request: wire.CommitRequest, context: Any) -> wire.CommitResponse:
        """Makes a whole fragment live."""
        self._fence()
        key = Key(caller().owner, request.fragment_id)

        def work(holdings: Holdings) -> Fragment:
            return keeping.commit(holdings, key, request.root, self._record(request.commit_record))

        whole = await self._keeper.run(work)
        return wire.CommitResponse(receipt=self._keeper.identity.receipt(key.owner, [whole]))

    async def Get(  # type: ignore[override]  # it writes its answers itself: see Downloads
        self, request: wire.GetRequest, context: Any
    ) -> None:
        """Streams blocks with the leaves and the proof that tie them to the root."""

        async def send(opening: Opening | None, blocks: bytes) -> None:
            await context.write(convert.get_response(_get_head(opening), blocks))

        key = Key(caller().owner, request.fragment_id)
        await self._keeper.downloads.get(key, request.first_block, request.blocks, send)

    async def Load(self, request: wire.LoadRequest, context: Any) -> wire.LoadResponse:
        """Returns a small range of blocks with what ties them to the root."""
        key = Key(caller().owner, request.fragment_id)
        opening, blocks = await self._keeper.downloads.load(key, request.first_block, request.blocks)
        return wire.LoadResponse(head=_get_head(opening), blocks=blocks)

    async def Stat(self, request: wire.StatRequest, context: Any) -> wire.StatResponse:
        """Tells the state of the caller's fragments."""
        ids = list(request.fragment_ids)
        found = await self._keeper.run(inventory.states, caller().owner, ids, claims=self._counts())
        return wire.StatResponse(fragments=map(convert.info, ids, found))

    async def ListMine(self, request: wire.ListMineRequest, context: Any) -> wire.ListMineResponse:
        """Pages through all of the caller's fragments."""
        page = await self._keeper.run(
            inventory.page,
            caller().owner,
            _after(request.page_token),
            request.page_size or _PAGE,
            inventory=self._counts(),
        )
        return wire.ListMineResponse(
            fragments=[convert.info(each, kept) for each, kept in page.fragments],
            next_page_token=page.after.hex() if page.after else "",
        )

    async def GetRecords(self, request: wire.GetRecordsRequest, context: Any) -> wire.GetRecordsResponse:
        """Returns commit records."""
        owner = caller().owner
        async with self._keeper.traffic.hold(owner, inventory.RECORDS_BYTES):
            found = await self._keeper.run(inventory.records, owner, list(request.fragment_ids))
        kept = [wire.KeptRecord(fragment_id=each, commit_record=record) for each, record in found]
        return wire.GetRecordsResponse(records=kept)

    async def PutRecord(self, request: wire.PutRecordRequest, context: Any) -> wire.PutRecordResponse:
        """Replaces a commit record by a newer one."""
        self._fence()
        key = Key(caller().owner, request.fragment_id)

        def work(holdings: Holdings) -> None:
            keeping.renew(holdings, key, self._record(request.commit_record))

        await self._keeper.run(work)
        return wire.PutRecordResponse()

    async def Bury(self, request: wire.BuryRequest, context: Any) -> wire.BuryResponse:
        """Moves fragments into the trash."""

        self._fence()
        by = caller()

        def work(holdings: Holdings) -> int:
            tombstone = statements.burial(Tombstone, request.tombstone, by, self._circle())
            return burials.bury(holdings, tombstone, request.tombstone, by=by.certificate)

        return wire.BuryResponse(buried=await self._keeper.run(work))

    async def Unbury(self, request: wire.UnburyRequest, context: Any) -> wire.UnburyResponse:
        """Takes fragments out of the trash."""

        self._fence()
        by = caller()

        def work(holdings: Holdings) -> Unburied:
            undelete = statements.burial(Undelete, request.undelete, by, self._circle())
            return burials.unbury(holdings, undelete, request.undelete)

        done = await self._keeper.run(work)
        return wire.UnburyResponse(restored=done.restored, gone=done.gone)

    async def Claim(self, request: claim_pb2.ClaimRequest, context: Any) -> claim_pb2.ClaimResponse:
        """Promises to one generation of the caller's device."""
        answer = await self._keeper.claims.claim(
            caller().owner, request.claim, request.device, request.successors
        )
        return claim_pb2.ClaimResponse(promise=answer.promise, fenced_by=answer.fenced_by)

    async def Notice(self, request: wire.NoticeRequest, context: Any) -> wire.NoticeResponse:
        """Tells what the keeper has to say to the caller's owner."""
        owner, ledger = caller().owner, self._keeper.holdings.ledger
        if request.wanted_bytes and caller().standing is Standing.ACTIVE:
            ledger.want(owner, request.wanted_bytes)
        space = ledger.space()
        damaged, trash = await self._keeper.run(_account, owner)
        held, asked = ledger.held(owner), ledger.asked(owner)
        borrowable = ledger.share - held if asked else space.free
        return wire.NoticeResponse(
            notices=self._keeper.notices.holding(owner),
            full=any(self._keeper.refusing()) or borrowable <= 0,
            owner_bytes=held,
            free_bytes=max(0, min(space.free, borrowable)),
            damaged=damaged,
            beyond_bytes=max(0, held - trash - ledger.share) if asked else 0,
            share_bytes=ledger.share,
            offer_bytes=space.offer,
            used_bytes=ledger.used,
        )

    async def KeepHead(self, request: claim_pb2.KeepHeadRequest, context: Any) -> claim_pb2.KeepHeadResponse:
        """Keeps the head of the caller's backup log."""
        self._fence()
        await self._keeper.heads.keep(caller().owner, request.head.head, request.head.device)
        return claim_pb2.KeepHeadResponse()

    async def GetHeads(self, request: claim_pb2.GetHeadsRequest, context: Any) -> claim_pb2.GetHeadsResponse:
        """Tells what is kept of the caller's backup log."""
        kept = await self._keeper.heads.get(caller().owner)
        return claim_pb2.GetHeadsResponse(
            heads=[claim_pb2.KeptHead(head=h.signed, device=h.device) for h in kept]
        )

    def _circle(self) -> Circle:
        return self._keeper.identity.circle()

    def _fence(self) -> None:
        self._keeper.claims.fence(caller().owner, caller().generation)

    def _counts(self) -> bool:
        """Whether what the caller lists and asks for decides about provisional fragments."""
        called = caller()
        current = self._keeper.claims.is_current(called.owner, called.generation)
        return called.kind is CallerKind.MEMBER and current and not called.replaced

    def _head(self, told: wire.FragmentHead) -> Head:
        self._fence()
        return convert.head(told, caller())

    def _record(self, data: bytes) -> Record:
        return Record(data, statements.commit_order(data, caller().owner, self._circle()))


def _account(holdings: Holdings, owner: bytes) -> tuple[list[bytes], int]:
    """An owner's damaged fragments, and the bytes of its trash, which matter while it is asked to move."""
    trash = holdings.index.trash_charge(owner) if holdings.ledger.asked(owner) else 0
    return holdings.index.damaged_of(owner, _DAMAGED), trash


def _get_head(opening: Opening | None) -> wire.GetHead | None:
    if opening is None:
        return None
    fragment = opening.fragment
    return wire.GetHead(
        block_size=fragment.block_size,
        last_block_size=fragment.last_block_size,
        total_blocks=fragment.blocks,
        root=fragment.root,
        leaves=opening.leaves,
        proof=opening.proof,
    )


def _after(token: str) -> bytes:
    try:
        return bytes.fromhex(token)
    except ValueError as wrong:
        raise PiccoloError(
            Kind.INVALID,
            "PAGE_TOKEN",
            "The page token is not one that this keeper gave; begin at the first page.",
        ) from wrong
