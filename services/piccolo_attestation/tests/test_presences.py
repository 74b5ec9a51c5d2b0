"""Devices that say without end where they are: others write it down at a pace, and a copy is found out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.device import Presence
from piccolo_formats.signed import sign

from piccolo_attestation.core import bundle, kept
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.engine.presences import Presences
from piccolo_attestation.engine.remembering import Remembering
from piccolo_attestation.testing import NOW, FakeFiles, FakeMemory, Owner, grown

ANA, BEN, CLEO = (Owner.named(name) for name in ("ana", "ben", "cleo"))
BASE = grown(ANA, BEN, CLEO)


class Box:
    """A device of an owner's, at an address; `saves` counts what it wrote of the circle."""

    def __init__(self, owner: Owner, endpoint: str, pace: float = 60.0) -> None:
        self.owner, self.endpoint, self.pace = owner, endpoint, pace
        self.files, self.saves = FakeFiles(), 0

    async def start(self, circle: TrustedCircle = BASE) -> Box:
        identity = await Identity.open(self.files, bytes)
        identity.certificate = self.owner.device()
        identity.own = replace(identity.own, signing=self.owner.key("attestation"))
        identity._state = replace(identity._state, endpoint=self.endpoint, offer=1001)
        state = kept.Circle(records=tuple(circle.records()), unsettled=False)
        await self.files.save("circle", state.to_record())
        self.circle = Circle(self.files, identity, lambda: NOW, self.pace)
        return self

    async def take(self, *records: bytes) -> None:
        self.saves += await self.circle.take(records)

    @property
    def alarms(self) -> list[tuple[str, int]]:
        view = self.circle.view
        return [(each.reason, each.member) for each in view.alarms] if view else []

    def said(self, owner: Owner) -> Presence:
        presence = self.circle.trusted.presence(owner.id)
        assert presence is not None
        return presence


def at(owner: Owner, seq: int, generation: int = 1) -> bytes:
    return owner.presence(seq, generation).to_bytes()


class Listener:
    """Somebody who listens at a pace of a minute."""

    def __init__(self) -> None:
        self.circle, self.paced = BASE.copy(), Presences(pace=60.0)

    def told(self, now: float, *records: bytes) -> list[int]:
        """Hears something; returns the latest that it has taken of BEN and CLEO."""
        due, self.paced = self.paced.sift(self.circle, records, ANA.id, now)
        self.circle.merge(due)
        return [said.seq for owner in (BEN, CLEO) if (said := self.circle.presence(owner.id))]


def test_a_newer_word_is_taken_at_once_and_the_next_ones_at_a_pace() -> None:
    one = Listener()
    assert one.told(0, at(BEN, 2)) == [2, 1]
    assert one.paced.left(0) is None
    assert one.told(1, at(BEN, 3)) == [2, 1]
    assert one.told(2, at(BEN, 5), at(BEN, 4), at(CLEO, 2)) == [2, 2]
    assert one.told(3, at(BEN, 4)) == [2, 2]
    assert one.paced.left(3) == 57.0
    assert one.told(60) == [5, 2]
    assert one.paced.left(60) is None
    assert one.told(61, at(BEN, 6), at(ANA, 9)) == [5, 2]
    assert one.circle.presence(ANA.id) == ANA.presence(9).record  # of one's own owner all is heard at once
    assert one.told(62, BEN.device(2).to_bytes(), at(BEN, 1, 2)) == [1, 2]


def test_what_is_not_genuine_takes_nobody_s_turn() -> None:
    one = Listener()
    forged = sign(BEN.presence(9).record, CLEO.key("attestation")).to_bytes()
    assert one.told(0, forged) == [1, 1]
    assert one.told(0, at(BEN, 2)) == [2, 1]
    assert one.told(1, at(BEN, 3), forged) == [2, 1]
    assert one.told(60) == [3, 1]


async def test_what_was_kept_back_is_taken_without_being_told_again() -> None:
    ana = await Box(ANA, "ana.example:7001", pace=0.1).start()
    work = asyncio.create_task(ana.circle.run())
    try:
        for seq in (2, 3, 4):
            await ana.take(at(BEN, seq))
        assert ana.said(BEN).seq == 2
        async with asyncio.timeout(10):
            while ana.said(BEN).seq != 4:
                await ana.circle.changes.waiter().wait()
    finally:
        work.cancel()


async def test_what_could_not_be_written_takes_no_turn() -> None:
    ana = await Box(ANA, "ana.example:7001").start()
    ana.files.full = True
    with pytest.raises(PiccoloError):
        await ana.take(at(BEN, 2))
    ana.files.full = False
    await ana.take(at(BEN, 2))
    assert ana.said(BEN).seq == 2


async def test_a_copy_of_a_device_is_found_out_and_costs_the_others_nothing() -> None:
    ana = await Box(ANA, "ana.example:1").start()
    ben, copy = await Box(BEN, "ben.example:7001").start(), await Box(BEN, "copy.example:1").start()
    for _ in range(50):
        for one, other in ((ben, copy), (copy, ben), (ben, ana), (copy, ana), (ana, ben), (ana, copy)):
            await other.take(*one.circle.trusted.records())
    assert ana.saves <= 4
    assert ben.said(BEN).seq < 8
    assert ("DEVICE_TWICE", 1) in [*ben.alarms, *copy.alarms]
    assert ana.alarms == []


async def test_a_state_that_was_put_back_from_a_copy_speaks_again() -> None:
    ben = await Box(BEN, "new.example:7001").start()
    await ben.circle.announce()
    assert ben.said(BEN).seq == 2
    await ben.take(at(BEN, 7))  # what it said itself, before it was put back
    assert (ben.said(BEN).seq, ben.said(BEN).endpoints) == (8, ("new.example:7001",))
    assert ben.alarms == []


async def test_the_memory_is_written_for_a_presence_once_an_hour() -> None:
    ana, memory = await Box(ANA, "ana.example:1").start(), FakeMemory()
    await ana.circle.announce()
    remembering = Remembering(ana.circle, memory, lambda: 0.5, hour=3600.0)

    async def copied(now: float) -> bool:
        memory.stored.clear()
        await remembering.look(now)
        return memory.stored.is_set()

    assert await copied(0)
    assert remembering.left(0) is None
    await ana.take(at(BEN, 2))
    assert not await copied(1)
    assert remembering.left(1) == 3599.0
    await ana.take(CLEO.device(2).to_bytes())
    assert await copied(2)
    await ana.take(at(CLEO, 1, 2))  # where a device is that has not spoken before
    assert await copied(3)
    await ana.take(at(CLEO, 2, 2))
    assert not await copied(4)
    assert await copied(3603)
    assert at(CLEO, 2, 2) in bundle.decode(memory.values["bundle"])
