"""Cross-modal code matching: a pair's two features choose alike among the codes of a common codebook.

CMCR (arXiv 2412.08973; formulas from its released code), after Liu et al., cross-modal discrete
representation learning (arXiv 2106.05438). With ``p_i = softmax_v(-|f_i - e_v|)`` and ``q_i`` likewise of
``g_i``,

    S_ij = sum_v [ p_iv log q_jv + q_iv log p_jv ]      L = -1/N sum_i log( exp(S_ii) / sum_j exp(S_ij) )

The released code loops over the rows and shifts ``S`` by its minimum, which can overflow; here it is one
matrix product and a cross entropy.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.models.losses.pair_contrast import Contrast, contrast_of_logits
from mrd_plugin.utils.precision import in_full_precision

_LOWEST = -80.0  # a probability of 1e-35: no sum of products leaves what float32 can hold


def code_log_probabilities(features: Tensor, codes: Tensor) -> Tensor:
    """Logarithm of the soft choice among codes.

    Args:
        features (Tensor): ``(N, D)``.
        codes (Tensor): ``(V, D)``, constants.

    Returns:
        Tensor: ``(N, V)``. The gradient flows to the features alone and is finite on a code itself.
    """
    codes = codes.detach()
    squares = features.square().sum(1, keepdim=True) + codes.square().sum(1)
    distance = (squares - 2 * features @ codes.T).clamp(min=1e-12).sqrt()
    return torch.log_softmax(-distance, dim=1)


@in_full_precision
def code_matching(points: Tensor, pixels: Tensor, codes: Tensor) -> Contrast:
    """Compare the choices of both sensors.

    Args:
        points (Tensor): ``(N, D)`` features f of the points.
        pixels (Tensor): ``(N, D)`` features g of their pixels.
        codes (Tensor): ``(V, D)`` of the codebook.

    Returns:
        Contrast: Loss, match rate and chance level ``ln N``.
    """
    log_p = code_log_probabilities(points, codes).clamp(min=_LOWEST)
    log_q = code_log_probabilities(pixels, codes).clamp(min=_LOWEST)
    both = torch.cat([log_p, log_q], dim=1).exp()
    crossed = torch.cat([log_q, log_p], dim=1)
    return contrast_of_logits(both @ crossed.T)
