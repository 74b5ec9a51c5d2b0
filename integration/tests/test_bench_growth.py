"""The benches of growth and repair: their arithmetic, what they are asked, and what they draw."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.bench import program
from integration.bench.errors import NoRoomError
from integration.bench.growth import __main__ as growth
from integration.bench.growth.figures import (
    SIZES,
    Point,
    Standing,
    named,
    repeats,
    standing_table,
    table,
    to_json,
)
from integration.bench.growth.plot import plot
from integration.bench.repair import __main__ as repair
from integration.bench.repair import figures
from integration.screen import Screen

_SVG = "{http://www.w3.org/2000/svg}"
_SECONDS = st.floats(1e-4, 5e3)
_REPAIR = figures.Repair(
    k=5,
    m=10,
    size=100 << 20,
    put_seconds=2.0,
    put_bytes=200 << 20,
    lost_bytes=20 << 20,
    lost_fragments=4,
    noticed_seconds=1.0,
    repair_seconds=4.0,
    repaired_bytes=20 << 20,
)


def point(members: int = 5, size: int = 1 << 20, put: float = 0.05, get: float = 0.025) -> Point:
    """One point of a circle."""
    return Point(members, members - 3, members - 1, size, (put,), (get,))


def test_a_point_is_the_median_of_its_files() -> None:
    """One slow file changes nothing; how many there were is told."""
    slow = Point(10, 5, 9, 4096, (0.04, 9.0, 0.02), (0.01, 0.03, 7.0))
    assert json.loads(to_json([slow])) == [
        {
            "members": 10,
            "k": 5,
            "m": 9,
            "size": 4096,
            "put_seconds": 0.04,
            "get_seconds": 0.03,
            "files": 3,
        }
    ]


@pytest.mark.parametrize(("put", "get"), [((), ()), ((1.0,), ()), ((1.0,), (0.0,))])
def test_what_was_not_done_is_no_point(put: tuple[float, ...], get: tuple[float, ...]) -> None:
    """No file, no way back, no time."""
    with pytest.raises(ValueError, match="no such seconds"):
        Point(3, 1, 2, 1, put, get)


def test_the_table_tells_waits_of_small_files_and_flows_of_large_ones() -> None:
    """A row for each way of each circle; what was not measured stays empty."""
    large = point(size=16 << 20, put=0.5, get=0.25)
    assert [line.split() for line in table([point(), large, point(members=31, put=0.2)])] == [
        ["members", "k", "of", "m", "1MiB", "ms", "16MiB", "MB/s"],
        ["5", "2", "of", "4", "put", "50", "33.6"],
        ["5", "2", "of", "4", "get", "25", "67.1"],
        ["31", "28", "of", "30", "put", "200"],
        ["31", "28", "of", "30", "get", "25"],
    ]
    assert standing_table([Standing(31, 120.4, 0.317)])[1].split() == ["31", "120", "0.32"]


def test_sizes_are_named_as_they_are_asked_for() -> None:
    """Every name leads to a size and back; other sizes have a name, too."""
    assert [named(size) for size in SIZES.values()] == list(SIZES)
    assert named(1000) == "1000B"


@given(st.sampled_from(list(SIZES.values())), st.integers(1, 9))
def test_large_files_are_done_once_and_small_ones_often(size: int, rounds: int) -> None:
    """Never so often that a small size moves more than a large one, but for the least that a round is."""
    assert repeats(size, rounds) == (1 if size == 1 << 30 else rounds * repeats(size, 1))
    assert size * repeats(size, 1) <= max(size, 64 << 20)


_MEASURED = st.lists(
    st.builds(
        point, st.sampled_from([3, 5, 10, 20, 31]), st.sampled_from(list(SIZES.values())), _SECONDS, _SECONDS
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda one: (one.members, one.size),
)


@given(_MEASURED)
def test_the_drawing_is_whole_whatever_was_measured(points: Sequence[Point]) -> None:
    """Well-formed; a line and a name for each circle in both panels, a mark for each point; all is on it."""
    root = ElementTree.fromstring(plot(points))
    _, _, width, height = (float(each) for each in root.attrib["viewBox"].split())
    circles = {one.members for one in points}
    assert len(root.findall(f"{_SVG}polyline")) == 2 * len(circles)
    marks = root.findall(f"{_SVG}circle")
    assert len(marks) == 2 * len(points)
    for mark in marks:
        assert 0 < float(mark.attrib["cx"]) < width
        assert 0 < float(mark.attrib["cy"]) < height
    heights = [
        (float(name.attrib["x"]), float(name.attrib["y"]))
        for name in root.findall(f"{_SVG}text")
        if name.attrib["class"].startswith("name")
    ]
    assert len(heights) == 2 * len(circles)
    assert all(0 < y < height for _, y in heights)
    for (panel, upper), (other, lower) in pairwise(heights):
        assert panel != other or lower - upper > 14  # no name lies on another


def test_a_larger_file_lies_further_right_and_a_slower_one_higher() -> None:
    """The axes run the usual way."""
    root = ElementTree.fromstring(plot([point(), point(size=1 << 30, put=10.0, get=5.0)]))
    small, large = ((float(m.attrib["cx"]), float(m.attrib["cy"])) for m in root.findall(f"{_SVG}circle")[:2])
    assert small[0] < large[0]
    assert small[1] > large[1]


def test_nothing_cannot_be_drawn() -> None:
    """Rather than an empty sheet."""
    with pytest.raises(ValueError, match="nothing to draw"):
        plot([])


def test_rates_of_a_repair_are_compared_on_the_same_bytes() -> None:
    """A fifth of each file went: 20 MiB of its 40 are one fragment of ten for 100 MiB of plaintext."""
    mib = float(1 << 20)
    assert _REPAIR.written == (100 * mib, 5 * mib)
    assert _REPAIR.moved == (100 * mib, 30 * mib)
    assert _REPAIR.covered == pytest.approx((50 * mib, 25 * mib))
    told = json.loads(_REPAIR.to_json())
    assert (told["written_ratio"], told["moved_ratio"], told["covered_ratio"]) == (0.05, 0.3, 0.5)
    assert (told["k"], told["lost_fragments"], told["repaired_bytes"]) == (5, 4, 20 << 20)
    lines = figures.table(_REPAIR)
    assert lines[0] == "100 MiB as 5 of 10: put in 2.0 s"
    assert [line.split()[-1] for line in lines[4:]] == ["0.50", "0.30", "0.05"]


@pytest.mark.parametrize(
    "missing", ["size", "put_bytes", "lost_bytes", "repaired_bytes", "put_seconds", "repair_seconds"]
)
def test_a_repair_of_nothing_is_no_figure(missing: str) -> None:
    """Nothing lost, nothing repaired, no time."""
    told = {name: getattr(_REPAIR, name) for name in figures.Repair.__slots__}
    with pytest.raises(ValueError, match="nothing"):
        figures.Repair(**{**told, missing: 0})


def test_the_command_lines_refuse_what_makes_no_sense(tmp_path: Path) -> None:
    """A clear word instead of a traceback, or of figures that cannot be written in the end."""
    for wrong in (
        ["--rounds", "0"],
        ["--members", "2"],
        ["--size", "5KiB"],
        ["--folder", f"{tmp_path}/x"],
        ["--plot", f"{tmp_path}/x/growth.svg"],
    ):
        with pytest.raises(SystemExit, match="2"):
            growth.parse(wrong)
    for wrong in (
        ["--files", "0"],
        ["--mib", "0"],
        ["--folder", f"{tmp_path}/x"],
        ["--json", f"{tmp_path}/x/y"],
    ):
        with pytest.raises(SystemExit, match="2"):
            repair.parse(wrong)


def test_what_is_asked_for_twice_is_measured_once_the_small_first() -> None:
    """Whatever the order on the command line; without a wish, everything."""
    asked = growth.parse(
        ["--members", "5", "--members", "3", "--members", "5", "--size", "1MiB", "--size", "4KiB"]
    )
    assert (asked.members, asked.size) == ([3, 5], [4096, 1 << 20])
    assert growth.parse([]).size == list(SIZES.values())


def test_a_measurement_that_fails_is_told_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its words, exit status 1, nothing kept, and its folder is gone."""
    screen, kept = Screen(sys.stdout), list[str]()

    async def full(folder: Path) -> str:
        assert folder.is_dir()
        raise NoRoomError("the disk is too small")

    async def fine(_: Path) -> str:
        return "figures"

    assert program.run(full, tmp_path, screen, kept.append) == 1
    assert "not measured: the disk is too small" in capsys.readouterr().out
    assert (kept, list(tmp_path.iterdir())) == ([], [])
    assert program.run(fine, tmp_path, screen, kept.append) == 0
    assert (kept, list(tmp_path.iterdir())) == (["figures"], [])
