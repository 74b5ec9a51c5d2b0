"""What the process keeps for itself: keys, the running time, notices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats import tls
from piccolo_formats.records.keeping import Notice, NoticeKind
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.adapters.clock import WrittenClock, machine_clocks
from piccolo_fragment_store.adapters.frame_log import FrameLog
from piccolo_fragment_store.adapters.keys import load_keys
from piccolo_fragment_store.core.running import DAY, Instant
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.engine.notices import Notices
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import HandClock
from piccolo_fragment_store.testing.people import Person, circle_of, new_key


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    first, second = load_keys(tmp_path / "keys"), load_keys(tmp_path / "keys")
    assert first == second
    assert first.signing.public == second.signing.public
    tls.check_certificate(first.certificate)
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    assert load_keys(tmp_path / "others").certificate != first.certificate


@pytest.mark.parametrize("name", ["signing.key", "tls.key"])
def test_a_key_that_cannot_be_read_is_no_reason_for_a_new_one(tmp_path: Path, name: str) -> None:
    load_keys(tmp_path / "keys")
    (tmp_path / "keys" / name).write_bytes(b"spoilt")
    with pytest.raises(PiccoloError) as unreadable:
        load_keys(tmp_path / "keys")
    assert unreadable.value.reason == "KEY_UNREADABLE"
    assert (tmp_path / "keys" / name).read_bytes() == b"spoilt"


@pytest.mark.parametrize("name", ["signing.key", "tls.key"])
def test_a_flipped_bit_makes_no_other_key(tmp_path: Path, name: str) -> None:
    """A keeper with another key would give receipts that nobody believes."""
    load_keys(tmp_path / "keys")
    path, chance = tmp_path / "keys" / name, Random(1)
    written = path.read_bytes()
    for _ in range(200):
        content = bytearray(written)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        with pytest.raises(PiccoloError) as unreadable:
            load_keys(tmp_path / "keys")
        assert unreadable.value.reason == "KEY_UNREADABLE"


@dataclass
class Clocks:
    wall: int = 10**9
    monotonic: int = 100
    boot: str = "b1"

    def __call__(self) -> Instant:
        return Instant(self.wall, self.monotonic, self.boot)

    def pass_(self, seconds: int) -> None:
        self.wall, self.monotonic = self.wall + seconds, self.monotonic + seconds


def test_time_that_was_written_down_has_passed(tmp_path: Path) -> None:
    clocks = Clocks()
    clock = WrittenClock(tmp_path / "clock", clocks)
    clocks.pass_(2 * DAY)
    assert clock.running() == 0
    clock.tick()
    assert clock.running() == 2 * DAY
    assert clock.settled()
    clocks.pass_(500)  # and the power goes
    again = WrittenClock(tmp_path / "clock", clocks)
    assert again.running() == 2 * DAY
    assert again.settled()
    clocks.boot = "b2"
    assert not WrittenClock(tmp_path / "clock", clocks).settled()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"seconds": "x"}', b'{"seconds": 5}'])
def test_an_unreadable_running_time_makes_everything_younger(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clock").write_bytes(content)
    clock = WrittenClock(tmp_path / "clock", Clocks())
    assert clock.running() == 0
    assert not clock.settled()
    assert json.loads((tmp_path / "clock").read_bytes())["seconds"] == 0


def test_the_machine_has_clocks() -> None:
    now = machine_clocks()
    assert now.wall > 10**9
    assert len(now.boot) == 36


def test_a_notice_is_given_once_and_holds_until_its_time() -> None:
    own, ana, clock, disk, key = Person(), Person(), HandClock(), SimulatedDisk(), new_key()
    identity = Identity(key, clock, lambda: circle_of(own, ana))
    notices = Notices(FrameLog(disk, "notices.log"), identity, clock)
    notices.give(NoticeKind.EVICT, [ana.id])
    size = FrameLog(disk, "notices.log").size
    notices.give(NoticeKind.EVICT, [ana.id])
    assert FrameLog(disk, "notices.log").size == size
    (data,) = notices.holding(ana.id)
    notice = open_signed(Notice, data, [key.public]).record
    assert (notice.keeper, notice.owner, notice.kind) == (own.id, ana.id, NoticeKind.EVICT)
    assert notice.until == clock.wall() + 30 * DAY
    assert notices.holding(own.id) == []
    again = Notices(FrameLog(disk, "notices.log"), identity, clock)
    assert again.holding(ana.id) == [data]
    clock.now += 30 * DAY
    assert again.holding(ana.id) == []
    again.give(NoticeKind.EVICT, [ana.id])
    assert len(again.holding(ana.id)) == 1


def test_who_needs_room_is_answered_though_no_notice_can_be_given() -> None:
    clock, disk = HandClock(), SimulatedDisk()
    notices = Notices(FrameLog(disk, "notices.log"), Identity(new_key(), clock, lambda: None), clock)
    notices.give(NoticeKind.EVICT, [bytes(32)])
    assert notices.holding(bytes(32)) == []


def test_nothing_is_signed_before_there_is_a_circle() -> None:
    identity = Identity(new_key(), HandClock(), lambda: None)
    with pytest.raises(PiccoloError) as refused:
        identity.receipt(bytes(32), [])
    assert refused.value.reason == "NO_CIRCLE"
