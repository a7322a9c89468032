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
        xyz = xyz - xyz.mean(axis=0, dtype=np.float64).astype(np.float32)
        largest = np.sqrt(np.einsum('ij,ij->i', xyz, xyz).max())
        results['xyz'] = xyz / largest if largest >= 1e-6 else np.zeros_like(xyz)
        return results
