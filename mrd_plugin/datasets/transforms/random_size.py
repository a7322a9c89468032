"""Random changes of a shape's real size."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomSize:
    """Blur ``size``, the largest side in metres, and sometimes withhold it.

    A network that is trained so also works where the size is unknown.

    Args:
        sigma (float): Standard deviation of the size's natural logarithm. Defaults to 0.1.
        drop (float): Probability that the size is withheld. Defaults to 0.2.
    """

    def __init__(self, sigma: float = 0.1, drop: float = 0.2) -> None:
        self.sigma = sigma
        self.drop = drop

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``size``, if the sample has one."""
        if results.get('size') is not None:
            factor = float(np.exp(self.sigma * np.random.standard_normal()))
            known = np.random.random() >= self.drop
            results['size'] = results['size'] * factor if known else None
        return results
