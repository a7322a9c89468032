"""The start of a pipeline that needs no picture: a sweep, and the classes of its points."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.lidar.files import read_sweep
from mrd_plugin.datasets.lidar.point_labels import read_point_labels
from mrd_plugin.utils.errors import ConfigError


@TRANSFORMS.register_module()
class LoadSweep:
    """Read the sweep of a sample and no picture; :class:`PackSweep` ends the pipeline.

    Adds ``points (N, 4)`` float32, ``has_intensity``, and, so that what follows ``LoadPair`` can
    follow this, ``images``, ``pair_points`` and ``pair_pixels``, all empty.

    Raises:
        BadSampleError: If the file is missing or broken.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read one sample."""
        results['points'] = read_sweep(
            results['points_path'], results['num_features'], results['intensity_scale']
        )
        results['has_intensity'] = True
        results['images'] = []
        results['pair_points'] = np.zeros(0, dtype=np.int64)
        results['pair_pixels'] = np.zeros((0, 3), dtype=np.int64)
        return results


@TRANSFORMS.register_module()
class LoadPointLabels:
    """Read the classes of a sweep's points: ``point_labels (N,)``, -1 = ignored.

    It stands behind ``LoadSweep`` or ``LoadPair``, before anything that drops points.

    Raises:
        BadSampleError: If the file is missing, of another sweep, or has an unknown number.
        ConfigError: If the data set has no labels.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the labels of one sample."""
        if 'point_labels_path' not in results:
            raise ConfigError(
                f'LoadPointLabels: the sample {results["sample_id"]} comes from a data set without '
                'labels; use one with labels, such as NuScenesSegmentation or SemanticKITTI.'
            )
        results['point_labels'] = read_point_labels(
            results['point_labels_path'],
            results['label_dtype'],
            results['label_table'],
            len(results['points']),
        )
        return results
