"""Alignment of points with image and text, the loss of OpenShape and ULIP."""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mrd_plugin.methods.contrast.blockwise import BlockwiseValues, Plan, blockwise_loss
from mrd_plugin.methods.contrast.modality_order import SampleOrder


class OrderedBatch(NamedTuple):
    """Normalised fp32 rows in the order of a :class:`SampleOrder`.

    Attributes:
        order (SampleOrder): The order.
        points (Tensor): ``(n, D)``, with gradient.
        image (Tensor): ``(n_image, D)``.
        text (Tensor): ``(n_text, D)``.
    """

    order: SampleOrder
    points: Tensor
    image: Tensor
    text: Tensor


@MODELS.register_module()
class AlignLoss(nn.Module):
    """Two-directional InfoNCE of points with images and of points with texts.

    ``loss = image_weight InfoNCE(P, I) + text_weight InfoNCE(P, T)``, each half a row and half a
    column cross-entropy, each over the samples that have the modality; a modality that no sample has
    contributes exactly zero. Computed in row blocks and in fp32 whatever autocast does; with several
    ranks give it the gathered rows.

    Args:
        image_weight (float): Weight of the image term.
        text_weight (float): Weight of the text term.
        mask_duplicates (bool): Leave out of the negatives those with the very same teacher row as
            the positive (two shapes with one text).
        block_size (int): Rows in a block; changes memory, not the result.
    """

    def __init__(
        self,
        image_weight: float = 0.5,
        text_weight: float = 0.5,
        mask_duplicates: bool = False,
        block_size: int = 512,
    ) -> None:
        super().__init__()
        self.image_weight = image_weight
        self.text_weight = text_weight
        self.mask_duplicates = mask_duplicates
        self.block_size = block_size

    def forward(
        self,
        points: Tensor,
        image: Tensor,
        text: Tensor,
        has_image: Tensor,
        has_text: Tensor,
        scale_image: Tensor,
        scale_text: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch.

        Args:
            points (Tensor): ``(N, D)`` student features, any float dtype, need not be normalised.
            image (Tensor): ``(N, D)`` image features of the teacher; must not ask for a gradient.
            text (Tensor): ``(N, D)`` text features of the teacher, likewise.
            has_image (Tensor): ``(N,)`` bool; rows where it is False are not read.
            has_text (Tensor): ``(N,)`` bool, likewise.
            scale_image (Tensor): Scalar, what similarities with images are multiplied by (already
                exponentiated and clamped). Gradient.
            scale_text (Tensor): The same for texts; may be the same tensor.

        Returns:
            dict[str, Tensor]: ``loss`` (scalar with gradient) and detached scalars to log.
        """
        with torch.autocast(points.device.type, enabled=False):
            batch = order_batch(points, image, text, has_image, has_text)
            scales = torch.stack([scale_image.reshape(()), scale_text.reshape(())])
            return self._loss(batch, scales.to(batch.points))

    def _loss(self, batch: OrderedBatch, scales: Tensor) -> dict[str, Tensor]:
        plan = Plan(
            batch.order,
            ('align_image', 'align_text'),
            (),
            None,
            self.mask_duplicates,
            self.block_size,
        )
        alphas = batch.points.new_zeros(2, len(batch.points))
        weights = self._align_weights(batch.points)
        result = blockwise_loss(
            batch.points, batch.image, batch.text, scales, weights, alphas, plan
        )
        return {'loss': result.loss, **align_log(result)}

    def _align_weights(self, like: Tensor) -> Tensor:
        return like.new_tensor([self.image_weight, self.text_weight])


def align_log(result: BlockwiseValues) -> dict[str, Tensor]:
    """Scalars to log of the alignment terms: values and match rates."""
    log = dict(zip(('align_image', 'align_text'), result.values))
    log.update(zip(('match_image', 'match_text'), result.match))
    return log


def order_batch(
    points: Tensor, image: Tensor, text: Tensor, has_image: Tensor, has_text: Tensor
) -> OrderedBatch:
    """Normalise in fp32 (fp64 stays) and bring a batch into the order of its modalities.

    Args:
        points (Tensor): ``(N, D)``.
        image (Tensor): ``(N, D)``.
        text (Tensor): ``(N, D)``.
        has_image (Tensor): ``(N,)`` bool.
        has_text (Tensor): ``(N,)`` bool.

    Returns:
        OrderedBatch: Samples with at least one modality.

    Raises:
        ValueError: If shapes differ or a teacher's features ask for a gradient.
    """
    for name, rows in (('image', image), ('text', text)):
        if rows.shape != points.shape:
            raise ValueError(
                f'{name} features have shape {tuple(rows.shape)}, the points {tuple(points.shape)}; '
                'give one row of the same dim for each sample (zeros where has_... is False).'
            )
        if rows.requires_grad:
            raise ValueError(f'{name} features ask for a gradient; the teacher must be frozen.')
    order = SampleOrder.from_masks(has_image, has_text)
    start, stop = order.span('image')
    image = normalise(order.take(image)[start:stop])
    start, stop = order.span('text')
    text = normalise(order.take(text)[start:stop])
    return OrderedBatch(order, order.take(normalise(points)), image, text)


def normalise(rows: Tensor) -> Tensor:
    """L2-normalise rows ``(n, D)`` in fp32, or in fp64 if that is what they are."""
    return F.normalize(rows if rows.dtype == torch.float64 else rows.float(), dim=1)
