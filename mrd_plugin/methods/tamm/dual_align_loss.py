"""TAMM's loss: one sub-space against several images of a shape, another against its text."""

from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.methods.contrast.align_loss import AlignLoss
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.utils.errors import ConfigError


@MODELS.register_module()
class DualAlignLoss(nn.Module):
    """Two-directional InfoNCE of each sub-space with its modality (Zhang et al. 2024, 3.3).

    ``image_weight sum_k InfoNCE(z_image, image_k) + text_weight InfoNCE(z_text, text)``. View ``k``
    of all shapes makes one InfoNCE, so no shape is its own negative. As released the views are
    **summed**: with four of them images weigh four times as much as texts. A modality that no
    sample has contributes exactly zero.

    Args:
        image_weight: Weight of the image term. Defaults to 1.
        text_weight: Weight of the text term. Defaults to 1.
        view_reduction: ``'sum'`` over the views, or ``'mean'``. Defaults to 'sum'.
        mask_duplicates: See :class:`AlignLoss`. Defaults to False.
        block_size: See :class:`AlignLoss`. Defaults to 512.
    """

    def __init__(
        self,
        image_weight: float = 1.0,
        text_weight: float = 1.0,
        view_reduction: str = 'sum',
        mask_duplicates: bool = False,
        block_size: int = 512,
    ) -> None:
        super().__init__()
        if view_reduction not in ('sum', 'mean'):
            raise ConfigError(f"view_reduction={view_reduction!r}: expected 'sum' or 'mean'.")
        self.image_weight = image_weight
        self.text_weight = text_weight
        self.view_reduction = view_reduction
        self.info_nce = AlignLoss(1.0, 0.0, mask_duplicates, block_size)

    def forward(
        self,
        z_image: Tensor,
        z_text: Tensor,
        images: Tensor,
        text: Tensor,
        has_images: Tensor,
        has_text: Tensor,
        scale_image: Tensor,
        scale_text: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch.

        Args:
            z_image: ``(N, D)`` visual embeddings of the student, need not be normalised.
            z_text: ``(N, D)`` semantic embeddings of the student.
            images: ``(N, V, D)`` image features of the views; must not ask for a gradient.
            text: ``(N, D)`` text features, likewise.
            has_images: ``(N, V)`` bool; rows where it is False are not read.
            has_text: ``(N,)`` bool, likewise.
            scale_image: Scalar, logit scale of the image terms. Gradient.
            scale_text: Logit scale of the text term; may be the same tensor.

        Returns:
            ``loss`` (scalar with gradient) and detached scalars to log.
        """
        views = [
            self._contrast(z_image, images[:, k], has_images[:, k], scale_image)
            for k in range(images.shape[1])
        ]
        share = 1 if self.view_reduction == 'sum' else 1 / len(views)
        align_image = share * torch.stack([view['loss'] for view in views]).sum()
        align_text = self._contrast(z_text, text, has_text, scale_text)
        matches = torch.stack([view['match_image'] for view in views])
        return {
            'loss': self.image_weight * align_image + self.text_weight * align_text['loss'],
            'align_image': align_image.detach(),
            'align_text': align_text['loss'].detach(),
            'match_image': matches.mean(),
            'match_text': align_text['match_image'],
        }

    def _contrast(self, z: Tensor, target: Tensor, has: Tensor, scale: Tensor) -> dict[str, Tensor]:
        """InfoNCE of embeddings with one modality, over the samples that have it."""
        nothing = torch.zeros_like(has)
        return self.info_nce(Triplets(z, target, target, has, nothing), scale, scale)
