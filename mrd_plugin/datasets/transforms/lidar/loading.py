"""The start of a LiDAR pipeline: files become points, images, pairs, labels and superpixels.

``LoadSweep`` begins a pipeline that needs no image.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.lidar.files import read_image, read_point_labels, read_sweep
from mrd_plugin.datasets.lidar.geometry import match_pixels
from mrd_plugin.datasets.lidar.superpixels import SLIC, LabelFolder
from mrd_plugin.datasets.lidar.zod_pairs import read_projected
from mrd_plugin.utils.errors import BadSampleError, ConfigError


@TRANSFORMS.register_module()
class LoadPair:
    """Read the sweep and the images of a sample and find the pairs of points and pixels.

    Adds ``points (N, 4)`` float32, ``images`` (a list of uint8 ``(H, W, 3)``, one for each camera),
    ``pair_points (M,)``, ``pair_pixels (M, 3)`` (view, row, column) int64, ``has_intensity`` and,
    where the data set has them, ``point_labels (N,)``.

    Raises:
        BadSampleError: If a file is missing or broken, or no camera sees a point.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read one sample."""
        images = [read_image(camera['path']) for camera in results['cameras']]
        results['images'] = images
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
                f'{where}: none of its {len(results["points"])} points is seen by a camera '
                f'({names}); the calibration or the sweep is of something else.'
            )
        return results


def _project_sweep(results: dict[str, Any]) -> None:
    points = read_sweep(results['points_path'], results['num_features'], results['intensity_scale'])
    seen, pixels = [], []
    for view, (camera, image) in enumerate(zip(results['cameras'], results['images'])):
        height, width = image.shape[:2]
        index, place = match_pixels(
            points[:, :3], camera['lidar2img'], (width, height), results['min_depth']
        )
        seen.append(index)
        pixels.append(np.insert(place, 0, view, axis=1))
    results['points'] = points
    results['pair_points'] = np.concatenate(seen)
    results['pair_pixels'] = np.concatenate(pixels)


def _check_size(results: dict[str, Any], last: np.ndarray) -> None:
    """Stop if the image is smaller than that of the LiDAR, whose ``last`` (row, column) is used."""
    image = results['images'][0]
    if (last >= image.shape[:2]).any():
        raise BadSampleError(
            f'{results["cameras"][0]["path"]}: its size {image.shape[:2]} is not that of the '
            f'LiDAR image, which has a point at row {last[0]}, column {last[1]}.'
        )


@TRANSFORMS.register_module()
class LoadSweep:
    """Read the sweep of a sample and no image; :class:`PackSweep` ends the pipeline.

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


@TRANSFORMS.register_module()
class SLICSuperpixels:
    """Add SLIC superpixels, from the cache on disk or computed now (seconds for a large image).

    ``tools/prepare/superpixels.py`` fills the cache beforehand with all cores. It stands between
    ``LoadPair`` and what crops images.

    Args:
        n_segments: Segments that are asked for. Defaults to 150.
        compactness: Weight of nearness against likeness of colour. Defaults to 6.
        sigma: Width of the smoothing before, in pixels. Defaults to 3.
        cache_dir: Folder of the label maps. Defaults to 'data/superpixels'.
    """

    def __init__(
        self,
        n_segments: int = 150,
        compactness: float = 6.0,
        sigma: float = 3.0,
        cache_dir: str = 'data/superpixels',
    ) -> None:
        self.slic = SLIC(n_segments, compactness, sigma, cache_dir)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``superpixels``, int32 maps in the size of the images."""
        return _add_maps(results, lambda camera: self.slic.labels(camera['path']))


@TRANSFORMS.register_module()
class LoadSuperpixels:
    """Add superpixels from a folder of ready label maps: PNG of 8 or 16 bits, or .npy.

    Args:
        root: The folder.
        name: Name of a map without its ending, a pattern that may hold ``{stem}`` (the image's
            file name), ``{camera}``, ``{sample_id}`` and ``{token}`` (nuScenes' of the image, by
            which published maps are named). Defaults to '{stem}'.
        none: Id that means "no segment", if there is one. Defaults to None.
    """

    def __init__(self, root: str, name: str = '{stem}', none: int | None = None) -> None:
        if not Path(root).is_dir():
            raise ConfigError(f'LoadSuperpixels root={root!r}: there is no such folder.')
        self.folder = LabelFolder(root, name, none)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``superpixels``, int32 maps in the size of the images, -1 = no segment."""

        def read(camera: dict[str, Any]) -> np.ndarray:
            fields = dict(
                stem=Path(camera['path']).stem,
                camera=camera['name'],
                sample_id=results['sample_id'],
            )
            if 'token' in camera:
                fields['token'] = camera['token']
            return self.folder.labels(fields)

        return _add_maps(results, read)


def _add_maps(
    results: dict[str, Any], read: Callable[[dict[str, Any]], np.ndarray]
) -> dict[str, Any]:
    """Add the map of each camera.

    Raises:
        BadSampleError: If one has another size than its image.
    """
    maps = []
    for camera, image in zip(results['cameras'], results['images']):
        labels = read(camera)
        if labels.shape != image.shape[:2]:
            raise BadSampleError(
                f'{camera["path"]}: its superpixel map has {labels.shape} rows and columns and the '
                f'image {image.shape[:2]}; make the maps of these very images, before any '
                'crop.'
            )
        maps.append(labels)
    results['superpixels'] = maps
    return results
