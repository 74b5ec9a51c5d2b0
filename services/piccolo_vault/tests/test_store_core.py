"""The rules of the way of a file, without any I/O."""

from __future__ import annotations

from contextlib import suppress
from itertools import combinations
from math import comb

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.segments import SegmentPlan, padme
from piccolo_formats.stripes import LONE_STRIPE_SIZE, PACK_STRIPE_SIZE, StripePlan

from piccolo_vault.core.storage import health, packing, placement, promise, reading, urgency
from piccolo_vault.core.storage.erasure import (
    Code,
    generator,
    inverse,
    multiply,
    product,
    rebuilding,
    reciprocal,
)
from piccolo_vault.core.storage.health import Place, PlaceState
from piccolo_vault.core.storage.placement import Candidate
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.core.storage.urgency import Damage

DAY = 24 * 3600.0


def owner(number: int) -> bytes:
    return bytes([number]) * 32


class TestPromise:
    @pytest.mark.parametrize(
        ("devices", "expected"),
        [
            (3, (1, 2)),
            (4, (1, 3)),
            (5, (2, 4)),
            (9, (4, 8)),
            (10, (5, 9)),
            (11, (5, 10)),
            (31, (20, 30)),
            (32, (21, 31)),
            (33, (21, 31)),
            (5000, (21, 31)),
        ],
    )
    def test_the_rule(self, devices: int, expected: tuple[int, int]) -> None:
        code = promise.code_for(devices, at_risk_agreed=False)
        assert (code.k, code.m) == expected

    def test_one_device_is_refused_in_words(self) -> None:
        with pytest.raises(PiccoloError, match="invite one member first") as refused:
            promise.code_for(1, at_risk_agreed=True)
        assert refused.value.kind is Kind.PRECONDITION

    def test_two_devices_only_by_agreement(self) -> None:
        with pytest.raises(PiccoloError, match="third member"):
            promise.code_for(2, at_risk_agreed=False)
        assert promise.code_for(2, at_risk_agreed=True) == Code(1, 1)

    def test_the_owner_may_choose(self) -> None:
        assert promise.code_for(11, at_risk_agreed=False, wanted=(3, 10)) == Code(3, 10)
        assert promise.code_for(11, at_risk_agreed=False, wanted=(3, 0)) == Code(3, 10)
        assert promise.code_for(11, at_risk_agreed=False, wanted=(0, 6)) == Code(3, 6)
        assert promise.code_for(2, at_risk_agreed=True, wanted=(1, 1)) == Code(1, 1)

    @pytest.mark.parametrize("wanted", [(3, 11), (0, 11), (2, 2), (10, 10), (10, 0), (11, 0), (5, 4), (1, 1)])
    def test_what_cannot_be_kept_is_refused_and_never_bent(self, wanted: tuple[int, int]) -> None:
        with pytest.raises(PiccoloError, match=r"storage\.k and storage\.m") as refused:
            promise.code_for(11, at_risk_agreed=False, wanted=wanted)
        assert (refused.value.kind, refused.value.reason) == (Kind.PRECONDITION, "REDUNDANCY")

    @given(st.integers(2, 300), st.integers(0, 255), st.integers(0, 255))
    def test_every_code_is_one_of_the_format_and_keeps_the_promise(
        self, devices: int, k: int, m: int
    ) -> None:
        with suppress(PiccoloError):
            code = promise.code_for(devices, at_risk_agreed=True, wanted=(k, m))
            assert 1 <= code.k <= code.m <= min(devices - 1, 255)
            assert (code.k, code.m) == (k or code.k, m or code.m)
            assert Promise(1).met(map(owner, range(code.m)), code.k) or devices == 2

    @given(st.integers(1, 40), st.integers(1, 40))
    def test_availability_is_the_binomial_tail(self, m: int, k: int) -> None:
        assume(k <= m)
        below = sum(comb(m, up) * 0.9**up * 0.1 ** (m - up) for up in range(k))
        assert promise.at_least(m, k) == pytest.approx(1 - below)

    @given(st.integers(9, 31))
    def test_from_nine_fragments_on_files_are_readable_almost_always(self, m: int) -> None:
        k = promise.default_k(m)
        assert promise.at_least(m, k) >= 0.999
        assert k == m - m // 3 or promise.at_least(m, k + 1) < 0.999

    @given(st.lists(st.integers(0, 2), max_size=7), st.integers(1, 10))
    def test_survives_is_true_of_every_choice_of_lost_devices(self, counts: list[int], k: int) -> None:
        found, held = promise.survives(counts, k), [count for count in counts if count]
        if found < 0:
            assert sum(held) - k == found
            return
        assert all(sum(held) - sum(lost) >= k for lost in combinations(held, found))
        if found < len(held):
            assert any(sum(held) - sum(lost) < k for lost in combinations(held, found + 1))

    def test_two_fragments_on_one_device_are_lost_together(self) -> None:
        assert not Promise(1).met([owner(1), owner(1), owner(2)], 2)
        assert Promise(1).met([owner(1), owner(1), owner(2), owner(2)], 2)
        assert Promise(0).met([owner(1), owner(1)], 2)


