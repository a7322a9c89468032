"""Point clouds small enough that a page holds dozens of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from mrd_plugin.datasets.shapes.shape_folder import TO_Y_UP
from mrd_plugin.reports.figures.png import base64_text

NUM_POINTS = 1500
_STEPS = 65535


def pack_cloud(
    xyz: np.ndarray, rgb: np.ndarray | None, up_axis: str = 'y', num_points: int = NUM_POINTS
) -> dict[str, Any]:
    """Thin a cloud, turn it y-up, fit it into [-1, 1] and write it as text.

    9 bytes per point before base64: coordinates as little-endian uint16 (0 is -1, 65535 is 1),
    colours as uint8. ``cloud.js`` reads it.

    Args:
        xyz: ``(N, 3)``.
        rgb: ``(N, 3)`` uint8 or floats in [0, 1]; None is drawn grey.
        up_axis: Which coordinate of ``xyz`` points up. Defaults to 'y'.
        num_points: Points to keep. Defaults to 1500.

    Returns:
        ``n`` points, ``xyz`` and ``rgb`` in base64, ``gap`` the median distance of a point from its
        nearest neighbour (how large to draw it).
    """
    keep = np.random.default_rng(0).permutation(len(xyz))[:num_points]
    xyz = turn_y_up(xyz[keep].astype(np.float64), up_axis)
    middle = (xyz.max(axis=0) + xyz.min(axis=0)) / 2
    xyz = xyz - middle
    xyz = xyz / max(float(np.linalg.norm(xyz, axis=1).max()), 1e-9)
    if rgb is None:
        rgb = np.full((len(xyz), 3), 128, dtype=np.uint8)
    else:
        rgb = rgb[keep]
    if rgb.dtype != np.uint8:
        rgb = np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    steps = np.round((xyz + 1) / 2 * _STEPS).astype('<u2')
    gap = float(np.median(cKDTree(xyz).query(xyz, k=2)[0][:, 1])) if len(xyz) > 1 else 1.0
    return dict(n=len(xyz), xyz=base64_text(steps), rgb=base64_text(rgb), gap=round(gap, 4))


def turn_y_up(xyz: np.ndarray, up_axis: str) -> np.ndarray:
    """Rotate (never mirror) points ``(N, 3)`` so that y points up."""
    return xyz @ TO_Y_UP[up_axis].T
