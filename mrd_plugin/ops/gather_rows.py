"""Gathering of the rows of all ranks, with gradient."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


def gather_rows(x: Tensor) -> Tensor:
    """Join the rows that all ranks hold, in rank order; ranks may hold different numbers of rows.

    Differentiable once. The gradient of every rank's loss with respect to this rank's rows is
    summed (a reduce-scatter). When each rank computes the same global loss, this and the averaging
    of ``DistributedDataParallel`` give the parameter gradients of one process on the joined batch.

    Args:
        x: This rank's rows ``(n_r, ...)``, any dtype; trailing sizes equal on all ranks.

    Returns:
        ``(n_0 + n_1 + ..., ...)``; ``x`` itself outside a process group.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return x
    return _GatherRows.apply(x)


def _row_counts(x: Tensor) -> list[int]:
    own = torch.tensor([len(x)], device=x.device)
    counts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, own)
    return [int(count) for count in counts]


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        counts = _row_counts(x)
        # Collectives need equal shapes: pad to the longest rank, then cut.
        padded = x.new_zeros(max(counts), *x.shape[1:])
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        start = sum(counts[: dist.get_rank()])
        ctx.own = slice(start, start + len(x))
        return torch.cat([part[:count] for part, count in zip(parts, counts)])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> Tensor:
        # A copy: autograd may hand the same buffer to another branch of the graph.
        grad = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad)
        return grad[ctx.own]
