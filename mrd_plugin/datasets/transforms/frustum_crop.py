"""Cuts the same part out of a photograph and out of the points it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.utils.errors import ConfigError

_TRIES = 10


@TRANSFORMS.register_module()
class FrustumCrop:
    """Take a square of the picture and the points that are seen in it.

    A square, because image encoders see one: of a wide picture CLIP's preprocessing drops the sides,
    and points that lie there would be taught what nobody looked at. Put it behind ``ChooseTextImage``
    and before anything that moves points. ``image_path`` gets the crop as a media fragment
    (``room.jpg#xywh=left,top,width,height``), which online teachers honour and cached ones refuse.

    A random crop that holds too few points is drawn again, ten times at most; then, as without a
    picture, the sample stays whole.

    Args:
        min_scale (float): Smallest side in units of the picture's shorter side, in (0, 1]. The side
            is uniform between it and 1. Defaults to 0.6.
        random (bool): False for evaluation: the largest square in the middle. Defaults to True.
        min_points (int): Fewest points of a crop. Defaults to 1024.

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

        Needs ``depth2img (3, 3)`` (homogeneous pixels of a point) and ``image_size`` (width, height).
        """
        if not results.get('image_path'):
            return results
        size = np.array(results['image_size'])
        pixels = project(results['xyz'], results['depth2img'])
        for _ in range(_TRIES if self.random else 1):
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


def project(xyz: np.ndarray, matrix: np.ndarray) -> np.ndarray:
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
