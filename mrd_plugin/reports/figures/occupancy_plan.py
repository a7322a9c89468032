"""What a network thinks of the space around a sweep, seen from above."""

from __future__ import annotations

import numpy as np

from mrd_plugin.reports.figures.png import array_png

_FREE = np.array([226, 232, 240])
_OCCUPIED = np.array([200, 80, 10])
_UNKNOWN = np.array([120, 125, 132])
_POINT = np.array([20, 60, 160])


def occupancy_png(probability: np.ndarray, cells: np.ndarray) -> str:
    """Draw a plan: occupied orange, free pale, unknown grey, the sweep's points blue.

    Args:
        probability (np.ndarray): Of being occupied, ``(rows, columns)``, NaN = unknown; row 0 is the
            furthest, column 0 the leftmost.
        cells (np.ndarray): Row and column of each point, ``(N, 2)`` int; those outside are not drawn.

    Returns:
        str: A ``data:image/png`` URL, three pixels a cell.
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
        forward (tuple[float, float]): Nearest and furthest x, metres.
        sideways (float): Reach to each side, metres.
        size (float): Edge of a cell, metres.

    Returns:
        tuple[np.ndarray, np.ndarray]: x of the rows, falling; y of the columns, falling.
    """
    rows = np.arange(round((forward[1] - forward[0]) / size))
    columns = np.arange(round(2 * sideways / size))
    return forward[1] - (rows + 0.5) * size, sideways - (columns + 0.5) * size
