"""The end of a LiDAR pipeline: tensors, and a data sample with everything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.registry import TRANSFORMS

from mrd_plugin.structures import PairDataSample
from mrd_plugin.utils.errors import BadSampleError, ConfigError

_FIELDS = {
    'pair_points': np.int64,
    'pair_pixels': np.int64,
    'superpixels': np.int32,
    'image_masks': np.bool_,
    'query_xyz': np.float32,
    'query_occupied': np.float32,
    'query_kind': np.int64,
    'query_intensity': np.float32,
    'point_labels': np.int64,
}


@TRANSFORMS.register_module()
class PackPairs:
    """Pack a sample as ``dict(inputs=dict(points, images), data_samples=PairDataSample)``.

    ``points`` is float32 ``(N, 4)``, ``images`` uint8 ``(V, 3, H, W)``.

    Raises:
        BadSampleError: If the pipeline left no pair.
        ConfigError: If the images still differ in size.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample."""
        if not len(results['pair_points']):
            raise BadSampleError(
                f'{results["sample_id"]}: no pair of point and pixel is left after the pipeline.'
            )
        sizes = {image.shape for image in results['images']}
        if len(sizes) > 1:
            raise ConfigError(
                f'PackPairs: the images of {results["sample_id"]} have the sizes '
                f'{sorted(sizes)}; put ResizedCrop or ImageResize before it.'
            )
        images = np.stack(list(results['images'])).transpose(0, 3, 1, 2)
        packed = _pack(results)
        packed['inputs']['images'] = torch.from_numpy(np.ascontiguousarray(images))
        return packed


@TRANSFORMS.register_module()
class PackSweep:
    """Pack a sample without images as ``dict(inputs=dict(points), data_samples=PairDataSample)``.

    ``points`` is float32 ``(N, 4)``.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample."""
        return _pack(results)


def _pack(results: dict[str, Any]) -> dict[str, Any]:
    """Return the points, and everything of a sample but its images."""
    views = len(results['images'])
    meta = dict(
        sample_id=results['sample_id'],
        num_views=views,
        view_names=[camera['name'] for camera in results['cameras'][:views]],
    )
    sample = PairDataSample(metainfo=meta)
    for key, kind in _FIELDS.items():
        if key in results:
            values = np.ascontiguousarray(np.asarray(results[key]), dtype=kind)
            sample.set_field(torch.from_numpy(values), key)
    points = torch.from_numpy(np.ascontiguousarray(results['points'], dtype=np.float32))
    return dict(inputs=dict(points=points), data_samples=sample)
