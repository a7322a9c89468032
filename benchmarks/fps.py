"""Furthest point sampling against the usual loop of tensor operations."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.harness import Benchmark, Comparison
from mrd_plugin.ops import furthest_point_sample


def plain_furthest_point_sample(xyz: Tensor, k: int) -> Tensor:
    """Sample ``(B, N, 3)`` down to indices ``(B, k)``, one whole-batch step per chosen point."""
    batch = torch.arange(len(xyz), device=xyz.device)
    chosen = torch.zeros(len(xyz), k, dtype=torch.long, device=xyz.device)
    distance = torch.full(xyz.shape[:2], torch.inf, dtype=xyz.dtype, device=xyz.device)
    for step in range(1, k):
        last = xyz[batch, chosen[:, step - 1]][:, None]
        distance = torch.minimum(distance, ((xyz - last) ** 2).sum(-1))
        chosen[:, step] = distance.argmax(1)
    return chosen


def build(clouds: int, points: int, samples: int, device: str) -> Comparison:
    """Make both sides on random clouds in the unit ball."""
    xyz = torch.randn(clouds, points, 3, generator=torch.Generator().manual_seed(0))
    xyz = (xyz / xyz.norm(dim=-1).amax(1)[:, None, None]).to(device)
    return Comparison(
        lambda: (furthest_point_sample(xyz, samples),),
        lambda: (plain_furthest_point_sample(xyz, samples),),
        dict(clouds=clouds, points=points, samples=samples),
    )


BENCHMARK = Benchmark(
    'furthest point sampling against the plain torch loop',
    build,
    dict(clouds=16, points=10_000, samples=384),
    dict(points=100, samples=8),
    5,
)
