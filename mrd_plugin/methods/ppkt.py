"""PPKT: contrast of single points with single pixels (Liu et al. 2021, arXiv 2104.04687)."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.methods.base_lidar import ImageToLiDAR
from mrd_plugin.methods.contrast.point_pixel import pair_info_nce
from mrd_plugin.structures import PairBatch


@MODELS.register_module()
class PPKT(ImageToLiDAR):
    """Every drawn point is to recognise its pixel among the pixels of all drawn pairs.

    Args:
        num_pairs: Defaults to 4096, as in SLidR's comparison.
        temperature: Defaults to 0.07.
        **kwargs: See :class:`ImageToLiDAR`.
    """

    def __init__(self, *, num_pairs: int = 4096, temperature: float = 0.07, **kwargs) -> None:
        super().__init__(num_pairs=num_pairs, **kwargs)
        self.temperature = temperature

    def loss(self, batch: PairBatch, data_samples: object = None) -> dict[str, Tensor]:
        """Compute the contrast of a batch.

        Returns:
            ``loss_contrast``, its rate of matches and chance level, pairs per image.
        """
        pairs = self.draw_pairs(self.all_pairs(batch))
        voxels = self.paired_points(batch, self.encode_voxels(batch), pairs)
        points = F.normalize(self.point_head(voxels), dim=1)
        maps = self.encode_images(batch.images)
        pixels = F.normalize(self.paired_pixels(batch, maps, pairs), dim=1)
        contrast = pair_info_nce(self.join(points), self.join(pixels), self.temperature)
        return dict(
            loss_contrast=contrast.loss,
            match_contrast=contrast.match,
            chance_contrast=contrast.chance,
            pairs_per_image=self.pairs_per_image(batch),
        )
