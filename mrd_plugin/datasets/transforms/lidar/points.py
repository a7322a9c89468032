"""Rotations, flips and cuts of points, with all that refers to them.

Turning and mirroring take the queries along; images and pairs stay as they are. A cut drops the
pairs, labels and queries of the points it drops: ``CuboidDrop`` a box out of a sweep,
``FrustumCrop`` all outside one square of a photograph and of the points that it shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.shapes.geometry import rotation
from mrd_plugin.utils.errors import ConfigError


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
        prob: Probability for each axis. Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror ``points`` and ``query_xyz``."""
        signs = np.where(np.random.random(2) < self.prob, -1, 1)
        return _move(results, np.diag([*signs, 1]))


def _move(results: dict[str, Any], matrix: np.ndarray) -> dict[str, Any]:
    """Apply a ``(3, 3)`` matrix to all that lies in the LiDAR frame, about the sensor."""
    turned = results['points'][:, :3].astype(np.float64) @ matrix.T
    results['points'] = np.column_stack([turned, results['points'][:, 3:]]).astype(np.float32)
    if 'query_xyz' in results:
        queries = results['query_xyz'].astype(np.float64) @ matrix.T
        results['query_xyz'] = queries.astype(np.float32)
    return results


_CUBOID_TRIES = 10
_ENOUGH = 0.75  # of the pairs of a view


@TRANSFORMS.register_module()
class CuboidDrop:
    """Drop the points in a box around a random point, with all that hangs on them.

    Pairs and labels of the dropped points go; so do the occupancy queries that were drawn from
    them, because the return that told what is there has gone. Queries of other points that lie in
    the box stay: what was seen through is free all the same.

    A box counts if every view keeps ``min_pairs`` pairs, or three quarters of its own; after ten
    that do not, the sweep stays whole.

    Args:
        max_size: Longest side of the box along each axis as a part of the sweep's extent, in (0,
            1); the sides share one part from U(0, max_size). Defaults to 0.2.
        min_pairs: Pairs that are enough for a view. Defaults to 1024.
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
        for _ in range(_CUBOID_TRIES):
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


_FRUSTUM_TRIES = 10


@TRANSFORMS.register_module()
class FrustumCrop:
    """Take a square of the image and the points that are seen in it.

    A square, because image encoders see one: of a wide image CLIP's preprocessing drops the
    sides, and points that lie there would be taught what nobody looked at. Put it behind
    ``ChooseTextImage`` and before anything that moves points. ``image_path`` gets the crop as a
    media fragment (``room.jpg#xywh=left,top,width,height``), which online teachers honour and
    cached ones refuse.

    A random crop that holds too few points is drawn again, ten times at most; then, as without an
    image, the sample stays whole.

    Args:
        min_scale: Smallest side in units of the image's shorter side, in (0, 1]. The side is
            uniform between it and 1. Defaults to 0.6.
        random: False for evaluation: the largest square in the middle. Defaults to True.
        min_points: Fewest points of a crop. Defaults to 1024.

    Raises:
        ConfigError: If ``min_scale`` is out of range.
    """

    def __init__(self, min_scale: float = 0.6, random: bool = True, min_points: int = 1024) -> None:
        if not 0 < min_scale <= 1:
            raise ConfigError(f'FrustumCrop min_scale={min_scale}: expected a number in (0, 1].')
        self.min_scale = min_scale
        self.random = random
        self.min_points = min_points

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop ``xyz (N, 3)``, ``rgb (N, 3)`` and ``image_path``.

        Needs ``depth2img (3, 3)`` (homogeneous pixels of a point) and ``image_size`` (width,
        height).
        """
        if not results.get('image_path'):
            return results
        size = np.array(results['image_size'])
        pixels = project_to_image(results['xyz'], results['depth2img'])
        for _ in range(_FRUSTUM_TRIES if self.random else 1):
            side, corner = self._square(size)
            inside = ((pixels >= corner) & (pixels < corner + side)).all(axis=1)
            if np.count_nonzero(inside) >= self.min_points:
                break
        else:
            return results
        results['xyz'] = results['xyz'][inside]
        if results.get('rgb') is not None:
            results['rgb'] = results['rgb'][inside]
        box = ','.join(str(int(number)) for number in (*corner, side, side))
        results['image_path'] = f'{results["image_path"]}#xywh={box}'
        return results

    def _square(self, size: np.ndarray) -> tuple[int, np.ndarray]:
        """Side and left upper corner of a square in pixels."""
        if not self.random:
            side = int(size.min())
            return side, (size - side) // 2
        side = int(size.min() * np.random.uniform(self.min_scale, 1))
        return side, np.array([np.random.randint(room + 1) for room in size - side])


def project_to_image(xyz: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Pixels of points.

    Args:
        xyz: Points ``(N, 3)``.
        matrix: ``(3, 3)``, from a point to ``(u w, v w, w)``.

    Returns:
        ``(N, 2)`` columns and rows; -1 for a point that is not in front of the camera.
    """
    homogeneous = xyz @ np.asarray(matrix, dtype=np.float32).T
    depth = homogeneous[:, 2:]
    return np.where(depth > 1e-6, homogeneous[:, :2] / np.maximum(depth, 1e-6), -1)
