"""The formulas of MRD spelled out on whole batch x batch matrices.

For pictures of relations, as the reference of the tests and as the yardstick of the benchmark; the
training losses compute the same values in row blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def psi(sim: Tensor, tau: float) -> Tensor:
    """Logarithm of an intra relation: softmax over the other samples, own sample left out.

    Args:
        sim (Tensor): ``(n, n)`` cosines within one modality.
        tau (float): Temperature.

    Returns:
        Tensor: ``(n, n)`` log-probabilities, -inf on the diagonal.
    """
    own = torch.eye(len(sim), dtype=torch.bool, device=sim.device)
    return F.log_softmax((sim / tau).masked_fill(own, -torch.inf), 1)


def phi(sim: Tensor, tau: float) -> Tensor:
    """Logarithm of a cross relation: softmax over all samples of the other modality.

    Args:
        sim (Tensor): ``(n, k)`` cosines between two modalities.
        tau (float): Temperature.

    Returns:
        Tensor: ``(n, k)`` log-probabilities.
    """
    return F.log_softmax(sim / tau, 1)


def jeffrey(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Mean over rows of ``sum_j (p_j - q_j)(log p_j - log q_j)``; places at -inf in both count 0.

    Args:
        log_p (Tensor): ``(n, k)`` log-probabilities.
        log_q (Tensor): ``(n, k)`` likewise.

    Returns:
        Tensor: Scalar, >= 0.
    """
    left_out = torch.isneginf(log_p) & torch.isneginf(log_q)
    log_p = log_p.masked_fill(left_out, 0)
    log_q = log_q.masked_fill(left_out, 0)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(1).mean()


def mix(log_image: Tensor, log_text: Tensor, alpha: Tensor) -> Tensor:
    """Logarithm of the mixed teacher ``alpha image + (1 - alpha) text``.

    Args:
        log_image (Tensor): ``(n, k)``.
        log_text (Tensor): ``(n, k)``.
        alpha (Tensor): Scalar or ``(n, 1)``.

    Returns:
        Tensor: ``(n, k)``.
    """
    return torch.log(alpha * log_image.exp() + (1 - alpha) * log_text.exp())


def info_nce(sim: Tensor, scale: Tensor) -> Tensor:
    """Half row, half column cross-entropy with the diagonal as the positives.

    Args:
        sim (Tensor): ``(n, n)`` cosines of points and teacher.
        scale (Tensor): Logit scale.

    Returns:
        Tensor: Scalar.
    """
    logits = scale * sim
    own = torch.arange(len(sim), device=sim.device)
    return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))
