"""Random changes of ``rgb (N, 3)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.load_shape import float_colours


@TRANSFORMS.register_module()
class ColourJitter:
    """Multiply each colour channel by a factor from U(1 - gain, 1 + gain), clipped to [0, 1].

    Args:
        gain (float): Largest relative change. Defaults to 0.2.
    """

    def __init__(self, gain: float = 0.2) -> None:
        self.gain = gain

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``rgb``, if the sample has it."""
        if results.get('rgb') is not None:
            factors = np.random.uniform(1 - self.gain, 1 + self.gain, 3).astype(np.float32)
            results['rgb'] = np.clip(float_colours(results['rgb']) * factors, 0, 1)
        return results


@TRANSFORMS.register_module()
class ColorDrop:
    """Replace all colours by "no colour" with probability ``p``.

    Args:
        p (float): Probability. Defaults to 0.5.
        value (float): The "no colour" value; must equal the data set's ``no_colour``.
            Defaults to 0.4.
    """

    def __init__(self, p: float = 0.5, value: float = 0.4) -> None:
        self.p = p
        self.value = value

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``rgb``, if the sample has it."""
        if results.get('rgb') is not None and np.random.random() < self.p:
            results['rgb'] = np.full(results['rgb'].shape, self.value, dtype=np.float32)
        return results
