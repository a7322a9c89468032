"""Ball query against a distance matrix and a sort."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.harness import Benchmark, Comparison
from mrd_plugin.ops import ball_query, furthest_point_sample

_RADIUS = 0.2


def plain_ball_query(xyz: Tensor, centres: Tensor, radius: float, k: int) -> Tensor:
    """First ``k`` indices inside the ball by sorting all indices, padded with the first of them."""
    distance = (centres[:, :, None] - xyz[:, None]).square().sum(-1)
    index = torch.arange(xyz.shape[1], device=xyz.device).repeat(*centres.shape[:2], 1)
    index[distance > radius**2] = xyz.shape[1]
    index = index.sort(-1).values[..., :k]
    first = index[..., :1].expand_as(index)
    return torch.where(index == xyz.shape[1], first, index)


def build(clouds: int, points: int, centres: int, neighbours: int, device: str) -> Comparison:
    """Make both sides on random clouds in the unit ball; centres by furthest point sampling."""
    xyz = torch.randn(clouds, points, 3, generator=torch.Generator().manual_seed(0))
    xyz = (xyz / xyz.norm(dim=-1).amax(1)[:, None, None]).to(device)
    chosen = furthest_point_sample(xyz, centres)
    middle = xyz.gather(1, chosen[..., None].expand(-1, -1, 3))
    return Comparison(
        lambda: (ball_query(xyz, middle, _RADIUS, neighbours),),
        lambda: (plain_ball_query(xyz, middle, _RADIUS, neighbours),),
        dict(clouds=clouds, points=points, centres=centres, neighbours=neighbours, radius=_RADIUS),
    )


BENCHMARK = Benchmark(
    'ball query against distance matrix and sort',
    build,
    dict(clouds=1, points=10_000, centres=384, neighbours=64),
    dict(points=200, centres=8, neighbours=4),
    9,
)
