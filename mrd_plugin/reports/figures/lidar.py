"""Figures of a sweep: matches between points and pixels, and the estimated occupancy from above."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from mrd_plugin.reports.figures.png import array_png, base64_text

MOST_POINTS = 1200


@dataclass(frozen=True)
class Match:
    """One image with the points that it sees.

    Attributes:
        title: Heading.
        image: ``(H, W, 3)`` uint8.
        map: Unit features of the image, ``(h, w, D)``.
        points: Unit features of the points, ``(n, D)``.
        pixels: Row and column in the image of each point, ``(n, 2)``.
        plan: Place of each point from above, right and forward, ``(n, 2)``, any unit.
    """

    title: str
    image: np.ndarray
    map: np.ndarray
    points: np.ndarray
    pixels: np.ndarray
    plan: np.ndarray


def pack_match(match: Match) -> dict[str, Any]:
    """Write a match as text that ``match.js`` reads; features as int8, at most 1,200 points.

    Args:
        match: At least one point.

    Returns:
        Sizes, the image as a data URL, the rest in base64; ``first`` is the point that is shown
        before a click, the one whose best pixel is nearest to its own.
    """
    keep = np.random.default_rng(0).permutation(len(match.points))[:MOST_POINTS]
    points, pixels, plan = match.points[keep], match.pixels[keep], match.plan[keep]
    height, width = match.image.shape[:2]
    rows, columns, dim = match.map.shape
    best = (points @ match.map.reshape(-1, dim).T).argmax(axis=1)
    where = np.stack([(best // columns + 0.5) / rows, (best % columns + 0.5) / columns], axis=1)
    own = (pixels + 0.5) / (height, width)
    low, reach = plan.min(axis=0), max(float(np.ptp(plan, axis=0).max()), 1e-9)
    across = 0.5 + (plan - low - np.ptp(plan, axis=0) / 2) / reach * 0.94
    return dict(
        dim=dim,
        rows=rows,
        columns=columns,
        n=len(points),
        width=width,
        height=height,
        image=array_png(match.image),
        map=base64_text(np.round(match.map * 127).astype(np.int8)),
        points=base64_text(np.round(points * 127).astype(np.int8)),
        pixels=base64_text(_shares(own[:, ::-1])),
        above=base64_text(_shares(np.stack([across[:, 0], 1 - across[:, 1]], axis=1))),
        first=int(np.linalg.norm(where - own, axis=1).argmin()),
    )


def match_figure(name: str, match: Match) -> str:
    """Return the two canvases that ``match.js`` draws the match ``name`` into."""
    return (
        f'<figure class="chart match" data-match="{escape(name)}"><figcaption><h3>'
        f'{escape(match.title)}</h3></figcaption><div>'
        '<canvas role="img" aria-label="image"></canvas>'
        '<canvas role="img" aria-label="sweep from above"></canvas></div>'
        '<p class="note" data-said></p></figure>'
    )


def _shares(values: np.ndarray) -> np.ndarray:
    return np.round(np.clip(values, 0, 1) * 65535).astype('<u2')


_FREE = np.array([226, 232, 240])
_OCCUPIED = np.array([200, 80, 10])
_UNKNOWN = np.array([120, 125, 132])
_POINT = np.array([20, 60, 160])


def occupancy_png(probability: np.ndarray, cells: np.ndarray) -> str:
    """Draw a plan: occupied orange, free pale, unknown grey, the sweep's points blue.

    Args:
        probability: Of being occupied, ``(rows, columns)``, NaN = unknown; row 0 is the furthest,
            column 0 the leftmost.
        cells: Row and column of each point, ``(N, 2)`` int; those outside are not drawn.

    Returns:
        A ``data:image/png`` URL, three pixels per cell.
    """
    share = np.nan_to_num(probability)[..., None]
    pixels = _FREE + share * (_OCCUPIED - _FREE)
    pixels[np.isnan(probability)] = _UNKNOWN
    pixels = pixels.repeat(3, axis=0).repeat(3, axis=1)
    rows, columns = probability.shape
    inside = ((cells >= 0) & (cells < (rows, columns))).all(axis=1)
    at = cells[inside] * 3 + 1
    pixels[at[:, 0], at[:, 1]] = _POINT
    return array_png(np.round(pixels).astype(np.uint8))


def plan_grid(
    forward: tuple[float, float], sideways: float, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the cells of a plan in the LiDAR frame (x forward, y to the left).

    Args:
        forward: Nearest and furthest x, metres.
        sideways: Reach to each side, metres.
        size: Edge of a cell, metres.

    Returns:
        X of the rows, falling; y of the columns, falling.
    """
    rows = np.arange(round((forward[1] - forward[0]) / size))
    columns = np.arange(round(2 * sideways / size))
    return forward[1] - (rows + 0.5) * size, sideways - (columns + 0.5) * size
