"""SLidR: contrast of superpoints with superpixels (Sautier et al. 2022, arXiv 2203.16258)."""

from __future__ import annotations

from mmengine.registry import MODELS

from mrd_plugin.methods.contrast.point_pixel import Contrast, pair_info_nce
from mrd_plugin.methods.contrast.superpixels import SuperpixelPretrainer, Superpixels


@MODELS.register_module()
class SLidR(SuperpixelPretrainer):
    """Every superpoint is to recognise its superpixel among those of all images of the batch.

    Args:
        temperature: Defaults to 0.07.
        **kwargs: See :class:`SuperpixelPretrainer`.
    """

    def compare(self, superpixels: Superpixels) -> Contrast:
        """InfoNCE from superpoints to superpixels."""
        return pair_info_nce(superpixels.points, superpixels.pixels, self.temperature)
