"""Point dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.utils.errors import ConfigError


@TRANSFORMS.register_module()
class PointDropToFirst:
    """Drop a random share of points by overwriting them with the first point.

    The share is drawn from U(0, max_ratio). In OpenShape the coordinates alone are overwritten and
    the colours stay where they were; that is the default here.

    Args:
        max_ratio (float): Largest share. Defaults to 0.875.
        sync_rgb (bool): Overwrite the colours too. Defaults to False.
    """

    def __init__(self, max_ratio: float = 0.875, sync_rgb: bool = False) -> None:
        if not 0 <= max_ratio <= 1:
            raise ConfigError(f'PointDropToFirst max_ratio={max_ratio}: expected 0 to 1.')
        self.max_ratio = max_ratio
        self.sync_rgb = sync_rgb

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Drop points of ``xyz (N, 3)``."""
        ratio = np.random.random() * self.max_ratio
        drop = np.random.random(len(results['xyz'])) < ratio
        keys = ('xyz', 'rgb') if self.sync_rgb else ('xyz',)
        for key in keys:
            if results.get(key) is not None:
                results[key] = np.where(drop[:, None], results[key][:1], results[key])
        return results
