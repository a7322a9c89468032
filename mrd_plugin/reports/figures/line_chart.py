"""Line charts as inline SVG: no plotting library, colours from the page's style sheet."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 440, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 34
_MOST_POINTS = 300


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: Its name in the legend.
        x: Positions, rising.
        y: Values, finite.
        colour: Number of the colour, 1 to 6.
        dashed: Whether it is a reference (a teacher, chance) and no measurement of the student.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int
    dashed: bool = False


def line_chart(title: str, note: str, lines: Sequence[Line], x_title: str = 'epoch') -> str:
    """Draw a chart.

    Args:
        title: Heading.
        note: One sentence under it.
        lines: At least one, each with at least one point.
        x_title: What the positions are. Defaults to 'epoch'.

    Returns:
        A ``<figure>``. ``chart.js`` reads its ``data-lines`` to show values under the pointer.
    """
    lines = [_thinned(line) for line in lines]
    xs = [x for line in lines for x in line.x]
    ys = [y for line in lines for y in line.y]
    x_ticks, y_ticks = ticks(min(xs), max(xs), 6), ticks(min(ys), max(ys), 5)
    x_low, x_high = min(xs), max(max(xs), min(xs) + 1e-9)
    y_low, y_high = min(y_ticks[0], min(ys)), max(y_ticks[-1], max(ys))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low)
        up = (y - y_low) / (y_high - y_low)
        return (
            _LEFT + across * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM),
        )

    parts = []
    for tick in y_ticks:
        _, y = place(x_low, tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{_short(tick)}</text>'
        )
    for tick in x_ticks:
        if x_low <= tick <= x_high:
            x, _ = place(tick, y_low)
            parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 15}" '
                f'text-anchor="middle">{_short(tick)}</text>'
            )
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_title)}</text>'
    )
    for line in lines:
        points = [place(x, y) for x, y in zip(line.x, line.y)]
        style = f'class="line c{line.colour}{" dashed" if line.dashed else ""}"'
        path = 'L'.join(f'{x:.1f} {y:.1f}' for x, y in points)
        parts.append(f'<path {style} d="M{path}"/>')
        if len(points) == 1:
            parts.append(
                f'<circle class="dot c{line.colour}" cx="{points[0][0]:.1f}" '
                f'cy="{points[0][1]:.1f}" r="3"/>'
            )
    parts.append(f'<path class="cursor" d="M0 {_TOP}V{HEIGHT - _BOTTOM}"/>')
    legend = ''.join(
        '<li><i class="key '
        f'c{line.colour}{" dashed" if line.dashed else ""}"></i>{escape(line.name)} '
        f'<b>{_change(line)}</b></li>'
        for line in lines
    )
    frame = [_LEFT, WIDTH - _RIGHT, x_low, x_high, WIDTH]
    data = [
        dict(x=[_rounded(x) for x in line.x], y=[_rounded(y) for y in line.y]) for line in lines
    ]
    return (
        f'<figure class="chart" data-frame="{json.dumps(frame)}" '
        f'data-lines="{escape(json.dumps(data))}"><figcaption><h3>{escape(title)}</h3>'
        f'<p>{escape(note)}</p></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{"".join(parts)}</svg><ul class="legend">{legend}</ul></figure>'
    )


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers that span ``low`` to ``high``, at most about ``most`` of them.

    Args:
        low: Smallest value.
        high: Largest value.
        most: How many are wanted.

    Returns:
        Rising, at least two; the first <= low, the last >= high.
    """
    span = high - low
    if span <= 0:
        span = abs(high) or 1.0
        low, high = low - span / 2, high + span / 2
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _thinned(line: Line) -> Line:
    step = math.ceil(len(line.x) / _MOST_POINTS)
    if step == 1:
        return line
    keep = sorted({*range(0, len(line.x), step), len(line.x) - 1})
    return Line(
        line.name,
        [line.x[i] for i in keep],
        [line.y[i] for i in keep],
        line.colour,
        line.dashed,
    )


def _rounded(value: float) -> float:
    return float(f'{value:.4g}')


def _short(value: float) -> str:
    if abs(value) >= 1e5 or 0 < abs(value) < 1e-4:
        return f'{value:.0e}'
    return f'{value:.4g}'


def _change(line: Line) -> str:
    """First and last value of a line, or its only value."""
    first, last = f'{line.y[0]:.3g}', f'{line.y[-1]:.3g}'
    return last if len(line.y) == 1 or first == last else f'{first} → {last}'
