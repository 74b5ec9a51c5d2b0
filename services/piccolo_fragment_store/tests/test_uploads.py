"""One put from its first message to its end, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from piccolo_chassis.errors import PiccoloError

from piccolo_fragment_store.adapters.workers import ThreadWorkers
from piccolo_fragment_store.engine import uploads as uploads_module
from piccolo_fragment_store.engine.downloads import Downloads
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.limits import ByteBudget, Limits, Traffic
from piccolo_fragment_store.engine.reading import Opening
from piccolo_fragment_store.engine.ticket import Ticket
from piccolo_fragment_store.engine.uploads import Blocks, Checkpoint, Finish, Open, Step, Told, Uploads
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import Sample, close_index, open_holdings, sample, store
from piccolo_fragment_store.testing.people import Person

PERSON = Person()
PIECE = sample(PERSON.id, 1, blocks=6, last=50)


@dataclass
class Client:
    """Sends steps when a test says so, and collects what it is told."""

    steps: asyncio.Queue[Step | None] = field(default_factory=asyncio.Queue)
    told: asyncio.Queue[Told] = field(default_factory=asyncio.Queue)

    def send(self, *steps: Step | None) -> None:
        for step in steps:
            self.steps.put_nowait(step)

    async def sending(self) -> AsyncIterator[Step]:
        while (step := await self.steps.get()) is not None:
            yield step

    async def tell(self, told: Told) -> None:
        await self.told.put(told)

    async def hears(self) -> Told:
        async with asyncio.timeout(10):
            return await self.told.get()


@dataclass
class Bench:
    holdings: Holdings
    workers: ThreadWorkers
    disk: SimulatedDisk
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    traffic: Traffic = field(default_factory=lambda: Traffic(Limits()))

    def put(self, client: Client) -> asyncio.Task[None]:
        uploads = Uploads(self.holdings, self.workers, self.traffic, self.stopping)
        return asyncio.create_task(uploads.put(client.sending(), client.tell, only_known=False))


@pytest.fixture
def workers() -> Iterator[ThreadWorkers]:
    with ThreadWorkers(2) as made:
        yield made


@pytest_asyncio.fixture
async def bench(tmp_path: Path, workers: ThreadWorkers) -> AsyncIterator[Bench]:
    disk = SimulatedDisk()
    holdings = open_holdings(disk, tmp_path / "index")
    yield Bench(holdings, workers, disk)
    await workers.run(lambda: None)
    close_index(holdings)


def durable(bench: Bench, piece: Sample = PIECE) -> int:
    incoming = bench.holdings.index.kept(piece.key).incoming
    return incoming.blocks if incoming else 0


async def idle(bench: Bench) -> None:
    """Returns when what was started in the background is done."""
    async with asyncio.timeout(10):
        while bench.holdings.busy or bench.holdings.ledger.reserved:
            await bench.workers.run(lambda: None)


async def test_time_alone_makes_a_checkpoint(bench: Bench) -> None:
    client = Client()
    task = bench.put(client)
    client.send(Open(PIECE.head()))
    assert (await client.hears()).durable_blocks == 0
    client.send(Blocks(PIECE.blocks[0]))
    assert (await client.hears()).durable_blocks == 1  # nobody asked
    client.send(None)
    assert (await client.hears()).durable_blocks == 1
    await task


async def test_who_sends_nothing_for_long_gives_its_reservation_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "_IDLE", 0.05)
    client = Client()
    task = bench.put(client)
    client.send(Open(PIECE.head()), Blocks(PIECE.blocks[0]), Checkpoint())
    with pytest.raises(ExceptionGroup) as idle_:
        await task
    assert idle_.group_contains(PiccoloError, match="Nothing came")
    await idle(bench)
    assert bench.holdings.ledger.reserved == 0
    assert durable(bench) == 1


async def test_a_short_last_block_is_durable_only_with_its_tail(bench: Bench) -> None:
    client = Client()
    task = bench.put(client)
    client.send(Open(PIECE.head()), Blocks(PIECE.data), Checkpoint())
    await client.hears()
    assert (await client.hears()).durable_blocks == 5
    client.send(Finish(6, PIECE.root))
    last = await client.hears()
    assert last.durable_blocks == 6
    assert last.whole is not None
    await task
    assert bench.holdings.ledger.reserved == 0


async def test_a_client_that_vanishes_leaves_what_it_sent(bench: Bench) -> None:
    client = Client()
    task = bench.put(client)
    client.send(Open(PIECE.head()), Blocks(b"".join(PIECE.blocks[:3])), Checkpoint())
    await client.hears()
    await client.hears()
    client.send(Blocks(PIECE.blocks[3]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await idle(bench)
    assert durable(bench) in (3, 4)
    assert bench.holdings.ledger.reserved == 0


async def test_a_client_that_vanishes_while_it_is_let_in_leaves_nothing_open(bench: Bench) -> None:
    for rounds in range(8):
        client = Client()
        task = bench.put(client)
        client.send(Open(PIECE.head()))
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await bench.workers.run(lambda: None)
        await idle(bench)
        assert bench.holdings.ledger.reserved == 0


async def test_a_failing_sender_is_heard_of(bench: Bench) -> None:
    async def broken() -> AsyncIterator[Step]:
        yield Open(PIECE.head())
        yield Blocks(PIECE.blocks[0])
        raise ConnectionResetError

    uploads = Uploads(bench.holdings, bench.workers, bench.traffic, bench.stopping)
    with pytest.raises(ExceptionGroup) as failed:
        await uploads.put(broken(), Client().tell, only_known=False)
    assert failed.group_contains(ConnectionResetError)
    await idle(bench)


async def test_a_full_disk_ends_the_put_and_takes_the_half_file_with_it(bench: Bench) -> None:
    client = Client()
    task = bench.put(client)
    client.send(Open(PIECE.head()), Blocks(PIECE.blocks[0]), Checkpoint())
    await client.hears()
    await client.hears()
    bench.disk.full_at = frozenset({bench.disk.operations + 1})
    client.send(Blocks(PIECE.blocks[1]))
    with pytest.raises(ExceptionGroup) as failed:
        await task
    assert failed.group_contains(PiccoloError, match="disk is full")
    assert not bench.holdings.index.kept(PIECE.key).known
    assert not [path for path in bench.disk.names if path.startswith("incoming/")]
    assert bench.holdings.ledger.reserved == bench.holdings.ledger.used == 0


async def test_a_slow_disk_holds_the_sender_back(bench: Bench) -> None:
    bench.traffic = Traffic(Limits(member_bytes=600))
    client = Client()
    task = bench.put(client)
    client.send(Open(PIECE.head()), *(Blocks(block) for block in PIECE.blocks))
    client.send(Finish(6, PIECE.root))
    while (told := await client.hears()).whole is None:
        pass
    assert told.durable_blocks == 6
    await task


async def test_reading_ahead_sends_what_was_good_before_it_fails(bench: Bench) -> None:
    piece = sample(PERSON.id, 2, blocks=9, block_size=300_000)
    whole = store(bench.holdings, PERSON, piece, 1)
    path = next(path for path in bench.disk.names if path.startswith("live/"))
    bench.disk.spoil(path, 512 + 4 * 300_000)
    sent: list[bytes] = []

    async def send(opening: Opening | None, data: bytes) -> None:
        assert (opening is None) == bool(sent)
        sent.append(data)

    downloads = Downloads(bench.holdings, bench.workers, bench.traffic, bench.stopping)
    with pytest.raises(PiccoloError) as rot:
        await downloads.get(whole.key, 0, 0, send)
    assert rot.value.details["block"] == "4"
    assert b"".join(sent) == b"".join(piece.blocks[:4])
    await bench.workers.run(lambda: None)


async def test_what_is_loaded_at_once_is_whole_or_tells_which_block_is_bad(bench: Bench) -> None:
    store(bench.holdings, PERSON, PIECE, 1)
    downloads = Downloads(bench.holdings, bench.workers, bench.traffic, bench.stopping)
    opening, data = await downloads.load(PIECE.key, 1, 2)
    assert data == b"".join(PIECE.blocks[1:3])
    assert len(opening.leaves) == 64
    path = next(path for path in bench.disk.names if path.startswith("live/"))
    bench.disk.spoil(path, 512 + 2 * PIECE.block_size)
    with pytest.raises(PiccoloError) as rot:
        await downloads.load(PIECE.key, 1, 2)
    assert (rot.value.reason, rot.value.details["block"]) == ("ROT", "2")
    _, data = await downloads.load(PIECE.key, 0, 2)
    assert data == b"".join(PIECE.blocks[:2])


async def test_a_stopping_process_ends_a_get(bench: Bench) -> None:
    store(bench.holdings, PERSON, PIECE, 1)
    bench.stopping.set()
    downloads = Downloads(bench.holdings, bench.workers, bench.traffic, bench.stopping)

    async def send(opening: Opening | None, data: bytes) -> None:
        raise AssertionError("nothing is sent any more")

    with pytest.raises(PiccoloError, match="stopping"):
        await downloads.get(PIECE.key, 0, 0, send)


async def test_bytes_are_given_out_in_order_and_given_back() -> None:
    budget, order = ByteBudget(10), []

    async def take(name: str, count: int) -> None:
        async with budget.take(count):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        async with asyncio.TaskGroup() as group, budget.take(8):
            wishes = (("a", 9), ("b", 2), ("c", 99))
            tasks = [group.create_task(take(name, count)) for name, count in wishes]
            await asyncio.sleep(0)
            assert order == []
            tasks[0].cancel()  # who waits behind it has room now
            await asyncio.wait(tasks[:2])
            assert order == ["b"]
        assert order == ["b", "c"]
        async with budget.take(10):
            pass


async def test_readers_have_a_budget_of_their_own_and_wait_for_it_a_while() -> None:
    traffic = Traffic(Limits(member_bytes=10, total_bytes=15, patience=0.05))
    async with traffic.reading(b"a", 6), traffic.reading(b"b", 6):
        for late, count in ((b"a", 6), (b"c", 6)):
            with pytest.raises(PiccoloError) as refused:
                async with traffic.reading(late, count):
                    pass
            assert refused.value.reason == "TOO_MUCH_READ"
        async with traffic.hold(b"a", 10):  # who writes waits for no reader
            pass
    async with traffic.reading(b"a", 99):  # one read at a time is always possible
        pass


async def test_a_reader_that_waits_has_its_turn_when_another_ends() -> None:
    traffic, first_done = Traffic(Limits(member_bytes=10, patience=60)), asyncio.Event()

    async def first(began: asyncio.Event) -> None:
        async with traffic.reading(b"a", 10):
            began.set()
            await first_done.wait()

    async def second() -> bool:
        async with traffic.reading(b"a", 10):
            return first_done.is_set()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        began = asyncio.Event()
        group.create_task(first(began))
        await began.wait()
        waiting = group.create_task(second())
        await asyncio.sleep(0)
        first_done.set()
    assert waiting.result()


def _open(done: list[str]) -> str:
    done.append("opened")
    return "it"


def test_a_ticket_closes_what_it_opened_whichever_comes_first() -> None:
    for first in ("open", "close"):
        done: list[str] = []
        ticket = Ticket(partial(_open, done), done.append)
        getattr(ticket, first)()
        getattr(ticket, "close" if first == "open" else "open")()
        assert done == ["opened", "it"]
