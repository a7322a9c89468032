"""The learnt inverse temperature of the contrastive losses."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def inverse_temperature(log_scale: nn.Parameter, maximum: float) -> Tensor:
    """Exponentiate a logarithmic scale after moving it back below its bound, as CLIP does.

    The parameter itself is moved: a clamp inside the graph has no gradient beyond the bound, and a
    scale that an optimiser's step carried there would never come down again.

    Args:
        log_scale (nn.Parameter): Natural logarithm, any shape; changed in place if it is too large.
        maximum (float): Upper bound of the inverse temperature.

    Returns:
        Tensor: ``exp(log_scale)``, at most ``maximum``, same shape, with gradient.
    """
    with torch.no_grad():
        log_scale.clamp_(max=math.log(maximum))
    return log_scale.exp()
