"""VoteNet's forward pass on a CPU: our operators against plain loops of tensor operations."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmarks.ball_query import plain_ball_query
from benchmarks.fps import plain_furthest_point_sample
from benchmarks.harness import Benchmark, Comparison

_CONFIG = 'mmdet3d::votenet/votenet_8xb8_scannet-3d.py'


def _plain_sample(ctx: Any, points_xyz: Tensor, num_points: int) -> Tensor:
    return plain_furthest_point_sample(points_xyz, num_points).int()


def _plain_ball_query(
    ctx: Any, min_radius: float, max_radius: float, sample_num: int, xyz: Tensor, centres: Tensor
) -> Tensor:
    parts = centres.split(
        256, dim=1
    )  # the whole matrix and its sorted indices would take gigabytes
    found = torch.cat([plain_ball_query(xyz, part, max_radius, sample_num) for part in parts], 1)
    return found.clamp(max=xyz.shape[1] - 1).int()


def _plain_gather(ctx: Any, features: Tensor, indices: Tensor) -> Tensor:
    return torch.stack([one[:, rows.long()] for one, rows in zip(features, indices)])


def _plain_three_nn(ctx: Any, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    squared = (target[:, :, None] - source[:, None]).square().sum(-1)
    found = squared.sort(dim=-1)
    return found.values[..., :3].sqrt(), found.indices[..., :3].int()


def _plain_interpolate(ctx: Any, features: Tensor, indices: Tensor, weight: Tensor) -> Tensor:
    return (_plain_gather(ctx, features, indices) * weight[:, None]).sum(-1)


_PLAIN: dict[str, Callable] = {
    'furthest_point_sample.FurthestPointSampling': _plain_sample,
    'ball_query.BallQuery': _plain_ball_query,
    'gather_points.GatherPoints': _plain_gather,
    'group_points.GroupingOperation': _plain_gather,
    'three_nn.ThreeNN': _plain_three_nn,
    'three_interpolate.ThreeInterpolate': _plain_interpolate,
}


@contextmanager
def plain_operators() -> Iterator[None]:
    """Let mmcv's functions run the plain loops."""
    ours = []
    for name, plain in _PLAIN.items():
        home, _, function_name = name.partition('.')
        function = getattr(importlib.import_module(f'mmcv.ops.{home}'), function_name)
        ours.append((function, function.forward))
        function.forward = staticmethod(plain)
    try:
        yield
    finally:
        for function, forward in ours:
            function.forward = staticmethod(forward)


def build(points: int, device: str) -> Comparison:
    """Make both sides on a random room of 8 x 6 x 3 metres."""
    from mmengine.config import Config
    from mmengine.hub import get_config
    from mmengine.registry import MODELS, init_default_scope

    import mrd_plugin.compat.mmcv_cpu  # noqa: F401

    init_default_scope('mmdet3d')
    torch.manual_seed(0)
    cfg: Config = get_config(_CONFIG)
    model = MODELS.build(cfg.model).to(device).eval()
    room = torch.rand(points, 3) * torch.tensor([8.0, 6.0, 3.0])
    room[: points // 2, 2] = 0  # half of them on the floor
    cloud = torch.cat([room, room[:, 2:]], dim=1)[None].to(device)

    @torch.no_grad()
    def ours() -> tuple[Tensor, ...]:
        found = model.bbox_head(model.backbone(cloud))
        return found['obj_scores'], found['center'], found['seed_points']

    def reference() -> tuple[Tensor, ...]:
        with plain_operators():
            return ours()

    return Comparison(ours, reference, dict(points=points))


BENCHMARK = Benchmark(
    "VoteNet's forward pass on a CPU against plain loops for mmcv's operators",
    build,
    dict(points=20_000),
    dict(points=3_000),
    3,
)
