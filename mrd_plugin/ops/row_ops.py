"""Fused operations over rows: the maximum of a linear map; mean and covariance of a matrix."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mrd_plugin.ops._kernels import group_max_kernel, max_linear_backward_kernel, run_batch

_ROWS = 1024  # rows of a block on a CPU: its output stays in the cache


def max_linear(x: Tensor, weight: Tensor) -> Tensor:
    """Compute ``(x @ weight.T).max(dim=1)``; differentiable once.

    Of a group's ``K x D`` products only the ``D`` largest matter, so on a CPU the products are made
    in blocks and dropped, and the gradient visits the largest alone: no tensor of ``G x K x D``
    exists. Where rows tie, one of them receives the gradient.

    Args:
        x: Groups ``(G, K, C)``.
        weight: ``(D, C)``.

    Returns:
        ``(G, D)``.
    """
    compiled = weight.dtype in (torch.float32, torch.float64)  # what the kernels know
    if x.device.type != 'cpu' or not compiled:
        return F.linear(x, weight).max(dim=1).values
    with torch.autocast('cpu', enabled=False):
        return _MaxLinear.apply(x.to(weight.dtype), weight)


class _MaxLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        groups, size, _ = x.shape
        out = x.new_empty(groups, len(weight))
        index = torch.empty(groups, len(weight), dtype=torch.int32)
        step = max(1, _ROWS // size)
        for start in range(0, groups, step):
            block = slice(start, start + step)
            products = F.linear(x[block], weight)
            group_max_kernel(products.numpy(), out[block].numpy(), index[block].numpy())
        ctx.save_for_backward(x, weight, index)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight, index = (tensor.contiguous() for tensor in ctx.saved_tensors)
        parts = max(1, min(torch.get_num_threads(), len(x)))
        grad_x, grad_weight = torch.zeros_like(x), weight.new_zeros(parts, *weight.shape)
        cuts = [part * len(x) // parts for part in range(parts + 1)]
        arrays = [t.numpy() for t in (grad.contiguous(), index, x, weight, grad_x, grad_weight)]
        grads, places, rows, weights, to_rows, to_weights = arrays

        def run(part: int) -> None:
            own = slice(cuts[part], cuts[part + 1])
            max_linear_backward_kernel(
                grads[own], places[own], rows[own], weights, to_rows[own], to_weights[part]
            )

        run_batch(run, parts)
        return grad_x, grad_weight.sum(0)


_MOMENT_ROWS = 4096  # rows of a block: summed in the input's precision, blocks in float64


def row_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean row and the (biased) covariance; differentiable once.

    Rows are centred before they are multiplied and worked in blocks, so that neither digits nor
    memory are lost: no copy of ``x`` is made.

    Args:
        x: ``(M, C)``.

    Returns:
        Mean ``(C,)`` and covariance ``(C, C)``.
    """
    return _RowMoments.apply(x)


class _RowMoments(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> tuple[Tensor, Tensor]:
        count, channels = x.shape
        mean = x.mean(0)
        total = torch.zeros(channels, channels, dtype=torch.float64, device=x.device)
        for block in x.split(_MOMENT_ROWS):
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
