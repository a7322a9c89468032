"""What data sets of sweeps read from disk: points, images, and a class for each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mrd_plugin.utils.errors import BadSampleError


def read_sweep(path: str | Path, num_features: int, intensity_scale: float) -> np.ndarray:
    """Read a sweep: a file of float32, x y z intensity and perhaps more for each point.

    Args:
        path: The file.
        num_features: Numbers per point, at least 4.
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


def read_image(path: str | Path, mode: str = 'RGB') -> np.ndarray:
    """Read an image.

    Args:
        path: A file that Pillow can read.
        mode: ``'RGB'``, or ``'L'`` for a map of labels.

    Returns:
        ``(H, W, 3)`` or ``(H, W)``, uint8.

    Raises:
        BadSampleError: If the file is missing or broken.
    """
    try:
        with Image.open(path) as image:
            return np.array(image.convert(mode))
    except FileNotFoundError:
        raise BadSampleError(f'{path}: there is no such image.') from None
    except (OSError, SyntaxError, ValueError) as error:
        raise BadSampleError(f"{path}: the image can't be read ({error}); get it again.") from error


IGNORED, UNKNOWN = -1, -2


def label_table(classes: Mapping[str, Sequence[int]], ignored: Sequence[int]) -> np.ndarray:
    """Return a table from the numbers of label files to classes.

    Args:
        classes: Numbers of each class, in the order of the classes.
        ignored: Numbers of what is not scored.

    Returns:
        For each number from 0 to the largest its class, -1 = ignored, -2 = no such number, int64.
    """
    numbers = [*ignored, *(number for group in classes.values() for number in group)]
    table = np.full(max(numbers) + 1, UNKNOWN, dtype=np.int64)
    table[list(ignored)] = IGNORED
    for index, group in enumerate(classes.values()):
        table[list(group)] = index
    return table


def read_point_labels(
    path: str | Path, dtype: str, table: np.ndarray, num_points: int
) -> np.ndarray:
    """Read the classes of a sweep's points.

    Args:
        path: File of one number per point.
        dtype: ``'uint8'``, or ``'uint32'`` with the class in the lower 16 bits and the instance in
            the upper ones.
        table: See :func:`label_table`.
        num_points: Points of the sweep, N.

    Returns:
        ``(N,)`` int64, -1 = ignored.

    Raises:
        BadSampleError: If the file is missing, is of another sweep, or has a number that the table
            does not know.
    """
    try:
        numbers = np.fromfile(path, dtype=np.dtype(dtype).newbyteorder('<'))
    except FileNotFoundError:
        raise BadSampleError(
            f'{path}: there is no such file of point labels; get the labels again.'
        ) from None
    if len(numbers) != num_points:
        raise BadSampleError(
            f'{path}: it has {len(numbers)} labels and the sweep has {num_points} points; the two '
            'are not of one sweep, or one is truncated.'
        )
    numbers = numbers.astype(np.int64) & 0xFFFF
    inside = numbers < len(table)
    labels = np.where(inside, table[np.minimum(numbers, len(table) - 1)], UNKNOWN)
    if (labels == UNKNOWN).any():
        strange = sorted(set(numbers[labels == UNKNOWN].tolist()))
        raise BadSampleError(
            f'{path}: the label {strange[0]} ({int((labels == UNKNOWN).sum())} points have it or '
            'another that is none) is not one of the data set; is it the right file?'
        )
    return labels
