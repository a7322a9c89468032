"""Choosing cameras before their pictures are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.utils.errors import ConfigError


@TRANSFORMS.register_module()
class SampleViews:
    """Keep some of a sample's cameras, in random order. It stands before ``LoadPair``.

    Args:
        num_views (int, optional): How many; a sample with fewer keeps all. Defaults to None, all.
    """

    def __init__(self, num_views: int | None = None) -> None:
        if num_views is not None and num_views < 1:
            raise ConfigError(f'SampleViews num_views={num_views}: expected 1 or more.')
        self.num_views = num_views

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose among ``cameras``."""
        if 'images' in results:
            raise ConfigError('SampleViews stands behind LoadPair; put it before, to read less.')
        cameras = results['cameras']
        order = np.random.permutation(len(cameras))[: self.num_views]
        results['cameras'] = [cameras[view] for view in order]
        return results
