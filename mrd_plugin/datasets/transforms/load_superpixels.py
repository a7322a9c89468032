"""Superpixels of the pictures of a sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.lidar.superpixels import SLIC, LabelFolder
from mrd_plugin.utils.errors import BadSampleError, ConfigError


@TRANSFORMS.register_module()
class SLICSuperpixels:
    """Add SLIC superpixels, from the cache on disk or computed now (seconds for a large picture).

    ``tools/prepare/superpixels.py`` fills the cache beforehand with all cores. It stands between
    ``LoadPair`` and what crops pictures.

    Args:
        n_segments (int): Segments that are asked for. Defaults to 150.
        compactness (float): Weight of nearness against likeness of colour. Defaults to 6.
        sigma (float): Width of the smoothing before, in pixels. Defaults to 3.
        cache_dir (str): Folder of the label maps. Defaults to 'data/superpixels'.
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
        """Add ``superpixels``, int32 maps in the size of the pictures."""
        return _add_maps(results, lambda camera: self.slic.labels(camera['path']))


@TRANSFORMS.register_module()
class LoadSuperpixels:
    """Add superpixels from a folder of ready label maps: PNG of 8 or 16 bits, or .npy.

    Args:
        root (str): The folder.
        name (str): Name of a map without its ending, a pattern that may hold ``{stem}`` (the picture's
            file name), ``{camera}``, ``{sample_id}`` and ``{token}`` (nuScenes' of the picture, by which
            published maps are named). Defaults to '{stem}'.
        none (int, optional): Id that means "no segment", if there is one. Defaults to None.
    """

    def __init__(self, root: str, name: str = '{stem}', none: int | None = None) -> None:
        if not Path(root).is_dir():
            raise ConfigError(f'LoadSuperpixels root={root!r}: there is no such folder.')
        self.folder = LabelFolder(root, name, none)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``superpixels``, int32 maps in the size of the pictures, -1 = no segment."""

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
        BadSampleError: If one has another size than its picture.
    """
    maps = []
    for camera, picture in zip(results['cameras'], results['images']):
        labels = read(camera)
        if labels.shape != picture.shape[:2]:
            raise BadSampleError(
                f'{camera["path"]}: its superpixel map has {labels.shape} rows and columns and the '
                f'picture {picture.shape[:2]}; make the maps of these very pictures, before any crop.'
            )
        maps.append(labels)
    results['superpixels'] = maps
    return results
