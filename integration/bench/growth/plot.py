"""The figures drawn, as SVG text: seconds against size, both logarithmic, a line for each circle.

Rules:
* One panel for the ways in, one for the ways out, with the same axes. Lines are named at their ends; names
  that would lie on each other are moved apart.
* Colours follow the reader's theme: the same marks stand on a light and on a dark ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

from integration.bench.growth.figures import Point, named

_WIDTH, _HEIGHT = 1000, 490
_TOP, _BOTTOM, _LEFT, _PANEL, _GAP = 98, 420, 66, 328, 172
_LINE_HEIGHT: Final = 15
_DECADES: Final = {-3: "1 ms", -2: "10 ms", -1: "100 ms", 0: "1 s", 1: "10 s", 2: "100 s", 3: "1,000 s"}
_LIGHT: Final = ("#1c5cab", "#0f8a8a", "#6a7f10", "#c25a00", "#b3214f")
_DARK: Final = ("#6aa5f0", "#3cc6c0", "#b3c94a", "#f5973c", "#f2708f")


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where sizes and seconds lie, in pixels; `left`: of the panel."""

    sizes: tuple[int, ...]
    lowest: int
    highest: int

    def x(self, size: int, left: int) -> float:
        first, last = log10(self.sizes[0]), log10(self.sizes[-1])
        return left + _PANEL * (0.5 if first == last else (log10(size) - first) / (last - first))

    def y(self, seconds: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (log10(seconds) - self.lowest) / (self.highest - self.lowest)


def plot(points: Sequence[Point]) -> str:
    """The drawing. Raises ValueError without a point."""
    if not points:
        raise ValueError("there is nothing to draw")
    seconds = [log10(s) for point in points for s in (point.put_seconds, point.get_seconds)]
    lowest = floor(min(seconds))
    sizes = tuple(sorted({point.size for point in points}))
    axes = _Axes(sizes, lowest, max(ceil(max(seconds)), lowest + 1))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        "<title>Seconds that a file takes by its size, a line for each circle</title>",
        f"<style>{_style()}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{_HEIGHT}"/>',
        _text(_LEFT, 30, "How long a file takes, by its size and the circle's", "title"),
        _text(_LEFT, 50, "at the gateway; lines are named by the circle's members, and any k of m fragments"),
    ]
    for number, (title, way) in enumerate((("Put", "put_seconds"), ("Get", "get_seconds"))):
        left = _LEFT + number * (_PANEL + _GAP)
        parts += [
            *_grid(axes, left),
            _text(left, _TOP - 16, title, "panel"),
            *_lines(points, way, axes, left),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _style() -> str:
    light = "".join(_coloured(n, colour) for n, colour in enumerate(_LIGHT))
    dark = "".join(_coloured(n, colour) for n, colour in enumerate(_DARK))
    return (
        "text{font:12px system-ui,sans-serif;fill:#4a4a47}.title{font-size:16px;font-weight:600;fill:#0b0b0b}"
        ".panel{font-size:14px;font-weight:600;fill:#0b0b0b}.name{font-weight:600}.ground{fill:#fcfcfb}"
        ".grid{stroke:#e3e2de}.axis{stroke:#8a8984}polyline{fill:none;stroke-width:2}.leader{stroke-width:1}"
        f"{light}@media (prefers-color-scheme:dark){{text{{fill:#c3c2b7}}.title,.panel{{fill:#fff}}"
        f".ground{{fill:#1a1a19}}.grid{{stroke:#343431}}.axis{{stroke:#77766f}}{dark}}}"
    )


def _coloured(number: int, colour: str) -> str:
    return f".c{number}{{stroke:{colour}}}.f{number}{{fill:{colour};stroke:none}}"


def _grid(axes: _Axes, left: int) -> list[str]:
    right, parts = left + _PANEL, []
    for decade in range(axes.lowest, axes.highest + 1):
        y = axes.y(10.0**decade)
        parts.append(_line(left, y, right, y, "axis" if decade == axes.lowest else "grid"))
        parts.append(_text(left - 8, y + 4, _DECADES.get(decade, f"10^{decade} s"), anchor="end"))
    for size in axes.sizes:
        x = axes.x(size, left)
        parts.append(_line(x, _BOTTOM, x, _BOTTOM + 5, "axis"))
        parts.append(_text(x, _BOTTOM + 20, named(size), anchor="middle"))
    return [*parts, _text(left + _PANEL / 2, _BOTTOM + 44, "size of the file", anchor="middle")]


def _lines(points: Sequence[Point], way: str, axes: _Axes, left: int) -> list[str]:
    parts, ends = [], []
    for number, members in enumerate(sorted({point.members for point in points})):
        own = sorted((point for point in points if point.members == members), key=lambda point: point.size)
        at = [(axes.x(point.size, left), axes.y(getattr(point, way))) for point in own]
        colour = number % len(_LIGHT)
        trace = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline class="c{colour}" points="{trace}"/>')
        parts += [f'<circle class="f{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in at]
        ends.append((at[-1][1], at[-1][0], colour, f"{members}: {own[-1].k} of {own[-1].m}"))
    ends.sort()
    for (y, x, colour, name), beside in zip(ends, _apart([end[0] for end in ends]), strict=True):
        parts.append(_line(x + 5, y, left + _PANEL + 17, beside, f"leader c{colour}"))
        parts.append(_text(left + _PANEL + 20, beside + 4, name, f"name f{colour}"))
    return parts


def _apart(wanted: Sequence[float]) -> list[float]:
    """Heights, ascending, as near to the wanted ones as names of one line allow."""
    placed: list[float] = []
    for y in wanted:
        placed.append(max(y, placed[-1] + _LINE_HEIGHT) if placed else y)
    shift = sum(placed) - sum(wanted)
    return [y - shift / len(placed) for y in placed]


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
