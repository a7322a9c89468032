"""Reads the points of a shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.shape_file import shape_fields


@TRANSFORMS.register_module()
class LoadShape:
    """Read ``path``, an own ``.npz`` or OpenShape's pickled-dict ``.npy``, without running pickles.

    A data set that keeps its shapes in memory puts ``xyz`` (and ``rgb``) there itself; the file is
    then not touched. Sets ``xyz (N, 3)`` float32, ``rgb (N, 3)`` (if the shape has colour) and, if
    the data set did not set them, ``candidates`` and ``name``.

    Colours stay uint8 if stored so; :class:`SamplePoints` makes them floats in [0, 1].
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read one shape.

        Raises:
            BadSampleError: If the file can't be used; the message names it.
        """
        if 'xyz' not in results:
            for key, value in shape_fields(results['path']).items():
                results.setdefault(key, value)
        return results


def float_colours(rgb: np.ndarray) -> np.ndarray:
    """Colours as float32 in [0, 1], from uint8 or from floats."""
    if rgb.dtype == np.uint8:
        return rgb / np.float32(255)
    return rgb.astype(np.float32, copy=False)
