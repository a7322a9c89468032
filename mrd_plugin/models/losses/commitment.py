"""Commitment of features to the codes of a codebook, their own and their partner's.

CMCR (arXiv 2412.08973; formulas from its released code, the mechanism from Xia et al., Achieving Cross
Modal Generalization with Multimodal Unified Representation, NeurIPS 2023): with codes ``e_k`` of the
points and ``e_l`` of their pixels as constants,

    L_p = 2 b |f - e_k|^2 + b |f - e_l|^2        L_v = 2 b |g - e_l|^2 + b |g - e_k|^2

The terms that cross over are what makes the codebook common.
"""

from __future__ import annotations

from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def commitment(features: Tensor, own_codes: Tensor, other_codes: Tensor, beta: float) -> Tensor:
    """One side's commitment, ``L_p`` or ``L_v``.

    Args:
        features (Tensor): ``(N, D)``.
        own_codes (Tensor): ``(N, D)`` codes of the features; constants.
        other_codes (Tensor): ``(N, D)`` codes of their partners; constants.
        beta (float): The weight b; 0.25 in the released code.

    Returns:
        Tensor: Mean over all N D numbers, a scalar; zero for N = 0.
    """
    own = (features - own_codes.detach()).square().sum()
    other = (features - other_codes.detach()).square().sum()
    return beta * (2 * own + other) / max(features.numel(), 1)
