"""Which parts of the pictures a model has to rebuild."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS

from mrd_plugin.utils.errors import ConfigError


@TRANSFORMS.register_module()
class PatchMask:
    """Mark patches of the pictures to be blacked out (masked image modelling of CMCR).

    The pictures stay whole, for they are what is to be rebuilt; the model blacks them out. Before
    ``ResizedCrop``, as in CMCR, the patches are those of the whole picture and grow with the crop.

    Args:
        prob (float): Probability that a picture is masked at all. Defaults to 0.5.
        patch_size (int): Side of a patch in pixels. Defaults to 16.
        ratio (float): Probability of each patch of a masked picture. Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5, patch_size: int = 16, ratio: float = 0.5) -> None:
        if patch_size < 1 or not (0 <= prob <= 1 and 0 < ratio < 1):
            raise ConfigError(
                f'PatchMask prob={prob}, patch_size={patch_size}, ratio={ratio}: expected a probability, '
                'a number of pixels and a part in (0, 1).'
            )
        self.prob, self.patch_size, self.ratio = prob, patch_size, ratio

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``image_masks``, bool maps in the size of the pictures."""
        results['image_masks'] = [self._mask(picture.shape[:2]) for picture in results['images']]
        return results

    def _mask(self, size: tuple[int, int]) -> np.ndarray:
        if np.random.random() >= self.prob:
            return np.zeros(size, dtype=bool)
        side = self.patch_size
        patches = np.random.random([-(-length // side) for length in size]) < self.ratio
        return patches.repeat(side, axis=0).repeat(side, axis=1)[: size[0], : size[1]]
