"""Normalisation into the unit ball, y-up to z-up, and random changes of a shape's points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.utils.errors import ConfigError


@TRANSFORMS.register_module()
class CenterScaleUnitBall:
    """Centre ``xyz`` on its mean and divide by the largest norm.

    A shape whose points all lie within 1e-6 of their mean becomes all zeros.

    Examples:
        >>> cloud = np.array([[0, 0, 0], [4, 0, 0]], np.float32)
        >>> CenterScaleUnitBall()(dict(xyz=cloud))['xyz'].tolist()
        [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Normalise ``xyz (N, 3)``."""
        xyz = results['xyz']
        # a product with ones sums columns far faster than mean(axis=0)
        xyz = xyz - np.ones(len(xyz), dtype=np.float32) @ xyz / np.float32(len(xyz))
        largest = np.sqrt(np.einsum('ij,ij->i', xyz, xyz).max())
        results['xyz'] = xyz / largest if largest >= 1e-6 else np.zeros_like(xyz)
        return results


@TRANSFORMS.register_module()
class SwapYZ:
    """Swap the columns y and z of ``xyz``, as OpenShape does before normalising.

    This is a reflection, not a rotation: shapes come out mirrored. It is what the published
    z-up checkpoints were trained on.
    """

    up_axis_map = {'x': 'x', 'y': 'z', 'z': 'y'}
    """Where the up axis goes; data sets check their ``up_axis`` by it."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Swap the columns of ``xyz (N, 3)``."""
        results['xyz'] = results['xyz'].take([0, 2, 1], axis=1)
        return results


@TRANSFORMS.register_module()
class RandomScale:
    """Multiply by one factor from U(low, high).

    Args:
        low: Smallest factor. Defaults to 0.8.
        high: Largest factor. Defaults to 1.25.
    """

    def __init__(self, low: float = 0.8, high: float = 1.25) -> None:
        if not 0 < low <= high:
            raise ConfigError(f'RandomScale low={low}, high={high}: expected 0 < low <= high.')
        self.low, self.high = low, high

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Scale ``xyz``."""
        results['xyz'] = results['xyz'] * np.float32(np.random.uniform(self.low, self.high))
        return results


@TRANSFORMS.register_module()
class RandomAnisotropicScale:
    """Multiply each axis by a factor of its own, log-uniform in [1 / max_factor, max_factor].

    Args:
        max_factor: Largest factor. Defaults to 1.3.
    """

    def __init__(self, max_factor: float = 1.3) -> None:
        if max_factor < 1:
            raise ConfigError(f'RandomAnisotropicScale max_factor={max_factor}: expected >= 1.')
        self.log_factor = float(np.log(max_factor))

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Scale ``xyz`` along its axes."""
        factors = np.exp(np.random.uniform(-self.log_factor, self.log_factor, 3))
        results['xyz'] = results['xyz'] * factors.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class RandomShift:
    """Add a shift from U(-max_shift, max_shift), drawn for each axis.

    Args:
        max_shift: Largest shift, in units of the normalised shape. Defaults to 0.1.
    """

    def __init__(self, max_shift: float = 0.1) -> None:
        self.max_shift = max_shift

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Shift ``xyz``."""
        shift = np.random.uniform(-self.max_shift, self.max_shift, 3).astype(np.float32)
        results['xyz'] = results['xyz'] + shift
        return results


@TRANSFORMS.register_module()
class RandomSmallRotation:
    """Turn a little about x, then y, then z, by clipped normal angles.

    Args:
        sigma: Standard deviation in radians. Defaults to 0.06.
        clip: Largest angle in radians. Defaults to 0.18.
    """

    def __init__(self, sigma: float = 0.06, clip: float = 0.18) -> None:
        self.sigma, self.clip = sigma, clip

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn ``xyz``."""
        angles = np.clip(self.sigma * np.random.standard_normal(3), -self.clip, self.clip)
        turn = rotation('z', angles[2]) @ rotation('y', angles[1]) @ rotation('x', angles[0])
        results['xyz'] = results['xyz'] @ turn.T.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class RandomRotationZ:
    """Turn about z, the up axis, by an angle from U(-max_angle, max_angle).

    Args:
        max_angle: Largest angle in degrees. Defaults to 180, every direction.
    """

    def __init__(self, max_angle: float = 180.0) -> None:
        self.max_angle = float(np.deg2rad(max_angle))

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn ``xyz``."""
        turn = rotation('z', np.random.uniform(-self.max_angle, self.max_angle))
        results['xyz'] = results['xyz'] @ turn.T.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class RandomMirror:
    """Mirror along horizontal axes, each with probability ``prob``.

    Args:
        axes: Axes whose sign may change. Defaults to ('x',).
        prob: Probability for each axis. Defaults to 0.5.
    """

    def __init__(self, axes: Sequence[str] = ('x',), prob: float = 0.5) -> None:
        if not set(axes) <= set('xyz'):
            raise ConfigError(f"RandomMirror axes={tuple(axes)}: expected some of 'x', 'y', 'z'.")
        self.columns = ['xyz'.index(axis) for axis in axes]
        self.prob = prob

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror ``xyz``."""
        signs = np.ones(3, dtype=np.float32)
        signs[self.columns] = np.where(np.random.random(len(self.columns)) < self.prob, -1, 1)
        results['xyz'] = results['xyz'] * signs
        return results


def rotation(axis: str, angle: float) -> np.ndarray:
    """Right-handed rotation matrix ``(3, 3)`` about one axis, for column vectors.

    Args:
        axis: ``'x'``, ``'y'`` or ``'z'``.
        angle: Angle in radians.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    first, second = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cos
    matrix[first, second], matrix[second, first] = -sin, sin
    return matrix
