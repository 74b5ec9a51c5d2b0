"""Work that outlives its request, and its process: what clients hear, and what is never done twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.tasks import Tasks

from piccolo_gateway.adapters.journal import FileJournal
from piccolo_gateway.core.idempotency import KEPT_SECONDS, Answer, Answers, Name, Note
from piccolo_gateway.engine.repeating import Repeating
from piccolo_gateway.ports.machine import Clock

OK = Answer(200, {}, b"done")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where notes go."""
    return tmp_path / "keyed"


def repeating(tasks: Tasks, folder: Path, *, now: int = 0, journal: FileJournal | None = None) -> Repeating:
    clock = Clock(lambda: now, lambda: 0.0)
    kept = journal or FileJournal(folder)
    return Repeating(Answers(4, 4096), Answers(1, 4096), tasks, clock, kept)


async def ok() -> Answer:
    return OK


async def never() -> Answer:
    raise AssertionError("it must not be done twice")


async def test_the_end_of_the_process_is_told_and_nothing_is_kept(folder: Path) -> None:
    async with Tasks() as tasks:
        made, begun = repeating(tasks, folder), asyncio.Event()

        async def endless() -> Answer:
            begun.set()
            await asyncio.Event().wait()
            return OK

        waiting = asyncio.ensure_future(made.once("owner", "k", b"same", endless))
        await begun.wait()
        await tasks.finish()
        with pytest.raises(PiccoloError, match="stopping") as refused:
            await waiting
        assert refused.value.reason == "STOPPING"

        assert await made.once("owner", "k", b"same", ok) == (OK, False)
        assert await made.once("owner", "k", b"same", ok) == (OK, True)


async def test_a_caller_that_goes_away_does_not_end_the_work(folder: Path) -> None:
    async with Tasks() as tasks:
        made, begun, go_on, done = repeating(tasks, folder), asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def work() -> Answer:
            begun.set()
            await go_on.wait()
            done.set()
            return OK

        waiting = asyncio.ensure_future(made.outlive(work))
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        async with asyncio.timeout(5):
            await done.wait()


async def test_one_stranger_at_a_time_and_the_owner_beside(folder: Path) -> None:
    async with Tasks() as tasks:
        made, begun, go_on = repeating(tasks, folder), asyncio.Event(), asyncio.Event()

        async def work() -> Answer:
            begun.set()
            await go_on.wait()
            return OK

        first = asyncio.ensure_future(made.once("", "1", b"1", work))
        await begun.wait()
        with pytest.raises(PiccoloError, match="under way"):
            await made.once("", "2", b"2", work)
        begun.clear()
        owner = asyncio.ensure_future(made.once("owner", "2", b"2", work))
        await begun.wait()
        go_on.set()
        assert await first == await owner == (OK, False)


async def test_the_next_process_answers_alike(folder: Path) -> None:
    async with Tasks() as tasks:
        assert await repeating(tasks, folder).once("owner", "k", b"same", ok) == (OK, False)
        after = repeating(tasks, folder)
        await after.resume()
        assert await after.once("owner", "k", b"same", never) == (OK, True)
        with pytest.raises(PiccoloError) as refused:
            await after.once("owner", "k", b"other", never)
        assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_what_was_under_way_when_the_process_ended_is_not_done_twice(folder: Path) -> None:
    begun = asyncio.Event()

    async def endless() -> Answer:
        begun.set()
        await asyncio.Event().wait()
        return OK

    async with Tasks() as tasks:
        waiting = asyncio.ensure_future(repeating(tasks, folder).once("owner", "k", b"same", endless))
        await begun.wait()
        await tasks.finish()
        with pytest.raises(PiccoloError, match="stopping"):
            await waiting
        after = repeating(tasks, folder)
        await after.resume()
        with pytest.raises(PiccoloError) as refused:
            await after.once("owner", "k", b"same", never)
        assert refused.value.reason == "IDEMPOTENCY_KEY_LOST"


async def test_a_secret_is_never_on_the_disk(folder: Path) -> None:
    async with Tasks() as tasks:
        made = repeating(tasks, folder)
        assert await made.once("owner", "k", b"same", ok, secret=True) == (OK, False)
        assert await made.once("owner", "k", b"same", never, secret=True) == (OK, True)
        (note,) = [json.loads(path.read_bytes()) for path in folder.iterdir()]
        assert note["answer"] is None
        after = repeating(tasks, folder)
        await after.resume()
        with pytest.raises(PiccoloError) as refused:
            await after.once("owner", "k", b"same", never, secret=True)
        assert refused.value.reason == "IDEMPOTENCY_KEY_LOST"


async def test_not_now_is_tried_again_after_a_restart(folder: Path) -> None:
    async def later() -> Answer:
        return Answer(503, {}, b"")

    async with Tasks() as tasks:
        await repeating(tasks, folder).once("owner", "k", b"same", later)
        after = repeating(tasks, folder)
        await after.resume()
        assert await after.once("owner", "k", b"same", ok) == (OK, False)


async def test_strangers_leave_nothing_on_the_disk(folder: Path) -> None:
    async with Tasks() as tasks:
        await repeating(tasks, folder).once("", "k", b"same", ok)
    assert not folder.exists()


async def test_a_day_later_nothing_is_known_and_nothing_lies_there(folder: Path) -> None:
    async with Tasks() as tasks:
        await repeating(tasks, folder).once("owner", "k", b"same", ok)
        swept = asyncio.Event()

        class Watched(FileJournal):
            async def keep_only(self, known: Callable[[], Iterable[Name]]) -> None:
                await super().keep_only(known)
                swept.set()

        after = repeating(tasks, folder, now=int(KEPT_SECONDS) + 1, journal=Watched(folder))
        await after.resume()
        tasks.create_task(after.sweep())
        async with asyncio.timeout(10):
            await swept.wait()
        assert list(folder.iterdir()) == []
        assert await after.once("owner", "k", b"same", ok) == (OK, False)
        await tasks.finish()


async def test_a_clock_that_went_back_forgets_nothing(folder: Path) -> None:
    async with Tasks() as tasks:
        await repeating(tasks, folder, now=1_000_000).once("owner", "k", b"same", ok)
        after = repeating(tasks, folder, now=5)
        await after.resume()
        assert await after.once("owner", "k", b"same", never) == (OK, True)


async def test_the_disk_holds_no_more_than_the_memory(folder: Path) -> None:
    async with Tasks() as tasks:
        made = repeating(tasks, folder)
        for number in range(401):
            await made.once("owner", str(number), b"same", ok)
        assert len(list(folder.iterdir())) < 220
        after = repeating(tasks, folder)
        await after.resume()
        assert await after.once("owner", "400", b"same", never) == (OK, True)


async def test_a_folder_that_cannot_be_written_holds_up_nobody(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_bytes(b"no folder")
    async with Tasks() as tasks:
        made = repeating(tasks, folder)
        await made.resume()
        assert await made.once("owner", "k", b"same", ok) == (OK, False)
        assert await made.once("owner", "k", b"same", never) == (OK, True)
    assert "not kept over a restart" in caplog.text


async def test_torn_notes_are_left_out(folder: Path) -> None:
    journal = FileJournal(folder)
    good = Note("owner", "k", b"same", 1, OK)
    await journal.keep(good)
    (folder / "torn").write_bytes(b'{"caller": "ow')
    (folder / "binary").write_bytes(b"\xff\x00")
    (folder / ".half.new").write_bytes(b"{}")
    assert await journal.notes() == [good]
    await journal.keep_only(lambda: [good.name])
    assert len(list(folder.iterdir())) == 1
    await journal.forget(good)
    assert await journal.notes() == []
