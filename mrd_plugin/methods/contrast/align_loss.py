"""Alignment of points with image and text, the loss of OpenShape and ULIP."""

from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.methods.contrast.blockwise import blockwise_loss
from mrd_plugin.methods.contrast.info_nce import info_nce, same_rows
from mrd_plugin.methods.contrast.plan import BlockwiseValues, Plan
from mrd_plugin.methods.contrast.triplets import OrderedBatch, Triplets, order_batch


@MODELS.register_module()
class AlignLoss(nn.Module):
    """Two-directional InfoNCE of points with images and of points with texts.

    ``loss = image_weight InfoNCE(P, I) + text_weight InfoNCE(P, T)``, each half a row and half a
    column cross-entropy, each over the samples that have the modality; a modality that no sample
    has contributes exactly zero. Computed in fp32 whatever autocast does; with several ranks give
    it the gathered rows.

    Args:
        image_weight: Weight of the image term.
        text_weight: Weight of the text term.
        mask_duplicates: Leave out of the negatives those with the very same teacher row as the
            positive (two shapes with one text).
        block_size: Rows in a block; changes memory, not the result. None computes on whole matrices
            by autograd: to read, to check, or to differentiate twice; it logs terms, but neither
            match rates nor entropies.

    Examples:
        >>> import torch
        >>> rows, known = torch.eye(4), torch.ones(4, dtype=torch.bool)
        >>> scale = torch.tensor(10.0)
        >>> loss = AlignLoss()
        >>> right = loss(Triplets(rows, rows, rows, known, known), scale, scale)
        >>> float(right['loss']) < 0.001, float(right['match_text'])
        (True, 1.0)
        >>> wrong = loss(Triplets(rows.roll(1, 0), rows, rows, known, known), scale, scale)
        >>> float(wrong['loss']) > 9, float(wrong['match_text'])
        (True, 0.0)
    """

    def __init__(
        self,
        image_weight: float = 0.5,
        text_weight: float = 0.5,
        mask_duplicates: bool = False,
        block_size: int | None = 512,
    ) -> None:
        super().__init__()
        self.image_weight = image_weight
        self.text_weight = text_weight
        self.mask_duplicates = mask_duplicates
        self.block_size = block_size

    def forward(
        self, batch: Triplets, scale_image: Tensor, scale_text: Tensor
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch.

        Args:
            batch: Features and masks of all ranks.
            scale_image: Scalar, what similarities with images are multiplied by (already
                exponentiated and clamped). Gradient.
            scale_text: The same for texts; may be the same tensor.

        Returns:
            ``loss`` (scalar with gradient) and detached scalars to log.
        """
        with torch.autocast(batch.points.device.type, enabled=False):
            ordered = order_batch(batch)
            scales = torch.stack([scale_image.reshape(()), scale_text.reshape(())])
            return self._loss(ordered, scales.to(ordered.points))

    def align_terms(self, batch: OrderedBatch, scales: Tensor) -> dict[str, Tensor]:
        """Both alignment terms, unweighted, on whole matrices."""
        terms = {}
        for number, name in enumerate(('image', 'text')):
            points, *teachers = batch.of(name)
            teacher = teachers[number]
            excluded = same_rows(teacher) if self.mask_duplicates else None
            terms[f'align_{name}'] = info_nce(points @ teacher.T, scales[number], excluded)
        return terms

    def _loss(self, batch: OrderedBatch, scales: Tensor) -> dict[str, Tensor]:
        weights = self._align_weights(batch.points)
        if self.block_size is None:
            terms = self.align_terms(batch, scales)
            log = {name: value.detach() for name, value in terms.items()}
            return {'loss': torch.dot(weights, torch.stack(list(terms.values()))), **log}
        slots = ('align_image', 'align_text')
        plan = Plan(slots, (), None, self.mask_duplicates, self.block_size)
        alphas = batch.points.new_zeros(2, len(batch.points))
        result = blockwise_loss(batch, scales, weights, alphas, plan)
        return {'loss': result.loss, **align_log(result)}

    def _align_weights(self, like: Tensor) -> Tensor:
        return like.new_tensor([self.image_weight, self.text_weight])


def align_log(result: BlockwiseValues) -> dict[str, Tensor]:
    """Scalars to log of the alignment terms: values and match rates."""
    log = dict(zip(('align_image', 'align_text'), result.values))
    log.update(zip(('match_image', 'match_text'), result.match))
    return log