class TestErasure:
    @given(st.integers(1, 255), st.integers(1, 255), st.integers(0, 255))
    def test_a_field(self, a: int, b: int, c: int) -> None:
        assert multiply(a, reciprocal(a)) == 1
        assert multiply(a, b) == multiply(b, a)
        assert multiply(a, multiply(b, c)) == multiply(multiply(a, b), c)
        assert multiply(a, b ^ c) == multiply(a, b) ^ multiply(a, c)

    def test_zero_has_no_reciprocal(self) -> None:
        with pytest.raises(ZeroDivisionError):
            reciprocal(0)

    @pytest.mark.parametrize("code", [Code(1, 1), Code(1, 3), Code(2, 4), Code(3, 5), Code(4, 8), Code(5, 9)])
    def test_every_k_rows_can_be_inverted(self, code: Code) -> None:
        rows = generator(code)
        assert list(rows[: code.k]) == [bytes(i == j for j in range(code.k)) for i in range(code.k)]
        for chosen in combinations(range(code.m), code.k):
            square = [rows[index] for index in chosen]
            assert product(inverse(square), square) == list(rows[: code.k])

    @given(st.data())
    def test_large_codes_are_sampled(self, data: st.DataObject) -> None:
        chosen = data.draw(st.permutations(range(31)))[:21]
        assert len(rebuilding(Code(21, 31), tuple(chosen), (0, 30))) == 2

    def test_what_cannot_be_inverted_is_an_error(self) -> None:
        for matrix in ([b"\x01\x01", b"\x01\x01"], [b"\x00\x00", b"\x01\x02"]):
            with pytest.raises(PiccoloError) as refused:
                inverse(matrix)
            assert refused.value.reason == "CODE_SINGULAR"

    @pytest.mark.parametrize("have", [(0, 1, 1), (0, 1), (0, 1, 5), (-1, 0, 1)])
    def test_wrong_indexes_are_an_error(self, have: tuple[int, ...]) -> None:
        with pytest.raises(PiccoloError) as refused:
            rebuilding(Code(3, 5), have, (0,))
        assert refused.value.reason == "CODE_INDEXES"

    def test_impossible_codes_are_refused(self) -> None:
        for k, m in [(0, 1), (3, 2), (1, 256)]:
            with pytest.raises(FormatError):
                Code(k, m)


def candidates(count: int, free: int = 1000) -> list[Candidate]:
    return [Candidate(owner(number), free, 1.0) for number in range(1, count + 1)]


