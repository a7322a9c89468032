"""Sweeps and pictures on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mrd_plugin.utils.errors import BadSampleError


def read_sweep(path: str | Path, num_features: int, intensity_scale: float) -> np.ndarray:
    """Read a sweep: a file of float32, x y z intensity and perhaps more for each point.

    Args:
        path: The file.
        num_features: Numbers a point, at least 4.
        intensity_scale: Factor on the intensities.

    Returns:
        x, y, z in metres and intensity, ``(N, 4)`` float32.

    Raises:
        BadSampleError: If the file is missing, is not made of whole points, has none, or some are
            not finite.
    """
    try:
        numbers = np.fromfile(path, dtype=np.float32)
    except FileNotFoundError:
        raise BadSampleError(f'{path}: there is no such sweep.') from None
    if numbers.size % num_features:
        raise BadSampleError(
            f'{path}: {numbers.size} numbers are no whole points of {num_features} numbers; it is '
            'truncated, get it again.'
        )
    points = numbers.reshape(-1, num_features)[:, :4]
    if not len(points):
        raise BadSampleError(f'{path}: it has zero points.')
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        raise BadSampleError(
            f'{path}: {int((~finite).sum())} of {len(points)} points have NaN or infinite numbers.'
        )
    return points * np.array([1, 1, 1, intensity_scale], dtype=np.float32)


def read_picture(path: str | Path, mode: str = 'RGB') -> np.ndarray:
    """Read a picture.

    Args:
        path: A file that Pillow can read.
        mode: ``'RGB'``, or ``'L'`` for a map of labels.

    Returns:
        ``(H, W, 3)`` or ``(H, W)``, uint8.

    Raises:
        BadSampleError: If the file is missing or broken.
    """
    try:
        with Image.open(path) as picture:
            return np.array(picture.convert(mode))
    except FileNotFoundError:
        raise BadSampleError(f'{path}: there is no such picture.') from None
    except (OSError, SyntaxError, ValueError) as error:
        raise BadSampleError(
            f"{path}: the picture can't be read ({error}); get it again."
        ) from error
