"""A training step of CMCR against its two networks alone: what heads, decoders and losses cost."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor

from benchmarks.harness import Benchmark, Comparison
from mrd_plugin.models.preprocessors import PairDataPreprocessor
from mrd_plugin.structures import PairBatch, PairDataSample

_SPACE = dict(point=dict(type='ProjectionHead', out_channels=64), image=dict(type='ImageHead'))


def make_sweep(points: int, generator: torch.Generator) -> Tensor:
    """Make a sweep ``(N, 4)`` of 32 beams over flat ground with objects on it.

    34,688 points fill 18,000 voxels of 0.1 m, as those of a real nuScenes keyframe do.
    """
    beam = torch.arange(points) % 32
    elevation = torch.deg2rad(-30.67 + beam * 1.333)
    azimuth = torch.arange(points) * (2 * math.pi / points)
    street = 4 + 10 * torch.rand(64, generator=generator)  # distance of what stands there
    ahead = street[(azimuth / (2 * math.pi) * 64).long().clamp(max=63)]
    ground = torch.where(elevation < 0, 1.84 / -torch.sin(elevation), torch.inf)
    reach = torch.minimum(ground, ahead / torch.cos(elevation))
    reach = reach + 0.02 * torch.randn(points, generator=generator)
    level = reach * torch.cos(elevation)
    xyz = (level * torch.cos(azimuth), level * torch.sin(azimuth), reach * torch.sin(elevation))
    return torch.stack([*xyz, torch.rand(points, generator=generator)], dim=1)


def make_keyframe(
    points: int, cameras: int, pairs: int, queries: int, height: int, width: int
) -> PairBatch:
    """Make one sample with images, pairs, masks of 4 x 4 pixels and queries."""
    generator = torch.Generator().manual_seed(0)

    def integers(high: int, count: int) -> Tensor:
        return torch.randint(high, (count,), generator=generator)

    sweep = make_sweep(points, generator)
    kind = torch.arange(queries) % 3
    near = sweep[integers(points, queries)]
    scale = torch.where(kind == 2, torch.rand(queries, generator=generator), 1 + 0.005 * (kind - 1))
    patches = torch.rand(cameras, -(-height // 4), -(-width // 4), generator=generator) < 0.5
    masks = patches.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, :height, :width]
    masks[::2] = False
    sample = PairDataSample(metainfo=dict(sample_id='made', num_views=cameras))
    pixels = [integers(high, pairs) for high in (cameras, height, width)]
    fields = dict(
        pair_points=integers(points, pairs),
        pair_pixels=torch.stack(pixels, dim=1),
        image_masks=masks,
        query_xyz=near[:, :3] * scale[:, None],
        query_occupied=(kind == 0).float(),
        query_kind=kind,
        query_intensity=torch.where(kind == 2, -1.0, near[:, 3]),
    )
    for key, value in fields.items():
        sample.set_field(value, key)
    images = torch.randint(256, (cameras, 3, height, width), generator=generator).to(torch.uint8)
    data = dict(inputs=dict(points=[sweep], images=[images]), data_samples=[sample])
    return PairDataPreprocessor()(data)['inputs']


def build(
    points: int,
    cameras: int,
    pairs: int,
    queries: int,
    height: int,
    width: int,
    stride: int,
    device: str,
) -> Comparison:
    """Make both sides: MinkUNet34 and a frozen ResNet-50, with and without CMCR around them.

    Both return the student's voxel features. The reference takes their mean square for a loss.
    """
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='CMCR',
            backbone=dict(type='MinkUNetStudent', depth=34),
            teacher=dict(type='ResNetImageTeacher'),
            point_head=_SPACE['point'],
            image_head=_SPACE['image'],
            point_specific_head=_SPACE['point'],
            image_specific_head=_SPACE['image'],
            codebook=dict(type='Codebook'),
            image_decoder=dict(type='ImageDecoder', stride=stride),
            occupancy_decoder=dict(type='OccupancyDecoder'),
        )
    )
    model = model.to(device).train()
    batch = make_keyframe(points, cameras, pairs, queries, height, width)
    moved: dict[str, Any] = {
        k: x.to(device) for k, x in batch._asdict().items() if isinstance(x, Tensor)
    }
    batch = batch._replace(**moved)
    seen: list[Tensor] = []
    model.backbone.register_forward_hook(lambda module, inputs, output: seen.append(output))

    def ours() -> tuple[Tensor, ...]:
        terms = model.loss(batch)
        sum(value for name, value in terms.items() if 'loss' in name).backward()
        model.zero_grad()
        return (seen.pop().detach(),)

    def reference() -> tuple[Tensor, ...]:
        model.teacher(batch.images)
        model.encode_voxels(batch).square().mean().backward()
        model.zero_grad()
        return (seen.pop().detach(),)

    sizes = dict(points=points, voxels=len(batch.voxel_coords), cameras=cameras, pairs=pairs)
    image_sizes = dict(queries=queries, height=height, width=width, stride=stride)
    return Comparison(ours, reference, {**sizes, **image_sizes})


BENCHMARK = Benchmark(
    'a step of CMCR on one keyframe, against its student and teacher alone (ratio below 1)',
    build,
    dict(points=34_688, cameras=6, pairs=18_000, queries=2048, height=224, width=416, stride=4),
    dict(points=2_000, cameras=2, pairs=100, queries=30, height=32, width=64),
    5,
)
