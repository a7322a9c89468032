"""Cutting a box out of a sweep."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.utils.errors import ConfigError

_TRIES = 10
_ENOUGH = 0.75  # of the pairs of a view


@TRANSFORMS.register_module()
class CuboidDrop:
    """Drop the points in a box around a random point, with all that hangs on them.

    Pairs and labels of the dropped points go; so do the occupancy queries that were drawn from them,
    because the return that told what is there has gone. Queries of other points that lie in the box
    stay: what was seen through is free all the same.

    A box counts if every view keeps ``min_pairs`` pairs, or three quarters of its own; after ten that
    do not, the sweep stays whole.

    Args:
        max_size (float): Longest side of the box along each axis as a part of the sweep's extent, in
            (0, 1); the sides share one part from U(0, max_size). Defaults to 0.2.
        min_pairs (int): Pairs that are enough for a view. Defaults to 1024.
    """

    def __init__(self, max_size: float = 0.2, min_pairs: int = 1024) -> None:
        if not 0 < max_size < 1:
            raise ConfigError(f'CuboidDrop max_size={max_size}: expected a number in (0, 1).')
        self.max_size = max_size
        self.min_pairs = min_pairs

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Drop from ``points`` and from all that refers to them."""
        xyz = results['points'][:, :3]
        views = results['pair_pixels'][:, 0]
        before = np.bincount(views, minlength=len(results['images']))
        extent = xyz.max(axis=0) - xyz.min(axis=0)
        for _ in range(_TRIES):
            half = extent * np.random.uniform(0, self.max_size) / 2
            centre = xyz[np.random.randint(len(xyz))]
            kept = (np.abs(xyz - centre) > half).any(axis=1)
            left = views[kept[results['pair_points']]]
            after = np.bincount(left, minlength=len(before))
            if (after >= np.minimum(self.min_pairs, _ENOUGH * before)).all() and kept.any():
                return drop_points(results, kept)
        return results


def drop_points(results: dict[str, Any], kept: np.ndarray) -> dict[str, Any]:
    """Keep some points, and of pairs, labels and queries those that belong to them.

    Args:
        results: A sample on its way.
        kept: Which points stay, ``(N,)`` bool.
    """
    row_after = np.cumsum(kept) - 1
    results['points'] = results['points'][kept]
    if 'point_labels' in results:
        results['point_labels'] = results['point_labels'][kept]
    pairs = kept[results['pair_points']]
    results['pair_points'] = row_after[results['pair_points'][pairs]]
    results['pair_pixels'] = results['pair_pixels'][pairs]
    if 'query_points' in results:
        queries = kept[results['query_points']]
        for key in ('query_xyz', 'query_occupied', 'query_kind', 'query_intensity'):
            results[key] = results[key][queries]
        results['query_points'] = row_after[results['query_points'][queries]]
    return results
