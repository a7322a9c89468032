"""The formulas of MRD on whole batch x batch matrices, one function each.

``mrd.py`` composes them to the loss, figures show them, and the benchmark measures the row-blocked
engine against them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def psi(sim: Tensor, tau: float | Tensor) -> Tensor:
    """Logarithm of an intra relation: softmax over the other samples, own sample left out.

    Args:
        sim: ``(n, n)`` cosines within one modality.
        tau: Temperature.

    Returns:
        ``(n, n)`` log-probabilities, -inf on the diagonal.
    """
    own = torch.eye(len(sim), dtype=torch.bool, device=sim.device)
    return F.log_softmax((sim / tau).masked_fill(own, -torch.inf), 1)


def phi(sim: Tensor, tau: float | Tensor) -> Tensor:
    """Logarithm of a cross relation: softmax over all samples of the other modality.

    Args:
        sim: ``(n, k)`` cosines between two modalities.
        tau: Temperature.

    Returns:
        ``(n, k)`` log-probabilities.
    """
    return F.log_softmax(sim / tau, 1)


def mix(log_image: Tensor, log_text: Tensor, alpha: Tensor) -> Tensor:
    """Logarithm of the mixed teacher ``alpha image + (1 - alpha) text``.

    Args:
        log_image: ``(n, k)``.
        log_text: ``(n, k)``.
        alpha: Scalar or ``(n, 1)``.

    Returns:
        ``(n, k)``.
    """
    mixed = alpha * log_image.exp() + (1 - alpha) * log_text.exp()
    # Where the own sample is left out, the logarithm of 0 would have the gradient 0 / 0.
    left_out = torch.isneginf(log_image) & torch.isneginf(log_text)
    return mixed.masked_fill(left_out, 1).log().masked_fill(left_out, -torch.inf)


def jeffrey(log_p: Tensor, log_q: Tensor) -> Tensor:
    """``sum_j (p_j - q_j)(log p_j - log q_j)`` of each row; places at -inf in both count 0.

    Args:
        log_p: ``(n, k)`` log-probabilities.
        log_q: ``(n, k)`` likewise.

    Returns:
        ``(n,)``, >= 0.
    """
    log_p, log_q = _without_own(log_p, log_q)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(1)


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """``sum_j p_j (log p_j - log q_j)`` of each row; arguments as in :func:`jeffrey`."""
    log_p, log_q = _without_own(log_p, log_q)
    return (log_p.exp() * (log_p - log_q)).sum(1)


def raw_distance(student: Tensor, teacher: Tensor, squared: bool, own: bool) -> Tensor:
    """Mean smooth L1 (beta 1) or squared error of each row of cosines.

    Args:
        student: ``(n, k)`` cosines.
        teacher: ``(n, k)`` likewise.
        squared: Squared error instead of smooth L1.
        own: Whether the diagonal counts.

    Returns:
        ``(n,)``.
    """
    error = F.mse_loss if squared else F.smooth_l1_loss
    values = error(student, teacher, reduction='none')
    if own:
        return values.mean(1)
    diagonal = torch.eye(len(values), dtype=torch.bool, device=values.device)
    return values.masked_fill(diagonal, 0).sum(1) / (values.shape[1] - 1)


def _without_own(log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
    left_out = torch.isneginf(log_p) & torch.isneginf(log_q)
    return log_p.masked_fill(left_out, 0), log_q.masked_fill(left_out, 0)
