"""One training step of the furniture student, with our operators and with plain ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.models.backbones import PointPatchTransformer, set_abstraction
from mrd_plugin.models.losses import MRDLoss
from mrd_plugin.utils.benchmark import Benchmark, Pair
from mrd_plugin.utils.benchmarks.ball_query import plain_ball_query
from mrd_plugin.utils.benchmarks.fps import plain_furthest_point_sample

_DIM = 384


@contextmanager
def plain_operators() -> Iterator[None]:
    """Sample and group with loops over tensors, as in most code of the field."""
    sampling = mock.patch.object(
        set_abstraction, 'furthest_point_sample', plain_furthest_point_sample
    )
    grouping = mock.patch.object(set_abstraction, 'ball_query', plain_ball_query)
    with sampling, grouping:
        yield


def build(shapes: int, points: int, device: str) -> Pair:
    """Make both sides on random clouds and random teacher features."""
    torch.manual_seed(0)
    student = PointPatchTransformer(
        in_channels=7,
        dim=128,
        depth=3,
        num_heads=4,
        mlp_dim=256,
        sa_hidden=32,
        sa_dim=64,
        num_patches=32,
        radius=0.25,
        num_neighbours=16,
    ).to(device)
    head = torch.nn.Linear(student.out_channels, _DIM).to(device)
    # Fixed weights: learnt ones keep running means, and each call would give another gradient.
    fixed = dict(type='FixedWeights')
    criterion = MRDLoss(within=fixed, across=fixed).to(device)
    cloud = torch.rand(shapes, points, 7, device=device) * 2 - 1
    image, text = F.normalize(torch.randn(2, shapes, _DIM, device=device), dim=-1)
    everyone = torch.ones(shapes, dtype=torch.bool, device=device)
    scale = torch.tensor(1 / 0.07, device=device)

    def step() -> tuple[Tensor, ...]:
        for parameter in (*student.parameters(), *head.parameters()):
            parameter.grad = None
        embedding = head(student(cloud))
        losses = criterion(embedding, image, text, everyone, everyone, scale, scale)
        losses['loss'].backward()
        assert head.weight.grad is not None
        return losses['loss'].detach(), head.weight.grad

    def plain_step() -> tuple[Tensor, ...]:
        with plain_operators():
            return step()

    return Pair(step, plain_step, dict(shapes=shapes, points=points))


BENCHMARK = Benchmark(
    'one training step of the furniture student, against plain sampling and grouping',
    build,
    dict(shapes=64, points=1024),
    dict(shapes=4, points=128),
    7,
)