class TestPlacement:
    @given(st.binary(min_size=16, max_size=16), st.integers(5, 20))
    def test_different_keepers_first(self, object_id: bytes, count: int) -> None:
        placed = placement.place(object_id, candidates(count), Code(5, 9), Promise(1))
        found = [each for each in placed if each]
        assert len(set(found)) == min(count, 9)
        if count >= 6:
            assert len(found) == min(count, 9)

    def test_doubling_only_while_the_promise_needs_it(self) -> None:
        for count, fragments in [(3, 6), (4, 8), (5, 9), (6, 6), (7, 7), (9, 9)]:
            placed = placement.place(bytes(16), candidates(count), Code(5, 9), Promise(1))
            assert len([each for each in placed if each]) == fragments
            assert max(promise.count_by_device(placed).values()) <= 2
            assert Promise(1).met(placed, 5) == (count >= 4)

    @given(st.binary(min_size=16, max_size=16), st.integers(2, 30))
    def test_a_member_that_goes_moves_only_its_own(self, object_id: bytes, count: int) -> None:
        everybody = candidates(count)
        order = placement.ranked(object_id, everybody)
        without = placement.ranked(object_id, [each for each in everybody if each.owner_id != order[0]])
        assert without == order[1:]

    def test_weights_decide_how_much_a_member_gets(self) -> None:
        mixed = [
            Candidate(owner(1), 3000, 1.0),
            Candidate(owner(2), 1000, 1.0),
            Candidate(owner(3), 1000, 0.5),
        ]
        first = [placement.ranked(number.to_bytes(16), mixed)[0] for number in range(4000)]
        shares = [first.count(owner(number)) / 4000 for number in (1, 2, 3)]
        assert shares == pytest.approx([3 / 4.25, 1 / 4.25, 0.25 / 4.25], abs=0.03)

    def test_filling_keeps_what_is_held(self) -> None:
        held = [owner(1), None, owner(3), None]
        placed = placement.fill(bytes(16), candidates(4), Code(2, 4), Promise(1), held, [1, 3])
        assert placed[0] == owner(1)
        assert placed[2] == owner(3)
        assert {placed[1], placed[3]} == {owner(2), owner(4)}

    def test_nobody_there(self) -> None:
        assert placement.place(bytes(16), [], Code(2, 4), Promise(1)) == [None] * 4


class Small:
    def __init__(self, path: str, size: int) -> None:
        self.path, self.size = path, size


class TestPacking:
    @given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 262_144)), max_size=60))
    def test_everybody_is_packed_once_in_order(self, sizes: list[tuple[int, int]]) -> None:
        waiting = [Small(f"/{name}", size) for name, size in sizes]
        packs, left = [], list(waiting)
        while left:
            plan, left = packing.plan_pack(left)
            packs.append(plan)
            assert plan.files
            assert plan.length <= 4_194_304
            assert plan.padded_length == padme(plan.length)
            ends = [at + each.size + 48 for at, each in zip(plan.offsets, plan.files, strict=True)]
            assert plan.offsets == [0, *ends[:-1]]
            assert len({each.path for each in plan.files}) == len(plan.files)
        packed = [each for plan in packs for each in plan.files]
        assert len(packed) == len(waiting)
        for path in {each.path for each in waiting}:
            assert [e for e in packed if e.path == path] == [e for e in waiting if e.path == path]

    def test_a_pack_of_tiny_files_keeps_its_record_small(self) -> None:
        plan, left = packing.plan_pack(Small(f"/{number}", 1) for number in range(5000))
        assert len(plan.files) == 1000
        plan, left = packing.plan_pack(Small("/" + "x" * 4000 + str(number), 1) for number in range(1000))
        assert len(plan.files) < 300
        assert left

    @pytest.mark.parametrize(("size", "small"), [(0, True), (262_144, True), (262_145, False)])
    def test_what_is_small(self, size: int, small: bool) -> None:
        assert packing.fits_in_a_pack(size) is small


class TestReading:
    @given(st.integers(0, 40 * 2**20), st.integers(0, 2**26), st.integers(0, 2**26))
    def test_batches_cover_a_lone_file_once_in_order(self, size: int, offset: int, length: int) -> None:
        assume(offset <= size)
        segments = SegmentPlan(size)
        stripes = StripePlan(segments.sealed_size, LONE_STRIPE_SIZE, 5)
        span = reading.span_of(size, offset, length)
        found, expected = [], list(segments.covering(span.offset, span.length))
        for batch in reading.batches(segments, 0, stripes, span, 4 * 2**20):
            assert len(batch.segments) <= 4
            assert batch.stripes == batch.segments
            found += list(batch.segments)
        assert found == expected
        parts = [reading.wanted_part(segments, index, span) for index in found]
        assert sum(part.stop - part.start for part in parts) == span.length

    @given(st.integers(1, 262_144), st.integers(0, 4_000_000))
    def test_a_packed_file_is_one_batch(self, size: int, base: int) -> None:
        segments = SegmentPlan(size, padded=False)
        stripes = StripePlan(5_000_000, PACK_STRIPE_SIZE, 5)
        (batch,) = reading.batches(segments, base, stripes, reading.span_of(size, 0, None), 4 * 2**20)
        assert batch.stripes.start * PACK_STRIPE_SIZE <= base
        assert base + segments.sealed_size <= batch.stripes.stop * PACK_STRIPE_SIZE

    def test_beyond_the_end(self) -> None:
        assert reading.span_of(10, 10, 5).length == 0
        with pytest.raises(PiccoloError) as refused:
            reading.span_of(10, 11, None)
        assert refused.value.kind is Kind.OUT_OF_RANGE


