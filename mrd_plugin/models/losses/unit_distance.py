"""ScaLR: the distance of unit vectors, without negatives and temperature (arXiv 2310.17504, section 3)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def unit_distance(points: Tensor, pixels: Tensor) -> Tensor:
    """Distance ``| f / |f| - g / |g| |`` of each pair, not squared; its mean is the loss.

    Args:
        points (Tensor): ``(N, D)``.
        pixels (Tensor): ``(N, D)``.

    Returns:
        Tensor: ``(N,)`` in [0, 2]. Where both agree the gradient is zero, not infinite.
    """
    error = F.normalize(points, dim=1) - F.normalize(pixels, dim=1)
    return error.square().sum(1).clamp(min=1e-12).sqrt()
