"""The rules of uploads: their lanes, what is journalled of them, and the numbers they go by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.journal import UploadNote, open_local, seal_local
from piccolo_vault.core.storage.lanes import Lanes, LaneState
from piccolo_vault.core.storage.packing import Company
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.core.storage.settings import StoreSettings


def owner(number: int) -> bytes:
    return bytes([number]) * 32


class TestLanes:
    def lanes(self, patient: bool = False) -> Lanes:
        return Lanes(Code(2, 4), Promise(1), [owner(1), owner(2), owner(3), None], patient)

    def test_durable_is_what_every_live_lane_has(self) -> None:
        lanes = self.lanes()
        for index, blocks in enumerate([5, 3, 9]):
            lanes.advance(index, blocks, 10)
        assert lanes.durable() == 3
        lanes.drop(1)
        assert lanes.durable() == 5
        lanes.advance(1, 10, 10)
        assert lanes.durable() == 5

    @pytest.mark.parametrize("blocks", [11, 2])
    def test_a_keeper_cannot_say_more_than_it_got_or_take_words_back(self, blocks: int) -> None:
        lanes = self.lanes()
        lanes.advance(0, 3, 10)
        with pytest.raises(PiccoloError) as refused:
            lanes.advance(0, blocks, 10)
        assert refused.value.reason == "KEEPER_WRONG"

    def test_the_promise_stays_in_reach_as_long_as_three_are_left(self) -> None:
        lanes = self.lanes()
        assert lanes.in_reach()
        assert not lanes.in_reach(without=[0])
        lanes.finish(0)
        lanes.finish(1)
        assert not lanes.kept_by(lanes.finished())
        lanes.finish(2)
        assert lanes.kept_by(lanes.finished())
        assert lanes.states[3] is LaneState.DROPPED
        with pytest.raises(PiccoloError):
            lanes.finish(0)

    def test_patient_lanes_are_all_waited_for(self) -> None:
        lanes = self.lanes(patient=True)
        assert not lanes.in_reach(without=[0])
        lanes.drop(0)
        lanes.drop(1)
        assert lanes.in_reach()
        assert not lanes.kept_by([])
        assert lanes.kept_by([2])
        lanes.drop(2)
        assert not lanes.in_reach()


class TestJournal:
    def note(self) -> UploadNote:
        return UploadNote(
            bytes(16), bytes(16), bytes(16), 2, 7, Code(2, 3), (owner(1), None, owner(3)), bytes(76)
        )

    def test_a_note_comes_back(self) -> None:
        sealed = seal_local(bytes(32), b"upload", b"id", self.note().to_bytes(), bytes)
        assert UploadNote.from_bytes(open_local(bytes(32), b"upload", b"id", sealed)) == self.note()

    @pytest.mark.parametrize(
        ("key", "purpose", "bound"),
        [(b"x" * 32, b"upload", b"id"), (bytes(32), b"other", b"id"), (bytes(32), b"upload", b"other")],
    )
    def test_a_note_is_bound_to_device_purpose_and_upload(
        self, key: bytes, purpose: bytes, bound: bytes
    ) -> None:
        sealed = seal_local(bytes(32), b"upload", b"id", b"note", bytes)
        with pytest.raises(PiccoloError) as refused:
            open_local(key, purpose, bound, sealed)
        assert refused.value.reason == "NOTE_FOREIGN"

    @given(st.binary(max_size=60))
    def test_garbage_is_refused(self, garbage: bytes) -> None:
        with pytest.raises(PiccoloError):
            open_local(bytes(32), b"upload", b"id", garbage)
        with pytest.raises(PiccoloError):
            UploadNote.from_bytes(garbage)


class TestCompany:
    def test_a_lone_writer_is_never_held_up(self) -> None:
        company = Company(most=0.02)
        assert company.patience(1, 10, 100.0) == 0
        company.stored(1, 0, took=0.05, now=100.0)
        assert company.patience(1, 10, 100.001) == 0

    def test_those_of_the_pack_before_are_waited_for_with_those_who_came_meanwhile(self) -> None:
        company = Company(most=0.02)
        company.stored(8, 7, took=0.05, now=100.0)
        assert company.patience(14, 10, 100.005) == pytest.approx(0.015)
        assert company.patience(15, 10, 100.005) == 0

    @given(st.integers(0, 50), st.integers(0, 50), st.floats(0, 10), st.floats(0, 10), st.integers(0, 60))
    def test_nobody_waits_longer_than_a_moment_or_than_the_pack_before_took(
        self, files: int, waiting: int, took: float, later: float, now_waiting: int
    ) -> None:
        company = Company(most=0.02)
        company.stored(files, waiting, took, now=100.0)
        patience = company.patience(now_waiting, 0, 100.0 + later)
        assert 0 <= patience <= min(took, 0.02) + 1e-9
        assert later <= min(took, 0.02) or patience == 0

    def test_a_full_pack_waits_for_nobody(self) -> None:
        company = Company(most=0.02)
        company.stored(16, 0, took=1.0, now=100.0)
        assert company.patience(15, 4_194_303, 100.0) > 0
        assert company.patience(15, 4_194_304, 100.0) == 0


class TestSettings:
    def test_the_defaults_hold(self) -> None:
        assert StoreSettings().wanted_code == (0, 0)
        assert StoreSettings(k=3, m=10).wanted_code == (3, 10)

    @pytest.mark.parametrize("wrong", [{"k": 3}, {"k": 4, "m": 3}, {"store_limit": 2**30}, {"threads": 0}])
    def test_contradictions_are_refused(self, wrong: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=r"is|are"):
            StoreSettings(**wrong)
