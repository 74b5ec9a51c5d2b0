"""What a disk gives back in place of what was written: every file of the state folder, with anything in it.

The service says what is wrong in its own words, or goes on; it serves and believes nothing that was not
written.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import assume, given
from hypothesis import strategies as st
from piccolo.attestation.v1 import circle_pb2 as trust
from piccolo_chassis.errors import PiccoloError
from piccolo_formats import tls
from piccolo_formats.logs import frame
from piccolo_formats.tests.mutations import FUZZ, altered, chosen_value, mutated

from piccolo_fragment_store.adapters.circle_file import CircleFile
from piccolo_fragment_store.adapters.circle_wire import read_circle
from piccolo_fragment_store.adapters.clock import WrittenClock
from piccolo_fragment_store.adapters.frame_log import FrameLog
from piccolo_fragment_store.adapters.keys import load_keys
from piccolo_fragment_store.adapters.promises import FilePromises
from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fences import Promised
from piccolo_fragment_store.core.fragment import Key, Place, State
from piccolo_fragment_store.core.running import Instant
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.reconcile import reconcile
from piccolo_fragment_store.testing.attestation import told_circle
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import (
    close_index,
    commit,
    open_holdings,
    put,
    read_all,
    sample,
    store,
)
from piccolo_fragment_store.testing.people import Person

ANA, OWN = Person(), Person()
CIRCLE: Final = told_circle(OWN, ANA).SerializeToString()
TOMBSTONE: Final = ANA.tombstone([b"\1" * 16], 1, 2)
ENCRYPTED: Final = tls.generate_key().private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"of another"),
)
NOW: Final = Instant(10**9, 100, "b1")
P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one example."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def outcome(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T | None, str]:
    """What comes of it, and the reason when it is refused."""
    try:
        return work(*args, **kwargs), ""
    except PiccoloError as refused:
        return None, refused.reason


@FUZZ
@given(st.data())
def test_the_running_time_never_grows_by_damage(data: st.DataObject) -> None:
    with folder() as at:
        path = at / "clock"
        WrittenClock(path, lambda: NOW)
        good = path.read_bytes()
        endless = [good.replace(b": 0", number) for number in (b": Infinity", b": NaN", b": 1e99")]
        odd = st.sampled_from([b"[" * 3_000, *endless])
        path.write_bytes(data.draw(mutated(good) | odd | st.binary(max_size=60)))
        assert WrittenClock(path, lambda: NOW).running() == 0
        assert json.loads(path.read_bytes())["seconds"] == 0


@FUZZ
@given(st.data())
def test_a_damaged_promise_is_no_other_promise(data: st.DataObject) -> None:
    disk, promised = SimulatedDisk(), Promised(7, b"d" * 32, b"")
    FilePromises(disk).put(ANA.id, promised)
    disk.content(f"promises/{ANA.id.hex()}.copy").clear()
    content = disk.content(f"promises/{ANA.id.hex()}")
    good = bytes(content)
    content[:] = data.draw(mutated(good) | chosen_value())
    assume(bytes(content) != good)
    with pytest.raises(PiccoloError) as damaged:
        FilePromises(disk).get(ANA.id)
    assert damaged.value.reason == "PROMISE_DAMAGED"


def test_no_flipped_bit_makes_another_promise_or_time() -> None:
    """A flipped digit of the time would age what is in the trash, one of a generation fence an owner."""
    disk = SimulatedDisk()
    FilePromises(disk).put(ANA.id, Promised(7, b"d" * 32, b""))
    disk.content(f"promises/{ANA.id.hex()}.copy").clear()
    content = disk.content(f"promises/{ANA.id.hex()}")
    with folder() as at:
        WrittenClock(at / "clock", lambda: NOW)
        good = (at / "clock").read_bytes().replace(b'"seconds": 0', b'"seconds": 1')
        (at / "clock").write_bytes(good)
        assert WrittenClock(at / "clock", lambda: NOW).running() == 0
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PiccoloError, match="promised"):
            FilePromises(disk).get(ANA.id)
        content[bit // 8] ^= 1 << bit % 8


@FUZZ
@given(st.data())
def test_keys_are_read_as_they_were_made_or_not_at_all(data: st.DataObject) -> None:
    with folder() as at:
        made = load_keys(at)
        path = at / data.draw(st.sampled_from(["signing.key", "tls.key"]))
        path.write_bytes(data.draw(mutated(path.read_bytes(), ENCRYPTED) | st.just(ENCRYPTED)))
        read, reason = outcome(load_keys, at)
        assert reason in ("", "KEY_UNREADABLE")
        assert read is None or read.certificate == made.certificate


@FUZZ
@given(st.data())
def test_a_damaged_circle_is_told_anew(data: st.DataObject) -> None:
    with folder() as at:
        kept = CircleFile(at / "circle")
        kept.save(CIRCLE)
        good = (at / "circle").read_bytes()
        spoilt = data.draw(mutated(good))
        (at / "circle").write_bytes(spoilt)
        assert (kept.load() is not None) == (spoilt == good)


@FUZZ
@given(mutated(CIRCLE))
def test_whatever_attestation_tells_is_a_circle_or_none(told: bytes) -> None:
    assert outcome(read_circle, told)[1] in ("", "CIRCLE_UNREADABLE")


@FUZZ
@given(st.data())
def test_whatever_the_roster_or_a_device_is_the_circle_is_read_or_refused(data: st.DataObject) -> None:
    told = trust.Circle.FromString(CIRCLE)
    if data.draw(st.booleans()):
        told.roster = data.draw(altered(told.roster))
    else:
        member = data.draw(st.sampled_from([each for each in told.members if each.device]))
        member.device = data.draw(altered(member.device))
    assert outcome(read_circle, told.SerializeToString())[1] in ("", "CIRCLE_UNREADABLE")


@FUZZ
@given(st.data())
def test_a_damaged_log_keeps_every_entry_that_is_whole_and_makes_up_none(data: st.DataObject) -> None:
    disk = SimulatedDisk()
    log = FrameLog(disk, layout.TOMBSTONES)
    entries = [ANA.tombstone([bytes([number]) * 16], 1, number) for number in range(1, 5)]
    for entry in entries:
        log.append(entry)
    content = disk.content(layout.TOMBSTONES)
    content[:] = data.draw(mutated(bytes(content), TOMBSTONE))
    left = bytes(content)
    found = list(FrameLog(disk, layout.TOMBSTONES).entries())
    assert set(found) <= set(entries)
    whole = {entry for entry in entries if frame(entry) in left}
    assert whole <= set(found)


@FUZZ
@given(st.data())
def test_a_start_over_damaged_folders_serves_what_was_written_or_nothing(data: st.DataObject) -> None:
    """Fragments, commit records beside them, both logs: one or two are spoilt, and the index is gone."""
    disk = SimulatedDisk()
    with folder() as at:
        holdings = open_holdings(disk, at / "index")
        pieces = [sample(ANA.id, number, blocks=2) for number in range(1, 4)]
        store(holdings, ANA, pieces[0], 1)
        put(holdings, pieces[1])
        commit(holdings, ANA, pieces[1], 2)
        put(holdings, pieces[2])
        close_index(holdings)
        names = sorted(name for name in disk.names if name.startswith(("live", "provisional", "tombstones")))
        for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)):
            content = disk.content(name)
            content[:] = data.draw(mutated(bytes(content), TOMBSTONE))
        again = open_holdings(disk, at / "other-index")
        try:
            _rebuild(again)
            for piece in pieces:
                _is_served_right_or_refused(again, piece.key, piece.data)
        finally:
            close_index(again)


def _rebuild(holdings: Holdings) -> None:
    with holdings.everything():
        reconcile(holdings, every_file=True)


def _is_served_right_or_refused(holdings: Holdings, key: Key, data: bytes) -> None:
    served, reason = outcome(read_all, holdings, key)
    assert served == data or reason in ("NO_FRAGMENT", "ROT"), reason


@FUZZ
@given(mutated(layout.path(Key(ANA.id, bytes(16)), Place(State.LIVE)).encode()))
def test_a_name_that_is_nearly_ours_is_a_stranger(name: bytes) -> None:
    text = name.decode(errors="surrogateescape")
    found = layout.parse(text)
    assert found is None or layout.path(found.key, found.place) in (text, text.removesuffix(".record"))
