"""Turning and mirroring a sweep with its queries; pictures and pairs stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.random_geometry import rotation


@TRANSFORMS.register_module()
class PointRotation:
    """Turn about z, the up axis through the sensor, by an angle from U(0, 2 pi)."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn ``points`` and ``query_xyz``."""
        return _move(results, rotation('z', np.random.uniform(0, 2 * np.pi)))


@TRANSFORMS.register_module()
class PointFlip:
    """Mirror x and y, each with probability ``prob``.

    Args:
        prob (float): Probability for each axis. Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror ``points`` and ``query_xyz``."""
        signs = np.where(np.random.random(2) < self.prob, -1, 1)
        return _move(results, np.diag([*signs, 1]))


def _move(results: dict[str, Any], matrix: np.ndarray) -> dict[str, Any]:
    """Apply a ``(3, 3)`` matrix to everything in the LiDAR frame; the sensor stays at the origin."""
    turned = results['points'][:, :3].astype(np.float64) @ matrix.T
    results['points'] = np.column_stack([turned, results['points'][:, 3:]]).astype(np.float32)
    if 'query_xyz' in results:
        queries = results['query_xyz'].astype(np.float64) @ matrix.T
        results['query_xyz'] = queries.astype(np.float32)
    return results
