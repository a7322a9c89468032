"""Occupancy estimation: is there matter at a query, and what does it reflect.

ALSO (Boulch et al. 2023, arXiv 2212.05867, section 3), as CMCR uses it: each (query, support point) pair is
a sample of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


class OccupancySums(NamedTuple):
    """Sums over (query, support) pairs; ranks are added up before they are divided.

    Attributes:
        occupancy (Tensor): Binary cross entropies, scalar.
        intensity (Tensor): Absolute errors of the intensity, scalar.
        pairs (Tensor): Terms of the first, scalar.
        known (Tensor): Terms of the second: pairs whose return has an intensity, scalar.
    """

    occupancy: Tensor
    intensity: Tensor
    pairs: Tensor
    known: Tensor


@in_full_precision
def occupancy_sums(predicted: Tensor, occupied: Tensor, intensity: Tensor | None) -> OccupancySums:
    """Compare predictions with what the sweep tells.

    Args:
        predicted (Tensor): Occupancy logit and intensity, ``(P, 2)``.
        occupied (Tensor): 0 or 1, ``(P,)``.
        intensity (Tensor, optional): Of the return, below 0 where there is none (far queries),
            ``(P,)``; None if the source has no intensities.

    Returns:
        OccupancySums: Zeros for P = 0.
    """
    target = occupied.to(predicted.dtype)
    occupancy = F.binary_cross_entropy_with_logits(predicted[:, 0], target, reduction='sum')
    pairs = predicted.new_tensor(len(predicted))
    if intensity is None:
        return OccupancySums(occupancy, 0 * predicted[:, 1].sum(), pairs, predicted.new_zeros(()))
    known = intensity >= 0
    error = (predicted[known, 1] - intensity[known].to(predicted.dtype)).abs().sum()
    return OccupancySums(occupancy, error, pairs, known.sum().to(predicted.dtype))
