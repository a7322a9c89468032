"""The start of a LiDAR pipeline: files become points, pictures and pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.lidar.files import read_picture, read_sweep
from mrd_plugin.datasets.lidar.geometry import match_pixels
from mrd_plugin.datasets.lidar.zod_pairs import read_projected
from mrd_plugin.utils.errors import BadSampleError


@TRANSFORMS.register_module()
class LoadPair:
    """Read the sweep and the pictures of a sample and find the pairs of points and pixels.

    Adds ``points (N, 4)`` float32, ``images`` (a list of uint8 ``(H, W, 3)``, one for each camera),
    ``pair_points (M,)``, ``pair_pixels (M, 3)`` (view, row, column) int64, ``has_intensity`` and, where
    the data set has them, ``point_labels (N,)``.

    Raises:
        BadSampleError: If a file is missing or broken, or no camera sees a point.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read one sample."""
        pictures = [read_picture(camera['path']) for camera in results['cameras']]
        results['images'] = pictures
        results['has_intensity'] = 'projected_path' not in results
        if results['has_intensity']:
            _project_sweep(results)
        else:
            frame = read_projected(results)
            results['points'], results['point_labels'] = frame['points'], frame['point_labels']
            _check_size(results, frame['pixels'].max(axis=0))
            results['pair_points'] = np.arange(len(frame['points']))
            results['pair_pixels'] = np.insert(frame['pixels'], 0, 0, axis=1)
        if not len(results['pair_points']):
            names = ', '.join(camera['name'] for camera in results['cameras'])
            where = results.get('points_path', results['sample_id'])
            raise BadSampleError(
                f'{where}: none of its {len(results["points"])} points is seen by a camera ({names}); '
                'the calibration or the sweep is of something else.'
            )
        return results


def _project_sweep(results: dict[str, Any]) -> None:
    points = read_sweep(results['points_path'], results['num_features'], results['intensity_scale'])
    seen, pixels = [], []
    for view, (camera, picture) in enumerate(zip(results['cameras'], results['images'])):
        height, width = picture.shape[:2]
        index, place = match_pixels(
            points[:, :3], camera['lidar2img'], (width, height), results['min_depth']
        )
        seen.append(index)
        pixels.append(np.insert(place, 0, view, axis=1))
    results['points'] = points
    results['pair_points'] = np.concatenate(seen)
    results['pair_pixels'] = np.concatenate(pixels)


def _check_size(results: dict[str, Any], last: np.ndarray) -> None:
    """Stop if the picture is smaller than that of the LiDAR, whose ``last`` (row, column) is used."""
    picture = results['images'][0]
    if (last >= picture.shape[:2]).any():
        raise BadSampleError(
            f'{results["cameras"][0]["path"]}: its size {picture.shape[:2]} is not that of the LiDAR '
            f'picture, which has a point at row {last[0]}, column {last[1]}.'
        )
