"""A class for each point of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.utils.errors import BadSampleError

IGNORED, UNKNOWN = -1, -2


class LabelledSweeps(PairDataset):
    """Sweeps whose points have classes, in a file of one number a point beside each sweep.

    A sub-class's entries hold ``point_labels_path`` beside what :class:`PairDataset` asks for.
    ``LoadPointLabels`` reads them.

    Attributes:
        label_table: Class of each number of the files, see :func:`label_table`.
        label_dtype: Numpy's name of the numbers' type.
    """

    label_table: np.ndarray
    label_dtype: str

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return the entry of one sample."""
        labels = dict(label_table=self.label_table, label_dtype=self.label_dtype)
        return {**super().get_data_info(idx), **labels}


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
        path: File of one number a point.
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
