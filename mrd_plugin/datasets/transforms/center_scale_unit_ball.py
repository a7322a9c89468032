"""Brings a shape into the unit ball."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CenterScaleUnitBall:
    """Centre ``xyz`` on its mean and divide by the largest norm.

    A shape whose points all lie within 1e-6 of their mean becomes all zeros.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Normalise ``xyz (N, 3)``."""
        xyz = results['xyz']
        # a product with ones sums columns far faster than mean(axis=0)
        xyz = xyz - np.ones(len(xyz), dtype=np.float32) @ xyz / np.float32(len(xyz))
        largest = np.sqrt(np.einsum('ij,ij->i', xyz, xyz).max())
        results['xyz'] = xyz / largest if largest >= 1e-6 else np.zeros_like(xyz)
        return results
