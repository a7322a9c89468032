"""ScaLR: the teacher's features, without negatives (Puy et al. 2024, arXiv 2310.17504)."""

from __future__ import annotations

from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.losses import unit_distance
from mrd_plugin.models.pretrainers.image_to_lidar import ImageToLiDAR
from mrd_plugin.structures import PairBatch


@MODELS.register_module()
class ScaLR(ImageToLiDAR):
    """The point head's output is pulled to the teacher's own feature at the point's pixel.

    There is no image head: ``point_head`` has the teacher's ``dim`` channels.

    Args:
        **kwargs: See :class:`ImageToLiDAR`.
    """

    def loss(self, batch: PairBatch) -> dict[str, Tensor]:
        """Compute the distance of a batch.

        Args:
            batch (PairBatch): Of this rank.

        Returns:
            dict[str, Tensor]: ``loss_distance`` in [0, 2] (1.41 for unrelated features), the mean
            cosine that it stands for, pairs a picture.
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
