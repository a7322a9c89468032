"""InfoNCE between matched rows of two sensors: points and pixels, or superpoints and superpixels.

    L = -1/N sum_i log( exp(<f_i, g_i> / t) / sum_j exp(<f_i, g_j> / t) )

one direction, point to pixel (PPKT, arXiv 2104.04687; SLidR, arXiv 2203.16258, equation 1; CMCR,
arXiv 2412.08973). What is matched is the pre-trainer's business.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


class Contrast(NamedTuple):
    """A contrastive loss and what to read it against.

    Attributes:
        loss: Scalar with gradient; zero where there is nothing to compare.
        match: Rate of rows whose own partner has the largest logit, in [0, 1].
        chance: The loss of random features, ``ln N``.
    """

    loss: Tensor
    match: Tensor
    chance: Tensor


@in_full_precision
def pair_info_nce(points: Tensor, pixels: Tensor, temperature: float = 0.07) -> Contrast:
    """Compare every row with its partner among all partners.

    Args:
        points: ``(N, D)`` of the student, unit length for a published method.
        pixels: ``(N, D)`` of the image side; row i belongs to row i.
        temperature: Defaults to 0.07.

    Returns:
        Loss, match rate and chance level; all zero for N = 0.
    """
    return contrast_of_logits(points @ pixels.T / temperature)


def contrast_of_logits(logits: Tensor, weights: Tensor | None = None) -> Contrast:
    """InfoNCE of a matrix of logits whose partners are on the diagonal.

    Args:
        logits: ``(N, N)``; -inf leaves a negative out.
        weights: Weight of each row, ``(N,)``; their weighted mean is the loss. Defaults to None,
            the plain mean.

    Returns:
        Loss, match rate and chance level.
    """
    count = len(logits)
    chance = logits.new_tensor(math.log(max(count, 1)))
    if count == 0:
        return Contrast(logits.sum(), logits.new_zeros(()), chance)
    own = logits.diagonal()
    match = (own >= logits.amax(1)).to(logits.dtype).mean().detach()
    partners = torch.arange(count, device=logits.device)
    rows = F.cross_entropy(logits, partners, reduction='none')
    if weights is None:
        return Contrast(rows.mean(), match, chance)
    total = weights.sum().clamp(min=1e-12)
    return Contrast((weights * rows).sum() / total, match, chance)
