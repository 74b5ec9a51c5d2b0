"""The benchmark's arithmetic: what is told is what was measured."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_vault.adapters.codecs import best_codec
from piccolo_vault.core.storage.erasure import Code, generator

from integration.bench import __main__ as program
from integration.bench import bare, house, large, memory, pipeline, work
from integration.bench import program as harness
from integration.bench.errors import WrongBytesError
from integration.bench.figures import Figure, columns, table, to_json
from integration.bench.memory import Taken
from integration.bench.report import memory_rows
from integration.bench.run import compared
from integration.screen import Screen

_SECONDS = st.floats(0.001, 1000)


def test_a_figure_tells_medians_and_how_many_times_as_fast() -> None:
    """The slow outlier of either side changes nothing."""
    figure = Figure("put 1MiB", "Tahoe", (2.0, 1.0, 90.0), (8.0, 700.0, 6.0))
    assert json.loads(to_json([figure])) == [
        {
            "work": "put 1MiB",
            "ours_seconds": 2.0,
            "other": "Tahoe",
            "other_seconds": 8.0,
            "ratio": 4.0,
            "rounds": 3,
        }
    ]


@given(st.lists(st.tuples(_SECONDS, _SECONDS), min_size=1, max_size=9))
def test_the_other_side_sees_the_inverse_ratio(rounds: list[tuple[float, float]]) -> None:
    """Whoever is called ours: the comparison is the same."""
    ours, others = (tuple(side) for side in zip(*rounds, strict=True))
    here, there = Figure("w", "o", ours, others), Figure("w", "o", others, ours)
    assert here.ratio * there.ratio == pytest.approx(1)


@pytest.mark.parametrize(("ours", "others"), [((), ()), ((1.0,), (1.0, 2.0)), ((1.0,), (0.0,))])
def test_samples_that_cannot_be_compared_are_refused(
    ours: tuple[float, ...], others: tuple[float, ...]
) -> None:
    """No round, unequal rounds, no time."""
    with pytest.raises(ValueError, match="w: "):
        Figure("w", "o", ours, others)


def test_the_table_tells_rates_and_spread() -> None:
    """Bytes by seconds, and how far the rounds lie apart."""
    line = table([Figure("put", "Tahoe", (1.0, 2.0, 3.0), (4.0, 4.0, 4.0), size=8_000_000)])[1]
    assert line.split() == ["put", "2.000", "4.0", "Tahoe", "4.000", "2.0", "2.00", "100%/0%"]


def test_columns_stand_under_each_other() -> None:
    """Widths follow the longest text."""
    assert columns([("a", "1"), ("bcd", "22")], right=(1,)) == ["a     1", "bcd  22"]


@given(st.integers(1, 6), st.integers(0, 20))
def test_each_round_another_one_begins_and_nobody_is_left_out(count: int, turn: int) -> None:
    """Within as many rounds as there are contenders, each is first once."""
    contenders = list(range(count))
    assert sorted(work.order(contenders, turn)) == contenders
    assert sorted(work.order(contenders, first)[0] for first in range(count)) == contenders


def test_each_way_in_is_compared_with_each_other_one() -> None:
    """Put and get, every pair, from the samples of the right names; the house beside the gateway alone."""

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        async def put(self, name: str, data: bytes) -> str:
            raise NotImplementedError

        async def get(self, key: str) -> bytes:
            raise NotImplementedError

    seconds = {"vault": [1.0], "gateway": [2.0], "x": [4.0], house.NAMED: [8.0]}
    samples = work.Samples(
        put=seconds, get={name: [3 * took for took in each] for name, each in seconds.items()}
    )
    found = compared(
        work.Work("w", 2, 5), [Named("vault"), Named("gateway")], [Named("x"), Named(house.NAMED)], samples
    )
    assert [(figure.work, figure.other, figure.ratio, figure.size) for figure in found] == [
        ("put w at the vault", "x", 4, 10),
        ("put w at the gateway", "x", 2, 10),
        ("put w at the gateway", house.NAMED, 4, 10),
        ("get w at the vault", "x", 4, 10),
        ("get w at the gateway", "x", 2, 10),
        ("get w at the gateway", house.NAMED, 4, 10),
    ]


class _Keeps:
    """Keeps files in memory, or falsifies one."""

    name = "keeps"

    def __init__(self, *, false: bool) -> None:
        self._files: dict[str, bytes] = {}
        self._false = false

    async def put(self, name: str, data: bytes) -> str:
        self._files[name] = data
        return name

    async def get(self, key: str) -> bytes:
        return self._files[key][::-1] if self._false else self._files[key]


@pytest.mark.parametrize("repeats", [1, 4])
async def test_every_round_is_measured_and_told(repeats: int) -> None:
    """As many samples as rounds, however often it is done in a round, and as many lines."""
    told: list[str] = []
    samples = await work.measure(work.Work("w", 100, 64, repeats), [_Keeps(false=False)], 3, told.append)
    assert [len(samples.put["keeps"]), len(samples.get["keeps"]), len(told)] == [3, 3, 3]


async def test_wrong_bytes_end_the_run() -> None:
    """Speed without the right bytes is no figure."""
    with pytest.raises(WrongBytesError, match="keeps"):
        await work.measure(work.Work("w", 1, 64), [_Keeps(false=True)], 1, lambda _: None)


def test_the_floor_copies_as_many_bytes_as_we_place() -> None:
    """64 MiB at k = 3: 64 segments, each with salt and tag, in thirds."""
    assert bare.fragment_size(64 << 20, 3) == 64 * -(-((1 << 20) + 48) // 3)


@pytest.mark.parametrize("code", [*pipeline.CODES, Code(1, 2), Code(5, 9)])
def test_the_reference_makes_the_same_code_as_the_vault(code: Code) -> None:
    """Its matrix is the format's, and its parity what the vault's codec writes."""
    assert pipeline.parity_rows(code) == b"".join(generator(code)[code.k :])
    barest = pipeline.Reference(code)
    primary = code.k * barest.block
    barest.stripe[:primary] = random.Random(code.m).randbytes(primary)
    expected = bytearray(barest.stripe)
    best_codec().encode(code, expected, barest.block)
    barest.encode()
    assert barest.stripe == expected


def test_the_kernel_is_understood() -> None:
    """KiB become MiB; a field that is not there is no zero."""
    text = "Rss:  2048 kB\nPss:  1536 kB\nVmHWM:\t  10240 kB\n"
    assert memory.parse_mib(text, "Pss") == 1.5
    assert memory.parse_mib(text, "VmHWM") == 10
    with pytest.raises(ValueError, match="Swap"):
        memory.parse_mib(text, "Swap")


def test_what_cannot_be_read_is_not_told_as_nothing() -> None:
    """The vault hides from everybody but root."""
    assert memory_rows([Taken("vault", None), Taken("metadata", 41.4)]) == [
        "vault          ?",
        "metadata  41 MiB",
        "?: only root may look into the vault",
    ]


def test_a_large_file_needs_room_for_all_its_fragments() -> None:
    """10 GiB at 5 of 10 are 20 GiB and something to spare."""
    assert 22 << 30 < large.room_needed(10 << 30, 5, 10) < 23 << 30


def test_the_command_line_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    """A clear word instead of a traceback."""
    for wrong in (
        ["storage", "--rounds", "0"],
        ["storage", "--only", "x"],
        ["storage", "--folder", f"{tmp_path}/x"],
    ):
        with pytest.raises(SystemExit, match="2"):
            program.parse(wrong)


@pytest.mark.bench
def test_the_command_measures_and_writes(tmp_path: Path) -> None:
    """The part that needs no circle, as the command does it: every figure has all its fields."""
    file = tmp_path / "figures.json"
    arguments = [
        "storage",
        "--only",
        "pipeline",
        "--rounds",
        "2",
        "--json",
        str(file),
        "--folder",
        str(tmp_path),
    ]
    assert program.main(arguments) == 0
    figures = json.loads(file.read_text())
    assert len(figures) == 2 * len(pipeline.CODES) * len(pipeline.THREADS)
    for figure in figures:
        assert figure.keys() == {"work", "ours_seconds", "other", "other_seconds", "ratio", "rounds"}
        assert figure["rounds"] == 2
        assert figure["ratio"] == pytest.approx(figure["other_seconds"] / figure["ours_seconds"], abs=0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_what_took_too_long_is_told_in_words(tmp_path: Path) -> None:
    """A timeout has no text of its own."""

    async def late(_: Path) -> None:
        raise TimeoutError

    told = io.StringIO()
    assert harness.run(late, tmp_path, Screen(told), lambda _: None) == 1
    assert "not measured: it took too long" in told.getvalue()
