"""The tombstone log: torn, flipped, damaged in the middle, on a full disk."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.logs import frame

from piccolo_fragment_store.adapters.frame_log import FrameLog
from piccolo_fragment_store.testing.disk import PowerCut, SimulatedDisk
from piccolo_fragment_store.testing.people import Person

PATH = "tombstones.log"
PERSON = Person()
ENTRIES = [PERSON.tombstone([bytes([number]) * 16], 1, number) for number in range(1, 5)]


def logged(disk: SimulatedDisk) -> FrameLog:
    log = FrameLog(disk, PATH)
    for entry in ENTRIES:
        log.append(entry)
    return log


def test_what_was_appended_comes_back() -> None:
    disk = SimulatedDisk()
    assert list(logged(disk).entries()) == ENTRIES
    assert list(FrameLog(disk, PATH).entries()) == ENTRIES
    assert FrameLog(disk, PATH).size == sum(len(frame(entry)) for entry in ENTRIES)


def test_a_torn_last_entry_is_cut_off_and_the_log_goes_on() -> None:
    for torn in range(1, len(frame(ENTRIES[3]))):
        disk = SimulatedDisk()
        logged(disk)
        del disk.content(PATH)[-torn:]
        log = FrameLog(disk, PATH)
        assert list(log.entries()) == ENTRIES[:3]
        log.append(ENTRIES[3])
        assert list(FrameLog(disk, PATH).entries()) == ENTRIES
        assert not [path for path in disk.names if "damaged" in path]


def test_damage_in_the_middle_costs_one_entry_and_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    length = len(frame(ENTRIES[0]))
    for at in range(length, 2 * length):
        disk = SimulatedDisk()
        logged(disk)
        disk.content(PATH)[at] ^= 0x55
        damaged = bytes(disk.content(PATH))
        caplog.clear()
        log = FrameLog(disk, PATH)
        assert list(log.entries()) == [ENTRIES[0], *ENTRIES[2:]], at
        assert bytes(disk.content(f"{PATH}.damaged-1")) == damaged
        assert "damaged" in caplog.text
        log.append(ENTRIES[1])
        assert list(FrameLog(disk, PATH).entries()) == [ENTRIES[0], *ENTRIES[2:], ENTRIES[1]]


def test_salvaging_survives_a_power_cut_at_any_step() -> None:
    for stop_at in range(1, 12):
        for seed in range(4):
            disk = SimulatedDisk()
            logged(disk)
            disk.spoil(PATH, 3)
            disk.stop_at = disk.operations + stop_at
            with suppress(PowerCut):
                FrameLog(disk, PATH)
            disk.restart(random.Random(seed))
            assert list(FrameLog(disk, PATH).entries()) == ENTRIES[1:]
            assert disk.has(f"{PATH}.damaged-1")


def test_a_full_disk_leaves_the_log_as_it_was() -> None:
    for failing in (1, 2):
        disk = SimulatedDisk()
        log = logged(disk)
        disk.full_at = frozenset({disk.operations + failing})
        with pytest.raises(PiccoloError) as full:
            log.append(b"\x82 another")
        assert full.value.kind is Kind.FULL
        assert list(FrameLog(disk, PATH).entries()) == ENTRIES
        log.append(ENTRIES[0])
        assert list(FrameLog(disk, PATH).entries()) == [*ENTRIES, ENTRIES[0]]


def test_a_log_that_could_not_be_mended_takes_nothing_more() -> None:
    disk = SimulatedDisk()
    log = logged(disk)
    begun = disk.operations
    disk.full_at = frozenset({begun + 2, begun + 4})  # the fsync, and that after cutting back
    with pytest.raises(PiccoloError):
        log.append(b"\x82 another")
    with pytest.raises(PiccoloError) as broken:
        log.append(b"\x82 another")
    assert broken.value.reason == "LOG_BROKEN"


def test_an_append_is_answered_only_when_it_is_durable() -> None:
    for stop_at in range(1, 5):
        for seed in range(6):
            disk, answered = SimulatedDisk(), 0
            log = FrameLog(disk, PATH)
            disk.stop_at = disk.operations + stop_at
            try:
                for entry in ENTRIES:
                    log.append(entry)
                    answered += 1
            except PowerCut:
                pass
            disk.restart(random.Random(seed))
            found = list(FrameLog(disk, PATH).entries())
            assert found == ENTRIES[: len(found)]
            assert len(found) >= answered
