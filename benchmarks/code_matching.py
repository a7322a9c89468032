"""Code matching against a loop over its rows, forward and backward."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.harness import Benchmark, Comparison
from mrd_plugin.methods.cmcr.losses import code_matching


def plain_code_matching(points: Tensor, pixels: Tensor, codes: Tensor) -> tuple[Tensor, ...]:
    """Compute loss and gradients row by row, as the released code computes the loss.

    The shift is one that can't overflow, and each row's gradient is taken at once: kept for all
    rows, what they need would fill 30 GB.

    Returns:
        Loss and gradients of points and pixels.
    """
    chosen = [torch.softmax(-torch.cdist(rows, codes), dim=1) for rows in (points, pixels)]
    p, q = (rows.detach().requires_grad_() for rows in chosen)
    total = points.new_zeros(())
    for i in range(len(p)):
        scores = (p[i] * torch.log(q + 1e-10)).sum(1) + (q[i] * torch.log(p + 1e-10)).sum(1)
        exponentials = torch.exp(scores - scores.max())
        row = -torch.log(exponentials[i] / exponentials.sum()) / len(p)
        row.backward()
        total += row.detach()
    return total, *torch.autograd.grad(chosen, (points, pixels), (p.grad, q.grad))


def build(pairs: int, codes: int, dim: int, device: str) -> Comparison:
    """Make both sides on random unit features whose two modalities resemble each other."""
    generator = torch.Generator().manual_seed(0)
    common, *noise = torch.randn(3, pairs, dim, generator=generator).to(device)
    points, pixels = (F.normalize(common + part, dim=1).requires_grad_() for part in noise)
    book = F.normalize(torch.randn(codes, dim, generator=generator), dim=1).to(device)

    def ours() -> tuple[Tensor, ...]:
        loss = code_matching(points, pixels, book).loss
        return (loss.detach(), *torch.autograd.grad(loss, (points, pixels)))

    def reference() -> tuple[Tensor, ...]:
        return plain_code_matching(points, pixels, book)

    return Comparison(ours, reference, dict(pairs=pairs, codes=codes, dim=dim))


BENCHMARK = Benchmark(
    'cross-modal code matching, forward and backward, against the loop over rows',
    build,
    dict(pairs=2048, codes=400, dim=64),
    dict(pairs=32, codes=7),
    3,
)
