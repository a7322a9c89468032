"""Queries around the returns of a sweep of which it is known whether they are occupied."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.utils.errors import BadSampleError, ConfigError

BEHIND, IN_FRONT, FAR = 0, 1, 2


@TRANSFORMS.register_module()
class OccupancyQueries:
    """Draw the occupancy queries of ALSO (Boulch et al. 2023, arXiv 2212.05867) and CMCR.

    The ray from the sensor, the origin of the LiDAR frame, to a return x is free up to x, and just
    behind x there is matter. With ``u = x / |x|`` and r from U(0, 1):

    - behind: ``x + delta r u``, occupied;
    - in front: ``x - delta r u``, free;
    - far in front: ``r x``, free, without an intensity.

    Of Q queries, ``Q // 3`` are in front, as many far, and the rest, ``Q - 2 (Q // 3)``, behind:
    682, 682 and 684 of 2,048. Each has a return of its own as long as there are enough.

    Adds ``query_xyz (Q, 3)`` float32 in metres, ``query_occupied (Q,)`` float32, ``query_kind
    (Q,)`` int64 (0 behind, 1 in front, 2 far), ``query_intensity (Q,)`` float32 (that of the
    return; -1 = none) and ``query_points (Q,)`` int64, the row of the return.

    Args:
        num_queries: Q. Defaults to 2048.
        delta: Depth that is taken for sure behind and in front of a return, in metres. Defaults to
            0.1.
    """

    def __init__(self, num_queries: int = 2048, delta: float = 0.1) -> None:
        if num_queries < 3 or delta <= 0:
            raise ConfigError(
                f'OccupancyQueries num_queries={num_queries}, delta={delta}: expected 3 or more '
                'and a positive length.'
            )
        self.num_queries = num_queries
        self.delta = delta

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the queries of one sample.

        Raises:
            BadSampleError: If all points lie in the sensor itself, so that there is no ray.
        """
        distance = np.linalg.norm(results['points'][:, :3].astype(np.float64), axis=1)
        away = np.flatnonzero(distance > self.delta)
        if not len(away):
            raise BadSampleError(
                f'{results["sample_id"]}: no point is more than {self.delta} m from the sensor; '
                'are the points in metres, in the LiDAR frame?'
            )
        third, count = self.num_queries // 3, self.num_queries
        kind = np.repeat([BEHIND, IN_FRONT, FAR], [count - 2 * third, third, third])
        rows = np.random.choice(away, count, replace=len(away) < count)
        depth, part = distance[rows], np.random.random(count)
        along = np.choose(
            kind, [depth + self.delta * part, depth - self.delta * part, depth * part]
        )
        points = results['points'][rows].astype(np.float64)
        known = (kind != FAR) & results['has_intensity']
        results['query_xyz'] = (points[:, :3] * (along / depth)[:, None]).astype(np.float32)
        results['query_occupied'] = (kind == BEHIND).astype(np.float32)
        results['query_kind'] = kind
        results['query_intensity'] = np.where(known, points[:, 3], -1).astype(np.float32)
        results['query_points'] = rows
        return results
