"""The mailbox's use cases, over every store."""

from __future__ import annotations

import asyncio
import os

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_cloud.core.limits import Limits
from piccolo_cloud.core.names import MAILBOXES
from piccolo_cloud.engine.mailboxes import Mailboxes
from piccolo_cloud.ports import ObjectStore

BOX, OTHER = b"a" * 32, b"b" * 32
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def boxes(store: ObjectStore, clock: Clock) -> Mailboxes:
    return Mailboxes(store, Limits(), clock, os.urandom)


async def test_messages_come_back_in_order(boxes: Mailboxes, clock: Clock) -> None:
    sent = [b"one", b"two", b"three", bytes(65_536)]
    for message in sent[:2]:
        await boxes.leave(BOX, message)
    clock.now -= 100
    for message in sent[2:]:
        await boxes.leave(BOX, message)
    await boxes.leave(OTHER, b"another box")
    assert await boxes.collect(BOX) == sent
    assert await boxes.collect(BOX) == sent
    assert await boxes.collect(OTHER) == [b"another box"]
    assert await boxes.collect(b"c" * 32) == []


async def test_sixteen_also_at_once(boxes: Mailboxes) -> None:
    results = await asyncio.gather(
        *(boxes.leave(BOX, bytes([number])) for number in range(20)), return_exceptions=True
    )
    refused = [each for each in results if isinstance(each, PiccoloError)]
    assert [(each.kind, each.reason) for each in refused] == [(Kind.FULL, "MAILBOX_FULL")] * 4
    assert len(await boxes.collect(BOX)) == 16


async def test_messages_go_after_two_days(boxes: Mailboxes, clock: Clock, store: ObjectStore) -> None:
    for _ in range(16):
        await boxes.leave(BOX, b"old")
    clock.now += 47 * HOUR
    assert len(await boxes.collect(BOX)) == 16
    await boxes.leave(OTHER, b"newer")
    clock.now += HOUR + 1
    assert await boxes.collect(BOX) == []
    await boxes.leave(BOX, b"new")
    assert await boxes.collect(BOX) == [b"new"]
    await boxes.sweep()
    assert len([each async for each in store.list(MAILBOXES)]) == 2
    assert await boxes.collect(OTHER) == [b"newer"]


@pytest.mark.parametrize("size", [0, 65_537])
async def test_sizes(boxes: Mailboxes, size: int) -> None:
    with pytest.raises(PiccoloError) as told:
        await boxes.leave(BOX, bytes(size))
    assert (told.value.kind, told.value.reason) == (Kind.INVALID, "MESSAGE_SIZE")


async def test_room_for_all_boxes(store: ObjectStore, clock: Clock) -> None:
    limits = Limits(mailboxes=20_000)
    boxes = Mailboxes(store, limits, clock, os.urandom)
    await boxes.leave(BOX, bytes(10_000))
    await boxes.leave(BOX, b"a small one takes a block of the disk all the same")
    for each in (boxes, successor := Mailboxes(store, limits, clock, os.urandom)):
        await each.sweep()
        with pytest.raises(PiccoloError) as told:
            await each.leave(OTHER, bytes(6_000))
        assert (told.value.kind, told.value.reason) == (Kind.FULL, "MAILBOXES_FULL")
    await successor.leave(OTHER, bytes(5_000))
    clock.now += 48 * HOUR + 1
    await successor.sweep()
    await successor.leave(OTHER, bytes(20_000))
