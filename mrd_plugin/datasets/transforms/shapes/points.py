"""Sampling and dropping of points, and random changes of their colours and real sizes."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.shapes.loading import float_colours
from mrd_plugin.utils.errors import ConfigError


@TRANSFORMS.register_module()
class SamplePoints:
    """Draw ``num_points`` points: without replacement, or with it if the shape has fewer.

    With ``num_points`` equal to the number of points this is a shuffle, as in OpenShape. Put it
    early in the pipeline, everything behind it works on fewer points.

    Args:
        num_points: Points to keep.
        seed: Fixes the draw of each shape (by its id), for evaluation. Defaults to None: a new draw
            each time, from numpy's global generator.

    Examples:
        >>> sample = dict(sample_id='one', xyz=np.eye(3), rgb=np.full((3, 3), 255, np.uint8))
        >>> drawn = SamplePoints(2, seed=0)(sample)
        >>> drawn['xyz'].shape, drawn['rgb'].tolist()
        ((2, 3), [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    """

    def __init__(self, num_points: int, seed: int | None = None) -> None:
        if num_points < 1:
            raise ConfigError(f'SamplePoints num_points={num_points}: expected 1 or more.')
        self.num_points = num_points
        self.seed = seed

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw ``num_points`` of ``xyz (N, 3)``, ``rgb (N, 3)`` and ``point_labels (N,)``."""
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


@TRANSFORMS.register_module()
class PointDropToFirst:
    """Drop a random share of points by overwriting them with the first point.

    The share is drawn from U(0, max_ratio). In OpenShape the coordinates alone are overwritten and
    the colours stay where they were; that is the default here.

    Args:
        max_ratio: Largest share. Defaults to 0.875.
        sync_rgb: Overwrite the colours too. Defaults to False.
    """

    def __init__(self, max_ratio: float = 0.875, sync_rgb: bool = False) -> None:
        if not 0 <= max_ratio <= 1:
            raise ConfigError(f'PointDropToFirst max_ratio={max_ratio}: expected 0 to 1.')
        self.max_ratio = max_ratio
        self.sync_rgb = sync_rgb

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Drop points of ``xyz (N, 3)``."""
        ratio = np.random.random() * self.max_ratio
        drop = np.random.random(len(results['xyz'])) < ratio
        keys = ('xyz', 'rgb') if self.sync_rgb else ('xyz',)
        for key in keys:
            if results.get(key) is not None:
                results[key] = np.where(drop[:, None], results[key][:1], results[key])
        return results


@TRANSFORMS.register_module()
class ColourJitter:
    """Multiply each colour channel by a factor from U(1 - gain, 1 + gain), clipped to [0, 1].

    Args:
        gain: Largest relative change. Defaults to 0.2.
    """

    def __init__(self, gain: float = 0.2) -> None:
        self.gain = gain

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``rgb``, if the sample has it."""
        if results.get('rgb') is not None:
            factors = np.random.uniform(1 - self.gain, 1 + self.gain, 3).astype(np.float32)
            results['rgb'] = np.clip(float_colours(results['rgb']) * factors, 0, 1)
        return results


@TRANSFORMS.register_module(name=['ColourDrop', 'ColorDrop'])
class ColourDrop:
    """Replace all colours by "no colour" with probability ``p``.

    Args:
        p: Probability. Defaults to 0.5.
        value: The "no colour" value; must equal the data set's ``no_colour``. Defaults to 0.4.
    """

    def __init__(self, p: float = 0.5, value: float = 0.4) -> None:
        self.p = p
        self.value = value

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``rgb``, if the sample has it."""
        if results.get('rgb') is not None and np.random.random() < self.p:
            results['rgb'] = np.full(results['rgb'].shape, self.value, dtype=np.float32)
        return results


@TRANSFORMS.register_module()
class RandomSize:
    """Blur ``size``, the largest side in metres, and sometimes withhold it.

    A network that is trained so also works where the size is unknown.

    Args:
        sigma: Standard deviation of the size's natural logarithm. Defaults to 0.1.
        drop: Probability that the size is withheld. Defaults to 0.2.
    """

    def __init__(self, sigma: float = 0.1, drop: float = 0.2) -> None:
        self.sigma = sigma
        self.drop = drop

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``size``, if the sample has one."""
        if results.get('size') is not None:
            factor = float(np.exp(self.sigma * np.random.standard_normal()))
            known = np.random.random() >= self.drop
            results['size'] = results['size'] * factor if known else None
        return results
