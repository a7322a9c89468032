"""One training step of a student, forward and backward, against the textbook implementation."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.harness import Benchmark, Comparison
from benchmarks.textbook_student import TextbookStudent
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.methods.mrd.mrd import MRDLoss
from mrd_plugin.models.backbones import PointPatchTransformer

_TEACHER_DIM = 384
_FURNITURE: dict = dict(
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
)


def make_step(
    backbone: nn.Module, cloud: Tensor, loss: Callable[[Tensor], Tensor]
) -> Callable[[], tuple[Tensor, ...]]:
    """Make a step that returns the features and the gradient of every parameter, by name."""
    names = sorted(name for name, _ in backbone.named_parameters())

    def step() -> tuple[Tensor, ...]:
        parameters = [backbone.get_parameter(name) for name in names]
        features = backbone(cloud)
        return (features.detach(), *torch.autograd.grad(loss(features), parameters))

    return step


def make_cloud(shapes: int, points: int, channels: int, device: str) -> Tensor:
    """Make random coloured clouds ``(shapes, points, channels)`` that fill the unit ball."""
    cloud = torch.rand(shapes, points, channels) * 2 - 1
    cloud[..., :3] /= cloud[..., :3].norm(dim=-1).amax(1)[:, None, None]
    return cloud.to(device)


def mean_square(features: Tensor) -> Tensor:
    """Return a loss that every feature takes part in."""
    return features.square().mean()


def build(scaling: int, shapes: int, points: int, device: str) -> Comparison:
    """Make both sides with the sizes of a published row, on random clouds."""
    torch.manual_seed(0)
    student = PointPatchTransformer(scaling=scaling).to(device)
    cloud = make_cloud(shapes, points, 6, device)
    return Comparison(
        make_step(student, cloud, mean_square),
        make_step(TextbookStudent(student).to(device), cloud, mean_square),
        dict(scaling=scaling, shapes=shapes, points=points),
    )


def build_furniture(shapes: int, points: int, device: str) -> Comparison:
    """Make both sides with the sizes of the furniture configs, under head and MRD's loss."""
    torch.manual_seed(0)
    student = PointPatchTransformer(**_FURNITURE).to(device)
    head = nn.Linear(student.out_channels, _TEACHER_DIM).to(device)
    # Fixed weights: learnt ones keep running means, and each call would give another gradient.
    fixed = dict(type='FixedWeights')
    criterion = MRDLoss(within=fixed, across=fixed).to(device)
    cloud = make_cloud(shapes, points, 7, device)
    image, text = F.normalize(torch.randn(2, shapes, _TEACHER_DIM, device=device), dim=-1)
    everyone = torch.ones(shapes, dtype=torch.bool, device=device)
    scale = torch.tensor(1 / 0.07, device=device)

    def batch(points: Tensor) -> Triplets:
        return Triplets(points, image, text, everyone, everyone)

    def loss(features: Tensor) -> Tensor:
        return criterion(batch(head(features)), scale, scale)['loss']

    return Comparison(
        make_step(student, cloud, loss),
        make_step(TextbookStudent(student).to(device), cloud, loss),
        dict(shapes=shapes, points=points),
    )


BENCHMARK = Benchmark(
    'one training step of PointPatchTransformer, against a textbook implementation',
    build,
    dict(scaling=4, shapes=8, points=10_000),
    dict(scaling=1, shapes=2, points=300),
    3,
)
FURNITURE_BENCHMARK = Benchmark(
    'one training step of the furniture student with its loss, against a textbook implementation',
    build_furniture,
    dict(shapes=64, points=1024),
    dict(shapes=4, points=128),
    7,
)
