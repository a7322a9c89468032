"""Mean and covariance of the rows of a matrix."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_ROWS = 4096  # rows of a block: summed in the input's precision, blocks in float64


def row_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean row and the (biased) covariance; differentiable once.

    Rows are centred before they are multiplied and worked in blocks, so that neither digits nor
    memory are lost: no copy of ``x`` is made.

    Args:
        x (Tensor): ``(M, C)``.

    Returns:
        tuple[Tensor, Tensor]: Mean ``(C,)`` and covariance ``(C, C)``.
    """
    return _RowMoments.apply(x)


class _RowMoments(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> tuple[Tensor, Tensor]:
        count, channels = x.shape
        mean = x.mean(0)
        total = torch.zeros(channels, channels, dtype=torch.float64, device=x.device)
        for block in x.split(_ROWS):
            centred = block - mean
            total += centred.T @ centred
        ctx.save_for_backward(x, mean)
        return mean, (total / count).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_mean: Tensor, grad_cov: Tensor) -> Tensor:
        x, mean = ctx.saved_tensors
        factor = (grad_cov + grad_cov.T) / len(x)
        return torch.addmm(grad_mean / len(x) - mean @ factor, x, factor)