class TestUrgency:
    def test_an_absent_keeper_gets_a_week(self) -> None:
        damage = Damage(frozenset(), {3: 0.0})
        assert not urgency.to_rebuild(damage, 3, 6 * DAY)
        assert urgency.to_rebuild(damage, 3, 7 * DAY) == {3}
        assert urgency.not_before(damage, 3, 6 * DAY) == 7 * DAY

    @pytest.mark.parametrize("margin", [1, 0, -2])
    def test_a_thin_margin_does_not_wait(self, margin: int) -> None:
        damage = Damage(frozenset(), {3: 0.0})
        assert urgency.to_rebuild(damage, margin, 1.0) == {3}
        assert urgency.not_before(damage, margin, 1.0) == 1.0

    def test_what_is_gone_does_not_wait_for_those_away(self) -> None:
        damage = Damage(frozenset({1}), {3: 0.0})
        assert urgency.to_rebuild(damage, 3, DAY) == {1}
        assert urgency.not_before(damage, 3, DAY) == DAY
        assert urgency.to_rebuild(damage, 3, DAY, impatient=True) == {1, 3}

    def test_pauses_grow_up_to_six_hours(self) -> None:
        pauses = [urgency.retry_at(tries, 0.0) for tries in range(40)]
        assert pauses == sorted(pauses)
        assert (pauses[0], pauses[-1]) == (30, 6 * 3600)


class TestHealth:
    def places(self, *states: PlaceState) -> list[Place]:
        return [Place(index, owner(index + 1), state) for index, state in enumerate(states)]

    def test_words(self) -> None:
        whole = self.places(*[PlaceState.PLACED] * 9)
        assert health.assess(Code(5, 9), whole).words == "survives the loss of any 4 of 9 devices"
        thin = self.places(*[PlaceState.PLACED] * 5, *[PlaceState.AWAY] * 4)
        assert health.assess(Code(5, 9), thin).at_risk
        away = self.places(*[PlaceState.PLACED] * 4, *[PlaceState.AWAY] * 5)
        assert health.assess(Code(5, 9), away).words == "cannot be read now: 1 more fragment must come back"
        gone = self.places(*[PlaceState.PLACED] * 4, *[PlaceState.MISSING] * 5)
        assert health.assess(Code(5, 9), gone).lost
        assert health.assess(Code(1, 1), self.places(PlaceState.PLACED)).survives == 0

    def test_what_is_known_without_asking(self) -> None:
        found = health.places([owner(1), None, owner(3), owner(4)], [2], [owner(4)])
        assert [each.state.value for each in found] == ["placed", "missing", "missing", "away"]

    def test_totals(self) -> None:
        totals = health.Totals()
        assert totals.words == "nothing is stored yet"
        totals.add(health.assess(Code(1, 2), self.places(PlaceState.PLACED, PlaceState.PLACED)))
        assert totals.words == "every file survives the loss of any 1 device"
        totals.add(health.assess(Code(1, 2), self.places(PlaceState.PLACED, PlaceState.AWAY)))
        assert totals.words == "1 of 2 objects would not survive the loss of one more device"
        totals.add(health.assess(Code(1, 2), self.places(PlaceState.AWAY, PlaceState.AWAY)))
        assert totals.words == "1 of 3 objects cannot be read now"
        assert (totals.at_risk, totals.unreadable, totals.survives) == (2, 1, -1)
