"""Tri-modal alignment: the baseline that OpenShape and ULIP train, and the base of MRD.

A shape's embedding is pulled to the frozen embeddings of its picture and of its text and pushed from
those of the other shapes in the global batch (OpenShape, arXiv 2305.10764, section 3.2; ULIP, arXiv
2212.05171).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.methods.base_shape import BasePretrainer, inverse_temperature
from mrd_plugin.ops import gather_rows
from mrd_plugin.structures import ShapeDataSample


class Triplets(NamedTuple):
    """Unit features of the global batch, all ranks' rows joined in rank order."""

    points: Tensor
    """Student, ``(n, D)``, with gradient."""
    image: Tensor
    """Teacher's image features, ``(n, D)``; rows without an image hold zeros."""
    text: Tensor
    """Teacher's text features, ``(n, D)``; rows without a text hold zeros."""
    has_image: Tensor
    """``(n,)`` bool."""
    has_text: Tensor
    """``(n,)`` bool."""


@MODELS.register_module()
class ShapeAligner(BasePretrainer):
    """Align points with image and text.

    Args:
        loss (dict): Loss module over :class:`Triplets`. Defaults to ``AlignLoss``.
        init_logit_scale (float): Initial inverse temperature. Defaults to 1 / 0.07.
        max_logit_scale (float): Upper clamp of the inverse temperature. Defaults to 100.
        separate_logit_scales (bool): One temperature for the image and one for the text term
            (MixCon3D) instead of a shared one (OpenShape). Defaults to False.
        **kwargs: See :class:`BasePretrainer`.
    """

    def __init__(
        self,
        *args,
        loss: dict | None = None,
        init_logit_scale: float = 1 / 0.07,
        max_logit_scale: float = 100.0,
        separate_logit_scales: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.criterion = MODELS.build(loss or dict(type='AlignLoss'))
        count = 2 if separate_logit_scales else 1
        self.log_logit_scale = nn.Parameter(torch.full((count,), math.log(init_logit_scale)))
        self.max_logit_scale = max_logit_scale

    def logit_scales(self) -> tuple[Tensor, Tensor]:
        """Inverse temperatures of the image and the text term, clamped."""
        scale = inverse_temperature(self.log_logit_scale, self.max_logit_scale)
        return scale[0], scale[-1]

    def logit_scale_log(self) -> dict[str, Tensor]:
        """The inverse temperatures as scalars to log: one, or one for image and one for text."""
        scales = self.log_logit_scale.detach().exp().unbind()
        names = ('logit_scale_image', 'logit_scale_text') if len(scales) == 2 else ('logit_scale',)
        return dict(zip(names, scales))

    def triplets(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> Triplets:
        """Embed this rank's shapes, ask the teacher, join all ranks."""
        points = F.normalize(self.embed(inputs).float(), dim=-1)
        targets = self.teacher(data_samples)
        return Triplets(
            points=gather_rows(points),
            image=gather_rows(targets.image),
            text=gather_rows(targets.text),
            has_image=gather_rows(targets.has_image),
            has_text=gather_rows(targets.has_text),
        )

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            inputs (Tensor): Points ``(B, N, C)`` of this rank.
            data_samples (Sequence[ShapeDataSample]): The shapes' texts and images.

        Returns:
            dict[str, Tensor]: ``loss``, and scalars to log: terms, weights, logit scales.
        """
        batch = self.triplets(inputs, data_samples)
        scale_image, scale_text = self.logit_scales()
        log = self.criterion(*batch, scale_image, scale_text)
        return {**log, **self.logit_scale_log()}
