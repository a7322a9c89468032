"""Draws the points a sample goes on with."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.load_shape import float_colours
from mrd_plugin.utils.errors import ConfigError


@TRANSFORMS.register_module()
class SamplePoints:
    """Draw ``num_points`` points: without replacement, or with it if the shape has fewer.

    With ``num_points`` equal to the number of points this is a shuffle, as in OpenShape. Put it
    early in the pipeline, everything behind it works on fewer points.

    Args:
        num_points (int): Points to keep.
        seed (int, optional): Fixes the draw of each shape (by its id), for evaluation. Defaults to
            None: a new draw each time, from numpy's global generator.
    """

    def __init__(self, num_points: int, seed: int | None = None) -> None:
        if num_points < 1:
            raise ConfigError(f'SamplePoints num_points={num_points}: expected 1 or more.')
        self.num_points = num_points
        self.seed = seed

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw from ``xyz (N, 3)``, ``rgb (N, 3)`` and ``point_labels (N,)``: ``num_points`` are left."""
        if self.seed is None:
            # MMEngine's seeded global generator behind the interface that draws in time num_points
            rng = np.random.Generator(np.random.get_bit_generator())
        else:
            rng = np.random.default_rng((self.seed, zlib.crc32(results['sample_id'].encode())))
        count = len(results['xyz'])
        index = rng.choice(count, self.num_points, replace=count < self.num_points)
        results['xyz'] = results['xyz'].take(index, axis=0)
        if results.get('rgb') is not None:
            results['rgb'] = float_colours(results['rgb'].take(index, axis=0))
        if 'point_labels' in results:
            results['point_labels'] = results['point_labels'].take(index)
        return results
