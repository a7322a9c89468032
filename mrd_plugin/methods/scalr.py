"""ScaLR: the teacher's features, without negatives (Puy et al. 2024, arXiv 2310.17504).

The loss is the distance of unit vectors (section 3), without negatives and temperature.
"""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.methods.base_lidar import ImageToLiDAR
from mrd_plugin.structures import PairBatch
from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def unit_distance(points: Tensor, pixels: Tensor) -> Tensor:
    """Distance ``| f / |f| - g / |g| |`` of each pair, not squared; its mean is the loss.

    Args:
        points: ``(N, D)``.
        pixels: ``(N, D)``.

    Returns:
        ``(N,)`` in [0, 2]. Where both agree the gradient is zero, not infinite.
    """
    error = F.normalize(points, dim=1) - F.normalize(pixels, dim=1)
    return error.square().sum(1).clamp(min=1e-12).sqrt()


@MODELS.register_module()
class ScaLR(ImageToLiDAR):
    """The point head's output is pulled to the teacher's own feature at the point's pixel.

    There is no image head: ``point_head`` has the teacher's ``dim`` channels.

    Args:
        **kwargs: See :class:`ImageToLiDAR`.
    """

    def loss(self, batch: PairBatch, data_samples: object = None) -> dict[str, Tensor]:
        """Compute the distance of a batch.

        Returns:
            ``loss_distance`` in [0, 2] (1.41 for unrelated features), the mean cosine
            that it corresponds to, pairs per image.
        """
        pairs = self.draw_pairs(self.all_pairs(batch))
        points = self.point_head(self.paired_points(batch, self.encode_voxels(batch), pairs))
        pixels = self.paired_pixels(batch, self.encode_images(batch.images), pairs)
        distance = unit_distance(points, pixels)
        cosine = (1 - distance.detach().square() / 2).sum()
        return dict(
            loss_distance=self.joined_mean(distance.sum(), len(distance)),
            cosine=self.joined_mean(cosine, len(distance)),
            pairs_per_image=self.pairs_per_image(batch),
        )
