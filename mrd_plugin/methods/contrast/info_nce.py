"""Two-directional InfoNCE: on a whole matrix, and by blocks of rows with a closed-form gradient.

With similarities ``x_ij = <p_i, k_j>`` between student and teacher rows and a logit scale ``s``,

    L = 1/(2n) sum_i [ lse_j(s x_ij) - s x_ii ]  +  1/(2n) sum_i [ lse_j(s x_ji) - s x_ii ]

(CLIP, Radford et al. 2021; OpenShape, Liu et al. 2023, without its factor of two). The gradient
with respect to the logit ``s x_ij`` is ``(row softmax + column softmax - 2 [i = j]) / (2n)``. The
column softmax needs the log-sum-exp of whole columns, which :func:`column_log_sum_exp` collects in
a first pass over the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class ContrastiveRows(NamedTuple):
    """What one block of ``b`` rows against ``n`` columns gives.

    Attributes:
        value: ``(b,)`` half the row term plus half the column term of each sample.
        grad: ``(b, n)`` gradient of ``value.sum()`` over all blocks with respect to this block's
            similarities.
        grad_scale: ``(b,)`` each row's share of the gradient of the logit scale.
        match: ``(b,)`` 1 where the row's own column has the largest logit, else 0.
    """

    value: Tensor
    grad: Tensor | None
    grad_scale: Tensor | None
    match: Tensor


def duplicate_groups(teacher: Tensor) -> Tensor:
    """Give each distinct row of a teacher a number; equal rows (the same text) share it.

    Args:
        teacher: ``(n, D)``.

    Returns:
        ``(n,)`` long.
    """
    return torch.unique(teacher, dim=0, return_inverse=True)[1]


def same_rows(teacher: Tensor) -> Tensor:
    """Which different samples have the very same row: ``(n, D)`` to ``(n, n)`` bool."""
    groups = duplicate_groups(teacher)
    return (groups[:, None] == groups[None, :]).fill_diagonal_(False)


def info_nce(sim: Tensor, scale: Tensor, excluded: Tensor | None = None) -> Tensor:
    """Half row, half column cross-entropy with the diagonal as the positives.

    Args:
        sim: ``(n, n)`` cosines of student rows and teacher rows.
        scale: The logit scale, a scalar.
        excluded: ``(n, n)`` bool, pairs that are no candidates; False on the diagonal.

    Returns:
        Scalar; exactly zero, with its graph intact, for ``n = 0``.
    """
    if len(sim) == 0:
        return (sim.sum() + scale) * 0
    logits = scale * sim
    if excluded is not None:
        logits = logits.masked_fill(excluded, -torch.inf)
    own = torch.arange(len(sim), device=sim.device)
    return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))


def contrastive_logits(sim: Tensor, scale: Tensor, groups: Tensor | None, start: int) -> Tensor:
    """Scale similarities; a column whose teacher row equals the row's own becomes -inf.

    Args:
        sim: ``(b, n)`` similarities of rows ``start, start + 1, ...`` with all columns.
        scale: The logit scale, a scalar.
        groups: Numbers from :func:`duplicate_groups`; None keeps every negative.
        start: Column that belongs to the block's first row.

    Returns:
        A new ``(b, n)``.
    """
    logits = sim * scale
    if groups is not None:
        own = groups[start : start + len(sim)]
        same = own[:, None] == groups[None, :]
        same.diagonal(start).fill_(False)
        logits.masked_fill_(same, -torch.inf)
    return logits


def column_log_sum_exp(logit_blocks: Iterable[Tensor]) -> Tensor:
    """Log-sum-exp of every column of a matrix that arrives in blocks of rows.

    Args:
        logit_blocks: Blocks ``(b, n)``, at least one.

    Returns:
        ``(n,)``.
    """
    return reduce(torch.logaddexp, (torch.logsumexp(logits, 0) for logits in logit_blocks))


def contrastive_rows(
    sim: Tensor,
    scale: Tensor,
    column_lse: Tensor,
    groups: Tensor | None,
    start: int,
    want_grad: bool,
) -> ContrastiveRows:
    """Both directions of InfoNCE for the samples of one block of rows.

    Args:
        sim: ``(b, n)`` similarities; not modified.
        scale: The logit scale, a scalar.
        column_lse: ``(n,)`` from :func:`column_log_sum_exp` over the same logits.
        groups: See :func:`contrastive_logits`.
        start: Column that belongs to the block's first row.
        want_grad: Whether gradients are needed.

    Returns:
        Values and gradients, not yet divided by the number of samples.
    """
    logits = contrastive_logits(sim, scale, groups, start)
    own_lse = column_lse[start : start + len(sim)]
    log_row = torch.log_softmax(logits, 1)
    positive = log_row.diagonal(start).clone()
    value = 0.5 * (own_lse - logits.diagonal(start) - positive)
    match = (positive >= log_row.amax(1)).to(sim.dtype)
    if not want_grad:
        return ContrastiveRows(value, None, None, match)
    grad = log_row.exp_()
    grad += logits.sub_(column_lse).exp_()
    grad.diagonal(start).sub_(2)
    grad *= 0.5
    grad_scale = row_dot(grad, sim)
    return ContrastiveRows(value, grad.mul_(scale), grad_scale, match)


def row_dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of each row of ``a`` with the same row of ``b``: two ``(b, k)`` to ``(b,)``."""
    return (a * b).sum(1)
