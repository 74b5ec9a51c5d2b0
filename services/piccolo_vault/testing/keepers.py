"""Keepers in memory, with everything that can be wrong with one. Signatures, hashes and receipts are real."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.merkle import leaf, make_proof, root
from piccolo_formats.records.commit import Commit
from piccolo_formats.records.keeping import (
    FragmentState,
    Notice,
    NoticeKind,
    Receipt,
    ReceiptEntry,
    Tombstone,
    Undelete,
)
from piccolo_formats.signed import open_signed, sign

from piccolo_vault.core.circle import Member, Standing
from piccolo_vault.ports.keepers import Blocks, Head, Kept, KeptState, PutAnswer, Room
from piccolo_vault.testing.steps import Steps

CHECKPOINT_BYTES = 16 * 1_048_576


@dataclass
class Fragment:
    """A fragment on a fake disk."""

    head: Head
    blocks: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    durable: int = 0
    state: KeptState = KeptState.INCOMING
    root: bytes = b""
    record: bytes = b""

    @property
    def order(self) -> tuple[int, int]:
        """The newest that speaks for its life."""
        put = self.head.generation, self.head.seq
        if not self.record:
            return put
        try:
            commit = open_signed(Commit, self.record).record
        except FormatError:
            return put
        return max(put, (commit.generation, commit.seq))

    @property
    def size(self) -> int:
        """Bytes of its blocks."""
        return sum(self.sizes)


class FakeKeeper:
    """A member's fragment-store in memory, with everything that can be wrong with one."""

    def __init__(self, number: int, owner: bytes, steps: Steps, certified: Callable[[], int]) -> None:
        self.key = SigningKey(bytes([7, number]) + bytes(30))
        self.member = Member(
            owner_id=digest("test-member", bytes([number])),
            name=f"member-{number}",
            standing=Standing.ACTIVE,
            endpoints=(f"127.0.0.1:{10_000 + number}",),
            server_certificate=b"certificate",
            receipt_key=self.key.public,
            generation=1,
            offer_bytes=2**40,
        )
        self._owner, self._steps, self._certified = owner, steps, certified
        self.fragments: dict[bytes, Fragment] = {}
        self.tombstones: list[bytes] = []
        self.buried: dict[bytes, tuple[int, int]] = {}
        self.down = self.hangs = self.full = False
        self.lies_on_get = self.lies_on_receipt = False
        self.forgetful = False
        self.purges_nothing = False
        self.refused: set[bytes] = set()
        self.notices: list[bytes] = []
        self.false_hints: tuple[bytes, ...] = ()
        self.beyond = self.wanted = 0
        self.seconds_per_message = 0.0
        self.dies_after_blocks: int | None = None
        self.puts = self.gets = 0
        self.asked = Counter[tuple[bytes, int]]()

    async def _enter(self, name: str) -> int:
        number = await self._steps.enter(f"{self.member.name}.{name}")
        self._check()
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.seconds_per_message)
        return number

    def _check(self) -> None:
        if self.down:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", f"{self.member.name} cannot be reached.")

    def live(self, fragment_id: bytes) -> Fragment | None:
        """Returns a committed fragment."""
        kept = self.fragments.get(fragment_id)
        return kept if kept and kept.state is KeptState.LIVE else None

    def receipt(self, kept: Fragment) -> bytes:
        """Signs for a fragment."""
        state = FragmentState.COMMITTED if kept.state is KeptState.LIVE else FragmentState.PROVISIONAL
        entry = ReceiptEntry(
            fragment_id=kept.head.fragment_id,
            root=bytes(32) if self.lies_on_receipt else kept.root,
            size=kept.size,
            state=state,
            generation=kept.head.generation,
            seq=kept.head.seq,
        )
        record = Receipt(
            keeper=self.member.owner_id, generation=1, owner=self._owner, entries=(entry,), time=1
        )
        return sign(record, self.key).to_bytes()

    async def store(self, head: Head, blocks: bytes, root_: bytes, record: bytes) -> bytes:
        """Keeps and commits a whole fragment."""
        number = await self._enter("store")
        self._take_in(head)
        open_signed(Commit, record)
        pieces = [blocks[at : at + head.block_size] for at in range(0, len(blocks), head.block_size)]
        leaves = [leaf(piece) for piece in pieces]
        if root(leaves, head.block_size, len(pieces[-1])) != root_:
            raise PiccoloError(Kind.INVALID, "ROOT_DIFFERS", "The blocks have another root.")
        kept = Fragment(head, pieces, leaves, [len(piece) for piece in pieces], len(pieces))
        kept.state, kept.root, kept.record = KeptState.LIVE, root_, record
        self.fragments[head.fragment_id] = kept
        await self._steps.leave(number)
        return self.receipt(kept)

    def put(self, head: Head, resume_at: int | None = None) -> FakePut:
        """Begins or resumes a fragment."""
        self.puts += 1
        return FakePut(self, head, resume_at)

    async def commit(self, fragment_id: bytes, root_: bytes, record: bytes) -> bytes:
        """Commits a whole fragment."""
        number = await self._enter("commit")
        open_signed(Commit, record)
        kept = self.fragments.get(fragment_id)
        if kept is None or kept.state not in (KeptState.PROVISIONAL, KeptState.LIVE):
            raise PiccoloError(Kind.NOT_FOUND, "NO_FRAGMENT", "There is no whole fragment of that id.")
        if kept.root != root_:
            raise PiccoloError(Kind.CONFLICT, "ROOT_DIFFERS", "The fragment has another root.")
        kept.state, kept.record = KeptState.LIVE, record
        await self._steps.leave(number)
        return self.receipt(kept)

    async def get(self, fragment_id: bytes, first_block: int, blocks: int, limit: int) -> Blocks:
        """Returns blocks with their proof."""
        await self._enter("get")
        self.gets += 1
        self.asked[fragment_id, first_block] += 1
        kept = self.fragments.get(fragment_id)
        if kept is None or kept.state not in (KeptState.LIVE, KeptState.PROVISIONAL):
            raise PiccoloError(Kind.NOT_FOUND, "NO_FRAGMENT", "There is no such fragment.")
        stop = first_block + blocks
        if any(leaf(kept.blocks[at]) != kept.leaves[at] for at in range(first_block, stop)):
            kept.state = KeptState.DAMAGED
            raise PiccoloError(Kind.DATA_LOSS, "ROT", "A block is not as it was written.")
        message = b"".join(kept.blocks[first_block:stop])
        if self.lies_on_get:
            message = bytes([message[0] ^ 1]) + message[1:]
        return Blocks(
            block_size=kept.head.block_size,
            last_block_size=kept.sizes[-1],
            total_blocks=len(kept.blocks),
            leaves=b"".join(kept.leaves[first_block:stop]),
            proof=b"".join(make_proof(kept.leaves, first_block, stop)),
            messages=(message,),
        )

    async def stat(self, fragment_ids: Sequence[bytes]) -> list[Kept]:
        """Tells states."""
        await self._enter("stat")
        absent = Fragment(Head(b"", 1, 0, 0), state=KeptState.ABSENT)
        found = [(each, self.fragments.get(each, absent)) for each in fragment_ids]
        return [Kept(each, kept.state, kept.size, kept.root) for each, kept in found]

    async def put_record(self, fragment_id: bytes, record: bytes) -> None:
        """Replaces a commit record by a newer one."""
        number = await self._enter("put_record")
        kept = self.live(fragment_id)
        if kept is None:
            raise PiccoloError(Kind.NOT_FOUND, "NO_FRAGMENT", "There is no such live fragment.")
        new, old = open_signed(Commit, record).record, open_signed(Commit, kept.record).record
        if (new.generation, new.seq) > (old.generation, old.seq):
            kept.record = record
        await self._steps.leave(number)

    async def bury(self, tombstone: bytes) -> None:
        """Moves fragments into the trash, or purges them."""
        number = await self._enter("bury")
        root_key = Kek(bytes(range(32))).owner_root().public
        record = open_signed(Tombstone, tombstone, [root_key]).record
        if record.purge and self.purges_nothing:
            raise PiccoloError(Kind.PRECONDITION, "PURGE_TOO_EARLY", "A recovered device purges nothing yet.")
        if tombstone in self.refused:
            raise PiccoloError(Kind.INVALID, "STATEMENT_INVALID", "This statement cannot be read.")
        self.tombstones.append(tombstone)
        for fragment_id in record.fragments:
            kept, order = self.fragments.get(fragment_id), (record.generation, record.seq)
            self.buried[fragment_id] = max(order, self.buried.get(fragment_id, (0, 0)))
            if kept is not None and kept.order < order:
                kept.state = KeptState.TRASH
                if record.purge:
                    del self.fragments[fragment_id]
        await self._steps.leave(number)

    async def unbury(self, undelete: bytes) -> list[bytes]:
        """Takes fragments out of the trash."""
        number = await self._enter("unbury")
        root_key = Kek(bytes(range(32))).owner_root().public
        record = open_signed(Undelete, undelete, [root_key]).record
        gone = []
        for fragment_id in record.fragments:
            kept = self.fragments.get(fragment_id)
            if kept is None:
                gone.append(fragment_id)
            elif (record.generation, record.seq) > self.buried.get(fragment_id, (0, 0)):
                kept.state = KeptState.LIVE if kept.state is KeptState.TRASH else kept.state
        await self._steps.leave(number)
        return gone

    async def list_mine(self, page_token: str) -> tuple[list[Kept], str]:
        """Returns fragments, three a page."""
        await self._enter("list_mine")
        rest = sorted(each for each in self.fragments if each.hex() > page_token)
        page = [self.fragments[each] for each in rest[:3]]
        told = [
            Kept(kept.head.fragment_id, kept.state, kept.size, kept.root, self._last(kept)) for kept in page
        ]
        return told, rest[2].hex() if len(rest) > 3 else ""

    def _last(self, kept: Fragment) -> int:
        return max(kept.order, self.buried.get(kept.head.fragment_id, (0, 0)))[0]

    async def records(self, fragment_ids: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """Returns commit records, two at a time."""
        await self._enter("records")
        found = [(each, kept.record) for each in fragment_ids if (kept := self.live(each))]
        return found[:2]

    async def room(self, wanted: int = 0) -> Room:
        """Tells its space."""
        await self._enter("room")
        self.wanted += wanted
        damaged = (each for each, kept in self.fragments.items() if kept.state is KeptState.DAMAGED)
        return Room(
            full=self.full,
            free_bytes=2**40,
            notices=tuple(self.notices),
            damaged=(*sorted(damaged), *self.false_hints),
            owner_bytes=sum(kept.size for kept in self.fragments.values()),
            beyond_bytes=self.beyond,
            offer_bytes=2**40,
        )

    def give_notice(
        self, kind: NoticeKind, until: int, *, given: int = 0, key: SigningKey | None = None
    ) -> None:
        """Announces something to the owner."""
        record = Notice(keeper=self.member.owner_id, owner=self._owner, kind=kind, until=until, time=given)
        self.notices.append(sign(record, key or self.key).to_bytes())

    def _take_in(self, head: Head) -> Fragment | None:
        if self.full:
            raise PiccoloError(Kind.FULL, "KEEPER_FULL", f"{self.member.name} is full.")
        if head.generation != self._certified():
            raise PiccoloError(Kind.INVALID, "OTHER_GENERATION", "The certificate says another generation.")
        if (head.generation, head.seq) < self.buried.get(head.fragment_id, (0, 0)):
            raise PiccoloError(Kind.CONFLICT, "BURIED", "A newer tombstone names this fragment.")
        return self.fragments.get(head.fragment_id)


class FakePut:
    """A fragment on its way to a fake keeper."""

    def __init__(self, keeper: FakeKeeper, head: Head, resume_at: int | None) -> None:
        self._keeper, self._head, self._resume_at = keeper, head, resume_at
        self._answers: asyncio.Queue[PutAnswer | PiccoloError | None] = asyncio.Queue()
        self._kept: Fragment | None = None
        self._pending = 0
        self._closed = False

    async def send(self, blocks: Sequence[memoryview]) -> None:
        """Takes blocks."""
        await self._pass("put.send")
        kept = self._opened()
        for piece in map(bytes, blocks):
            kept.blocks.append(b"" if self._keeper.forgetful else piece)
            kept.leaves.append(leaf(piece))
            kept.sizes.append(len(piece))
        self._pending += sum(map(len, blocks))
        if self._pending >= CHECKPOINT_BYTES:
            self._make_durable()

    async def checkpoint(self) -> None:
        """Makes durable what came."""
        await self._pass("put.checkpoint")
        self._make_durable()

    async def finish(self, blocks: int, root_: bytes) -> None:
        """Ends the fragment."""
        number = await self._pass("put.finish")
        kept = self._opened()
        if len(kept.leaves) != blocks or root(kept.leaves, kept.head.block_size, kept.sizes[-1]) != root_:
            self._answers.put_nowait(PiccoloError(Kind.INVALID, "ROOT_DIFFERS", "Another root."))
            return
        kept.state, kept.root, kept.durable = KeptState.PROVISIONAL, root_, blocks
        await self._keeper._steps.leave(number)
        self._answers.put_nowait(PutAnswer(blocks, receipt=self._keeper.receipt(kept)))
        self._answers.put_nowait(None)

    async def answer(self) -> PutAnswer | None:
        """Returns the next answer."""
        if self._kept is None:
            return await self._begin()
        told = await self._answers.get()
        if isinstance(told, PiccoloError):
            raise told
        return told

    def close(self) -> None:
        """Ends the stream."""
        self._closed = True

    async def _begin(self) -> PutAnswer:
        await self._pass("put.open")
        kept = self._keeper._take_in(self._head) or Fragment(self._head)
        if kept.state is KeptState.LIVE:  # what is whole is never written over
            return PutAnswer(len(kept.leaves), digest("leaves", b"".join(kept.leaves)))
        keep = kept.durable if self._resume_at is None else min(self._resume_at, kept.durable)
        del kept.blocks[keep:], kept.leaves[keep:], kept.sizes[keep:]
        kept.head, kept.durable, kept.state, kept.root = self._head, keep, KeptState.INCOMING, b""
        self._keeper.fragments[self._head.fragment_id] = self._kept = kept
        return PutAnswer(keep, digest("leaves", b"".join(kept.leaves)))

    async def _pass(self, name: str) -> int:
        number = await self._keeper._enter(name)
        if self._closed:
            raise PiccoloError(Kind.CANCELLED, "CLOSED", "The stream is closed.")
        dies = self._keeper.dies_after_blocks
        if dies is not None and self._kept is not None and len(self._kept.leaves) >= dies:
            self._keeper.down = True
            del self._kept.leaves[self._kept.durable :]
            self._answers.put_nowait(PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "It died."))
            self._keeper._check()
        return number

    def _opened(self) -> Fragment:
        if self._kept is None:
            raise AssertionError("blocks were sent before the keeper answered the opening")
        return self._kept

    def _make_durable(self) -> None:
        kept = self._opened()
        kept.durable, self._pending = len(kept.leaves), 0
        self._answers.put_nowait(PutAnswer(kept.durable))


class FakeKeepers:
    """The members' keepers by owner."""

    def __init__(self, keepers: Sequence[FakeKeeper]) -> None:
        self.by_owner = {keeper.member.owner_id: keeper for keeper in keepers}

    def keeper(self, member: Member) -> FakeKeeper:
        """Returns the member's keeper."""
        return self.by_owner[member.owner_id]
